"""Locks of the workers, tried from inside by forbidden acts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

ATTEMPTS = """
import json, os, resource, socket, sys
from pathlib import Path
from runtime.processes.confine import confine
reads = Path(sys.argv[1]) if len(sys.argv) > 1 else None
file = os.memfd_create("x")
locks = confine(memory_bytes=50_000_000, reads=reads)
def attempt(act):
    try:
        act()
    except (OSError, MemoryError, ValueError) as exc:
        return type(exc).__name__
    return "done"
results = {
    "open": attempt(lambda: open("/etc/hostname")),
    "list": attempt(lambda: os.listdir("/")),
    "exec": attempt(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "tcp": attempt(lambda: socket.socket().connect(("127.0.0.1", 9))),
    "signal": attempt(lambda: os.kill(os.getppid(), 0)),
    "memory": attempt(lambda: bytearray(200_000_000)),
    "write": attempt(lambda: os.write(file, b"x")),
    "descriptors": attempt(lambda: [os.dup(0) for _ in range(100)]),
    "root": os.geteuid() == 0,
}
print(json.dumps({"locks": locks, **results}))
"""


def _attempts(*arguments: str) -> dict[str, object]:
    command = [sys.executable, "-c", ATTEMPTS, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_a_confined_worker_can_do_nothing_but_its_work() -> None:
    result = _attempts()
    assert not result["root"]
    assert result["memory"] == "MemoryError"
    assert result["write"] == "OSError"
    assert result["descriptors"] == "OSError"
    if "landlock" not in result["locks"]:  # type: ignore[operator]
        pytest.skip("this kernel has no Landlock")
    for act in ("open", "list", "exec", "tcp"):
        assert result[act] == "PermissionError", act


def test_a_worker_may_keep_reading_its_library_s_data(tmp_path: object) -> None:
    result = _attempts("/usr")
    assert result["list"] == "done"
    assert not result["root"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be locked out by giving up root")
def test_a_worker_keeps_its_uid_when_its_data_are_root_s_alone(tmp_path: object) -> None:
    os.chmod(str(tmp_path), 0o700)
    result = _attempts(str(tmp_path))
    assert result["root"]


DECODER_ATTEMPTS = """
import _thread, json, mmap, os, socket
from runtime.processes.confine import confine
from runtime.sandbox.syscalls import DECODER
locks = confine(memory_bytes=50_000_000, profile=DECODER)
def attempt(act):
    try:
        act()
    except (OSError, RuntimeError) as exc:
        return type(exc).__name__
    return "done"
print(json.dumps({
    "locks": locks,
    "refused": [
        attempt(lambda: os.open("/etc/hostname", os.O_RDONLY)),
        attempt(lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR)),
        attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        attempt(lambda: socket.socket(socket.AF_UNIX)),
        attempt(lambda: socket.socketpair()),
        attempt(lambda: os.fork()),
        attempt(lambda: os.posix_spawn("/bin/true", ["true"], {})),
        attempt(lambda: os.kill(os.getppid(), 0)),
        attempt(lambda: mmap.mmap(-1, 4096, prot=7)),
    ],
    "thread": attempt(lambda: _thread.start_new_thread(os.getpid, ())),
}))
"""


def test_a_decoder_can_open_neither_a_file_nor_a_socket() -> None:
    command = [sys.executable, "-c", DECODER_ATTEMPTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert {"limits", "landlock", "seccomp"} <= set(result["locks"])
    assert set(result["refused"]) == {"PermissionError"}
    assert result["thread"] == "RuntimeError"
