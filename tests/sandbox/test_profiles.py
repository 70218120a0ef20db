"""What the filters of all kinds say to single calls, on both CPUs: raw numbers, every argument."""

from __future__ import annotations

import pytest

from runtime.sandbox.profiles import DECODER, ENGINE, RECORDER, SESSION, VOICE, Profile
from runtime.sandbox.seccomp import SeccompUnavailable, build_filter
from runtime.sandbox.syscalls import MACHINES
from tests.sandbox.bpf import verdict

MAX_INSTRUCTIONS = 4096
"""Of the kernel, BPF_MAXINSNS."""
KINDS = {
    "session": SESSION,
    "decoder": DECODER,
    "recorder": RECORDER,
    "voice": VOICE,
    "engine": ENGINE,
}
AUDIO = {"decoder", "recorder", "voice", "engine"}
ALL = {*KINDS}
X32 = 0x40000000

# Numbers written out, so that a slip in the table shows: name, x86_64, aarch64.
NUMBERS: list[tuple[str, int, int]] = [
    ("read", 0, 63), ("mmap", 9, 222), ("mprotect", 10, 226), ("ioctl", 16, 29),
    ("pread64", 17, 67), ("pwrite64", 18, 68), ("madvise", 28, 233), ("socket", 41, 198),
    ("connect", 42, 203), ("sendto", 44, 206), ("recvfrom", 45, 207), ("sendmsg", 46, 211),
    ("recvmsg", 47, 212), ("bind", 49, 200), ("listen", 50, 201), ("getsockname", 51, 204),
    ("socketpair", 53, 199), ("setsockopt", 54, 208), ("clone", 56, 220), ("execve", 59, 221),
    ("kill", 62, 129), ("fcntl", 72, 25), ("fsync", 74, 82), ("ptrace", 101, 117),
    ("prctl", 157, 167), ("futex", 202, 98), ("clock_gettime", 228, 113),
    ("clock_getres", 229, 114), ("clock_nanosleep", 230, 115), ("openat", 257, 56),
    ("newfstatat", 262, 79), ("accept4", 288, 242), ("prlimit64", 302, 261),
    ("bpf", 321, 280), ("execveat", 322, 281), ("io_uring_setup", 425, 425),
    ("openat2", 437, 437), ("clone3", 435, 435),
]  # fmt: skip
CALLS = {
    "x86_64": {name: number for name, number, _ in NUMBERS},
    "aarch64": {name: number for name, _, number in NUMBERS},
}

