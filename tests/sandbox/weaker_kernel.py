"""Runs a command as a kernel without some locks would: `... weaker_kernel landlock seccomp -- CMD`.

The calls that install the named locks fail in the command and all its children, by a filter.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
import sys

from runtime.sandbox.seccomp import Filter

ALLOW = 0x7FFF0000
FAIL = 0x00050000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
PRCTL = {"x86_64": 157, "aarch64": 167}
SECCOMP = {"x86_64": 317, "aarch64": 277}
CREATE_RULESET = 444
PR_SET_SECCOMP = 22

Instruction = tuple[int, int, int, int]


def without(locks: list[str]) -> bytes:
    machine = platform.machine()
    steps: list[Instruction] = [(LOAD, 0, 0, 0)]
    if "landlock" in locks:
        steps += refuse(CREATE_RULESET)
    if "seccomp" in locks:
        steps += refuse(SECCOMP[machine])
        steps += [
            (JUMP_EQUAL, 0, 3, PRCTL[machine]),
            (LOAD, 0, 0, 16),
            (JUMP_EQUAL, 0, 1, PR_SET_SECCOMP),
            (RETURN, 0, 0, FAIL | errno.EINVAL),
        ]
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def refuse(number: int) -> list[Instruction]:
    return [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, FAIL | errno.ENOSYS)]


def command(*locks: str) -> list[str]:
    """The words that go before a command."""
    return [sys.executable, "-m", "tests.sandbox.weaker_kernel", *locks, "--"]


def main() -> None:
    end = sys.argv.index("--")
    Filter(without(sys.argv[1:end])).install()
    words = sys.argv[end + 1 :]
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
