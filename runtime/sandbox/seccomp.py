"""The kernel filter of a locked process: an allow-list in raw BPF, and its installation.

Everything that is not listed fails with EPERM; what only an attack calls kills the process. The
program is built once, for all forks of a process (it depends on the CPU alone). No privilege is
needed to install it (no_new_privs is).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from runtime.sandbox.profiles import SESSION, ArgumentRule, Check, Profile
from runtime.sandbox.syscalls import MACHINES, Machine

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
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC
_KEEP_SPECULATION: Final = 4  # SECCOMP_FILTER_FLAG_SPEC_ALLOW
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
    body = [step for checks in rule.alternatives for step in _alternative(checks)]
    body.append((_RETURN, 0, 0, _EPERM))
    yield _JUMP_EQUAL, 0, len(body), machine.numbers[rule.name]
    yield from body


def _alternative(checks: tuple[Check, ...]) -> list[Instruction]:
    """Allow when all checks hold; fall through to what follows when one does not."""
    steps: list[Instruction] = [(_RETURN, 0, 0, _ALLOW)]
    for check in reversed(checks):
        steps = [*_check(check, len(steps)), *steps]
    return steps


def _check(check: Check, rest: int) -> list[Instruction]:
    """Fall through when it holds, else jump over the `rest` of its alternative. Arguments have 64
    bits: the upper half must be zero, the lower half is compared."""
    low = _ARGUMENTS_AT + 8 * check.index
    steps: list[Instruction] = []
    if check.including:
        steps = [(_JUMP_ANY_BIT, 0, rest, check.including)]
    if check.without:
        steps = [(_JUMP_ANY_BIT, rest + len(steps), 0, check.without), *steps]
    if check.equals:
        tests = range(len(check.equals))
        last = len(check.equals) - 1
        steps = [(_JUMP_EQUAL, last - n, rest if n == last else 0, check.equals[n]) for n in tests]
    return [
        (_LOAD_WORD, 0, 0, low + 4),
        (_JUMP_EQUAL, 0, rest + 1 + len(steps), 0),
        (_LOAD_WORD, 0, 0, low),
        *steps,
    ]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A program where the kernel can read it. Made once, for every fork.

    Kernels before 5.16 slow a filtered process down against speculation, unless told not to
    (`Profile.keep_speculation`). Raises SeccompUnavailable where there can be none.
    """

    def __init__(self, program: bytes, *, keep_speculation: bool = False) -> None:
        machine = MACHINES.get(os.uname().machine)
        if machine is None:
            raise SeccompUnavailable(f"no system call table for {os.uname().machine}")
        self.instructions = len(program) // _INSTRUCTION_SIZE
        self._number = machine.numbers["seccomp"]
        self._flags = _ALL_THREADS | (_KEEP_SPECULATION if keep_speculation else 0)
        self._code = ctypes.create_string_buffer(program, len(program))
        self._program = _Program(self.instructions, ctypes.addressof(self._code))
        self._argument = ctypes.byref(self._program)

    @classmethod
    def of(cls, profile: Profile) -> Filter:
        """The filter of a kind of process, for this CPU. Raises SeccompUnavailable."""
        program = build_filter(os.uname().machine, profile)
        return cls(program, keep_speculation=profile.keep_speculation)

    def install(self) -> None:
        """Lock the calling process, all its threads, for good. Raises SeccompUnavailable."""
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise SeccompUnavailable(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
        answer = int(_libc.syscall(self._number, _SET_MODE_FILTER, self._flags, self._argument))
        if answer > 0:
            raise SeccompUnavailable(f"seccomp: thread {answer} cannot be locked")
        if answer < 0:
            raise SeccompUnavailable(f"seccomp: {os.strerror(ctypes.get_errno())}")
