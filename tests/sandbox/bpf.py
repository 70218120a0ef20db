"""Carries out a filter program as the kernel would: what it says to one system call."""

from __future__ import annotations

import struct
from typing import Final

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050001
"""SECCOMP_RET_ERRNO with EPERM."""
VERDICTS: Final = {ALLOW: "allowed", KILL: "killed", REFUSE: "refused"}
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> str:
    """struct seccomp_data: number, architecture, instruction pointer, six arguments."""
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, architecture, 0, *(word % 2**64 for word in words))
    accumulator = at = 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == _LOAD:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == _RETURN:
            return VERDICTS[k]
        else:
            assert code in (_EQUAL, _ANY_BIT), hex(code)
            holds = accumulator == k if code == _EQUAL else bool(accumulator & k)
            at += if_true if holds else if_false
