"""The limits of confined processes: memory of both sorts, files, descriptors, programs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

ATTEMPTS = """
import json, mmap, os, resource, sys
from runtime.processes.confine import Confinement, Locks
from runtime.sandbox.profiles import DECODER
file = os.memfd_create("x")
os.ftruncate(file, 400_000_000)
Locks.prepared(Confinement(
    profile=DECODER,
    memory_bytes=50_000_000,
    memory=getattr(resource, sys.argv[1]),
    file_bytes=int(sys.argv[2]),
)).apply(os.getppid())
def attempt(act):
    try:
        act()
    except (OSError, MemoryError) as exc:
        return type(exc).__name__
    return "done"
os.write(1, json.dumps({
    "own memory": attempt(lambda: bytearray(200_000_000)),
    "memory of others": attempt(lambda: mmap.mmap(file, 300_000_000)),
    "write": attempt(lambda: os.write(file, b"x" * 100)),
    "descriptors": attempt(lambda: [os.dup(0) for _ in range(100)]),
}).encode())
"""


def _attempts(memory: str, file_bytes: int = 0) -> dict[str, Any]:
    words = [sys.executable, "-c", ATTEMPTS, memory, str(file_bytes)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
def test_addresses_are_limited_whoever_s_the_memory_is() -> None:
    found = _attempts("RLIMIT_AS")
    assert found["own memory"] == "MemoryError"
    assert found["memory of others"] == "OSError"
    assert found["descriptors"] == "OSError"
    assert found["write"] == "OSError"


@pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
def test_own_memory_is_limited_where_much_of_others_is_mapped() -> None:
    found = _attempts("RLIMIT_DATA")
    assert found["own memory"] == "MemoryError"
    assert found["memory of others"] == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
def test_as_much_can_be_written_as_was_granted() -> None:
    assert _attempts("RLIMIT_AS", 1000)["write"] == "done"