# A call with its arguments, and the kinds that may make it.
CASES: list[tuple[str, tuple[int, ...], set[str]]] = [
    ("read", (3, 0, 0), ALL),
    ("sendmsg", (3,), AUDIO),
    ("recvmsg", (3,), AUDIO),
    ("pread64", (4,), AUDIO),
    ("pwrite64", (4,), {"recorder"}),
    ("fsync", (4,), {"recorder"}),
    ("newfstatat", (-100,), {"voice"}),
    ("recvfrom", (3,), {"session", "engine"}),
    ("sendto", (3, 0, 0, 0, 0), {"session", "engine"}),
    ("sendto", (3, 0, 0, 0, 0xFFFF), {"engine"}),
    ("sendto", (3, 0, 0, 1, 0), {"engine"}),
    ("sendto", (3, 0, 0, 0x4000000, 0), {"engine"}),
    ("sendto", (3, 0, 0, 1 << 32, 0), {"engine"}),
    ("recvfrom", (3, 0, 0, 1), {"engine"}),
    ("recvfrom", (3, 0, 0, 2), {"engine"}),
    ("recvfrom", (3, 0, 0, 1 << 32), {"engine"}),
    ("bind", (4,), {"engine"}),
    ("connect", (4,), {"engine"}),
    ("getsockname", (4,), {"engine"}),
    ("socket", (2, 2, 0), {"engine"}),
    ("socket", (10, 0x80002, 17), {"engine"}),
    ("socket", (2, 1, 0), set()),
    ("socket", (2, 3, 255), set()),
    ("socket", (2, 2, 136), set()),
    ("socket", (1, 2, 0), set()),
    ("socket", (16, 2, 0), set()),
    ("socket", (17, 2, 0), set()),
    ("socket", (40, 2, 0), set()),
    ("socket", ((1 << 32) | 2, 2, 0), set()),
    ("setsockopt", (4, 1, 8), {"engine"}),
    ("setsockopt", (4, 0, 1), {"engine"}),
    ("setsockopt", (4, 41, 67), {"engine"}),
    ("setsockopt", (4, 1, 1), set()),
    ("setsockopt", (4, 0, 8), set()),
    ("setsockopt", (4, 1, 26), set()),
    ("setsockopt", (4, 41, 8), set()),
    ("setsockopt", (4, (1 << 32) | 1, 8), set()),
    ("openat", (-100, 0, 0), {"voice"}),
    ("openat", (-100, 0, 0x80000), {"voice"}),
    ("openat", (-100, 0, 1), set()),
    ("openat", (-100, 0, 2), set()),
    ("openat", (-100, 0, 0x40), set()),
    ("openat", (-100, 0, 0x200), set()),
    ("openat", (-100, 0, 0x410000), set()),
    ("openat", (-100, 0, 0x200000), set()),
    ("openat", (-100, 0, 1 << 32), set()),
    ("mmap", (0, 4096, 3, 0x22, -1), ALL),
    ("mmap", (0, 4096, 3, 1, 4), AUDIO),
    ("mmap", (0, 4096, 7, 0x22, -1), set()),
    ("mmap", (0, 4096, 5, 1, 4), set()),
    ("mmap", (0, 4096, 3, 0x2022, -1), set()),
    ("mmap", (0, 4096, 3, 0x40022, -1), set()),
    ("mmap", (0, 4096, 3, 0x122, -1), set()),
    ("mprotect", (0, 4096, 3), ALL),
    ("mprotect", (0, 4096, 4), set()),
    ("madvise", (0, 4096, 4), ALL),
    ("madvise", (0, 4096, 100), set()),
    ("fcntl", (4, 1030), ALL),
    ("fcntl", (4, 1034), AUDIO),
    ("fcntl", (4, 8), set()),
    ("fcntl", (4, 10), set()),
    ("fcntl", (4, 1033), set()),
    ("ioctl", (4, 0x5421), ALL),
    ("ioctl", (4, 0x5412), set()),
    ("ioctl", (4, 0x8912), set()),
    ("futex", (0, 0x80), ALL),
    ("futex", (0, 0x189), ALL),
    ("futex", (0, 6), set()),
    ("futex", (0, 12), set()),
    ("clock_gettime", (1,), ALL),
    ("clock_gettime", (-38,), set()),
    ("clock_getres", (-38,), set()),
    ("clock_nanosleep", (1,), ALL),
    ("clock_nanosleep", (-38,), set()),
    ("listen", (4,), set()),
    ("accept4", (4,), set()),
    ("socketpair", (1, 1, 0), set()),
    ("clone", (0x3D0F00,), set()),
    ("clone3", (0,), set()),
    ("execve", (0,), set()),
    ("execveat", (-100,), set()),
    ("kill", (1, 0), set()),
    ("prctl", (15,), set()),
    ("prlimit64", (0, 7), set()),
    ("prlimit64", (0, 0), set()),
    ("prlimit64", (0, 9), {"session"}),
    ("prlimit64", (1234, 9), set()),
    ("openat2", (-100,), set()),
]
DEADLY = ("ptrace", "bpf", "io_uring_setup")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "arguments", "kinds"), CASES, ids=[f"{c[0]}{c[1]}" for c in CASES]
)
def test_a_call_is_let_through_for_those_who_need_it(
    machine: str, kind: str, name: str, arguments: tuple[int, ...], kinds: set[str]
) -> None:
    cpu = MACHINES[machine]
    program = build_filter(machine, KINDS[kind])
    said = verdict(program, cpu.audit_arch, CALLS[machine][name], *arguments)
    assert said == ("allowed" if kind in kinds else "refused")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_only_an_attack_calls_ends_the_process(machine: str, kind: str) -> None:
    cpu = MACHINES[machine]
    program = build_filter(machine, KINDS[kind])
    for name in DEADLY:
        assert verdict(program, cpu.audit_arch, CALLS[machine][name]) == "killed"


@pytest.mark.parametrize("kind", KINDS)
def test_another_abi_of_the_cpu_ends_the_process(kind: str) -> None:
    x86, arm = MACHINES["x86_64"], MACHINES["aarch64"]
    program = build_filter("x86_64", KINDS[kind])
    assert verdict(program, x86.audit_arch, X32 | 0) == "killed"
    assert verdict(program, 0x40000003, 3) == "killed"  # read of the 32-bit ABI
    assert verdict(build_filter("aarch64", KINDS[kind]), 0x40000028, 3) == "killed"
    assert verdict(build_filter("aarch64", KINDS[kind]), x86.audit_arch, 0) == "killed"
    assert verdict(program, arm.audit_arch, 63) == "killed"


def test_the_tables_have_the_numbers_of_the_kernel() -> None:
    for machine, calls in CALLS.items():
        table = MACHINES[machine].numbers
        for name in calls.keys() & table.keys():
            assert table[name] == calls[name], (machine, name)


@pytest.mark.parametrize("profile", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_program_can_be_built_for_every_machine(machine: str, profile: Profile) -> None:
    program = build_filter(machine, profile)
    assert len(program) % 8 == 0
    assert len(program) // 8 < MAX_INSTRUCTIONS


def test_a_machine_without_a_table_says_so() -> None:
    with pytest.raises(SeccompUnavailable, match="no system call table for riscv64"):
        build_filter("riscv64")


@pytest.mark.parametrize("profile", KINDS.values(), ids=KINDS)
def test_no_call_is_on_two_lists(profile: Profile) -> None:
    ruled = [rule.name for rule in profile.arguments]
    names = [*profile.allowed, *profile.killed, *ruled]
    assert len(names) == len(set(names))
    assert set(names) <= set(MACHINES["x86_64"].numbers)
    assert set(ruled) <= set(MACHINES["aarch64"].numbers)


def test_no_number_is_in_the_tables_that_no_kind_uses() -> None:
    used = {"seccomp"}
    for profile in KINDS.values():
        used |= {*profile.allowed, *profile.killed, *(rule.name for rule in profile.arguments)}
    assert set(MACHINES["x86_64"].numbers) == used
    assert set(MACHINES["aarch64"].numbers) <= used
