"""The kernel filter of a worker: an allow-list in raw BPF, and its installation.

Everything that is not listed fails with EPERM; what only an attack calls kills the process. The
program is built once in the zygote (it depends on the CPU alone) and installed in each worker after
trio has its descriptors. No privilege is needed (no_new_privs is).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from runtime.sandbox.syscalls import (
    MACHINES,
    SESSION,
    ArgumentRule,
    Check,
    Machine,
    Profile,
)

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_EPERM: Final = 0x00050000 | 1

_NUMBER_AT: Final = 0
_ARCH_AT: Final = 4
_ARGUMENTS_AT: Final = 16

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_INSTRUCTION_SIZE: Final = 8
_libc: Final = ctypes.CDLL(None, use_errno=True)

Instruction = tuple[int, int, int, int]


class SeccompUnavailable(Exception):
    """No filter for this CPU, or the kernel refused it; str() says which."""


def build_filter(machine_name: str, profile: Profile = SESSION) -> bytes:
    """The whole program for a CPU (os.uname().machine). Raises SeccompUnavailable."""
    machine = MACHINES.get(machine_name)
    if machine is None:
        raise SeccompUnavailable(f"no system call table for {machine_name}")
    return b"".join(struct.pack("=HBBI", *step) for step in _program(machine, profile))


def _program(machine: Machine, profile: Profile) -> Iterator[Instruction]:
    yield _LOAD_WORD, 0, 0, _ARCH_AT
    yield _JUMP_EQUAL, 1, 0, machine.audit_arch
    yield _RETURN, 0, 0, _KILL_PROCESS
    yield _LOAD_WORD, 0, 0, _NUMBER_AT
    if machine.x32_bit:
        yield _JUMP_ANY_BIT, 0, 1, machine.x32_bit
        yield _RETURN, 0, 0, _KILL_PROCESS
    yield from _verdict_for(_known(machine, profile.allowed), _ALLOW)
    for rule in profile.arguments:
        yield from _argument_rule(machine, rule)
    yield from _verdict_for(_known(machine, profile.killed), _KILL_PROCESS)
    yield _RETURN, 0, 0, _EPERM


def _known(machine: Machine, names: Iterable[str]) -> list[int]:
    return [machine.numbers[name] for name in names if name in machine.numbers]


def _verdict_for(numbers: Iterable[int], verdict: int) -> Iterator[Instruction]:
    for number in numbers:
        yield _JUMP_EQUAL, 0, 1, number
        yield _RETURN, 0, 0, verdict


def _argument_rule(machine: Machine, rule: ArgumentRule) -> Iterator[Instruction]:
    body = [step for check in rule.checks for step in _check(check)]
    body.append((_RETURN, 0, 0, _ALLOW))
    yield _JUMP_EQUAL, 0, len(body), machine.numbers[rule.name]
    yield from body


def _check(check: Check) -> Iterator[Instruction]:
    """Refuse or fall through. Arguments have 64 bits: the upper half must be zero, the lower half
    is compared."""
    low = _ARGUMENTS_AT + 8 * check.index
    yield _LOAD_WORD, 0, 0, low + 4
    yield _JUMP_EQUAL, 1, 0, 0
    yield _RETURN, 0, 0, _EPERM
    yield _LOAD_WORD, 0, 0, low
    if check.equals:
        for left in range(len(check.equals), 0, -1):
            yield _JUMP_EQUAL, left, 0, check.equals[-left]
        yield _RETURN, 0, 0, _EPERM
    if check.without:
        yield _JUMP_ANY_BIT, 0, 1, check.without
        yield _RETURN, 0, 0, _EPERM
    if check.including:
        yield _JUMP_ANY_BIT, 1, 0, check.including
        yield _RETURN, 0, 0, _EPERM


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A program where the kernel can read it. Made once, for every fork."""

    def __init__(self, program: bytes) -> None:
        self.instructions = len(program) // _INSTRUCTION_SIZE
        self._code = ctypes.create_string_buffer(program, len(program))
        self._program = _Program(self.instructions, ctypes.addressof(self._code))
        self._argument = ctypes.byref(self._program)

    def install(self) -> None:
        """Lock the calling process (its one thread) for good. Raises SeccompUnavailable."""
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise SeccompUnavailable(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
        if _libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, self._argument, 0, 0) != 0:
            raise SeccompUnavailable(f"seccomp: {os.strerror(ctypes.get_errno())}")


def install(program: bytes) -> None:
    """Lock the calling process (its one thread) for good. Raises SeccompUnavailable."""
    Filter(program).install()
