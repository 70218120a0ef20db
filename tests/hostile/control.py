"""The control run: the same scripts where nothing is locked, so that a refusal proves a lock.

`python -m tests.hostile.control` prints, for each script that claims a proof, what it logs in a
throw-away process of an ordinary user. Only harmless variants run here: signals are of number 0,
bombs are small.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from functools import cache
from types import SimpleNamespace
from typing import Any, NoReturn

from runtime.processes.confine import NOBODY
from runtime.sandbox import zygote
from tests.hostile.case import PRELUDE, Hostile
from tests.hostile.corpus import CORPUS

API = "from runtime import *\n"
CONTROL = "CONTROL = False"
TIMEOUT_S = 60
PR_SET_DUMPABLE = 4


@cache
def control_runs() -> dict[str, list[str]]:
    """Log lines by the name of the script."""
    command = [sys.executable, "-m", "tests.hostile.control"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def main() -> None:
    zygote.preload()
    _become_ordinary()
    cases = [case for case in CORPUS.values() if case.proof is not None]
    print(json.dumps({case.name: _run(case) for case in cases}))


def _become_ordinary() -> None:
    """These scripts never run as root without locks."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # A change of user takes it away; scripts of an ordinary user would have it.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def _run(case: Hostile) -> list[str]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _child(case, theirs)
    theirs.close()
    lines = []
    while line := ours.recv(4096):
        lines.append(line.decode(errors="replace"))
    ours.close()
    os.waitpid(pid, 0)
    return lines


def _child(case: Hostile, theirs: socket.socket) -> NoReturn:
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        names: dict[str, Any] = {
            "Logger": SimpleNamespace(write=lambda text: theirs.send(str(text)[:4000].encode()))
        }
        source = (PRELUDE + case.attack).replace(API, "").replace(CONTROL, "CONTROL = True")
        exec(compile(source, f"{case.name}.py", "exec"), names)
        names["attack"]()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
