"""System call numbers and the worker's allow-list, for the two CPUs that are supported.

A worker that is locked has its control socket, trio's epoll and wake-up pair, and memory; what it
may still ask of the kernel is listed here, each group with its reason. Calls that select among many
operations by an argument (fcntl, ioctl, mmap, futex ...) are listed apart: seccomp.py lets through
only the named argument values. Not listed, because nothing inside needs them: sockets and pipes
(also socketpair), sendmsg and recvmsg (descriptors), prctl, and every call with a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Machine:
    """One CPU: its audit architecture word and its numbers (None = no such call there)."""

    name: str
    audit_arch: int
    x32_bit: int
    """Set in the numbers of a second ABI that shares the architecture word; 0 where none is."""
    numbers: Mapping[str, int]


_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9,
    "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14,
    "rt_sigreturn": 15, "ioctl": 16, "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "nanosleep": 35, "getitimer": 36, "setitimer": 38, "getpid": 39, "sendto": 44,
    "recvfrom": 45, "shutdown": 48, "exit": 60, "fcntl": 72, "gettimeofday": 96, "getrlimit": 97,
    "getrusage": 98, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
    "sigaltstack": 131, "gettid": 186, "futex": 202, "epoll_ctl": 233, "clock_gettime": 228,
    "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "epoll_wait": 232,
    "restart_syscall": 219, "ppoll": 271, "epoll_pwait": 281, "getrandom": 318,
    "prlimit64": 302, "membarrier": 324, "rseq": 334, "epoll_pwait2": 441,
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321,
    "userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249, "perf_event_open": 298,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "kexec_load": 246,
    "init_module": 175, "finit_module": 313, "open_by_handle_at": 304, "process_madvise": 440,
    "pidfd_getfd": 438,
    "sendmsg": 46, "recvmsg": 47, "pread64": 17, "pwrite64": 18, "ftruncate": 77, "dup": 32,
    "newfstatat": 262, "sched_getaffinity": 204, "sysinfo": 99,
}  # fmt: skip

_AARCH64: Final = {
    "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222,
    "mprotect": 226, "munmap": 215, "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135,
    "rt_sigreturn": 139, "ioctl": 29, "readv": 65, "writev": 66, "sched_yield": 124, "mremap": 216,
    "madvise": 233, "nanosleep": 101, "getitimer": 102, "setitimer": 103, "getpid": 172,
    "sendto": 206, "recvfrom": 207, "shutdown": 210, "exit": 93, "fcntl": 25, "gettimeofday": 169,
    "getrlimit": 163, "getrusage": 165, "getuid": 174, "getgid": 176, "geteuid": 175,
    "getegid": 177, "getppid": 173, "sigaltstack": 132, "gettid": 178, "futex": 98,
    "epoll_ctl": 21, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
    "exit_group": 94, "restart_syscall": 128, "ppoll": 73, "epoll_pwait": 22, "getrandom": 278,
    "prlimit64": 261, "membarrier": 283, "rseq": 293, "epoll_pwait2": 441,
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280,
    "userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218, "perf_event_open": 241,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "kexec_load": 104,
    "init_module": 105, "finit_module": 273, "open_by_handle_at": 265, "process_madvise": 440,
    "pidfd_getfd": 438,
    "sendmsg": 211, "recvmsg": 212, "pread64": 67, "pwrite64": 68, "ftruncate": 46, "dup": 23,
    "newfstatat": 79, "sched_getaffinity": 123, "sysinfo": 179,
}  # fmt: skip

MACHINES: Final[Mapping[str, Machine]] = {
    "x86_64": Machine(name="x86_64", audit_arch=0xC000003E, x32_bit=0x40000000, numbers=_X86_64),
    "aarch64": Machine(name="aarch64", audit_arch=0xC00000B7, x32_bit=0, numbers=_AARCH64),
}

ALLOWED: Final = (
    # The control socket (recv and send, never recvmsg: no descriptors pass) and trio's loop.
    "recvfrom", "read", "write", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl",
    "readv", "writev", "shutdown", "close", "poll", "ppoll",
    # Descriptors that are open already; none of these takes a path.
    "fstat", "lseek",
    # Memory without execution (mmap, mprotect: see ARGUMENTS).
    "munmap", "mremap", "brk", "membarrier",
    # Time and randomness (clocks: see ARGUMENTS).
    "nanosleep", "gettimeofday", "getrandom",
    # The soft interruption of a handler that runs too long.
    "setitimer", "getitimer", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    # The interpreter's own housekeeping.
    "sched_yield", "restart_syscall", "rseq", "getrusage", "getrlimit",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    "exit", "exit_group",
)  # fmt: skip

KILLED: Final = (
    # No scenario calls these by accident: the attempt itself ends the process.
    "ptrace", "process_vm_readv", "process_vm_writev", "bpf", "userfaultfd", "keyctl", "add_key",
    "request_key", "perf_event_open", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "kexec_load", "init_module", "finit_module", "open_by_handle_at", "process_madvise",
    "pidfd_getfd",
)  # fmt: skip

_PROT_EXEC: Final = 0x4
_MAP_ANONYMOUS: Final = 0x20
_MAP_GROWSDOWN: Final = 0x100
_MAP_LOCKED: Final = 0x2000
_MAP_HUGETLB: Final = 0x40000
_RLIMIT_AS: Final = 9
_FIONBIO: Final = 0x5421
_FIOCLEX: Final = 0x5451
_OWN_CLOCKS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 11)
"""REALTIME ... BOOTTIME, TAI. Others name the CPU clocks of processes by their pid, and so tell
which processes there are and what they do."""
_FUTEX_PRIVATE: Final = 128
_FUTEX_REALTIME: Final = 256
_FUTEX_WAIT_BITSET: Final = 9
_FUTEX_WAKES: Final = (0, 1, _FUTEX_WAIT_BITSET, 10)
"""WAIT, WAKE, WAIT_BITSET, WAKE_BITSET: locks and semaphores; priority inheritance and requeueing
have had more holes than users."""


@attrs.frozen(kw_only=True)
class Check:
    """Argument `index` is one of `equals`, or has no bit of `without` and the bit `including`."""

    index: int
    equals: tuple[int, ...] = ()
    without: int = 0
    including: int = 0


@attrs.frozen
class ArgumentRule:
    """Let `name` through only if all checks hold."""

    name: str
    checks: tuple[Check, ...]


ARGUMENTS: Final = (
    # No address: the control socket is connected, and a worker reaches nobody else.
    ArgumentRule("sendto", (Check(index=4, equals=(0,)),)),
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. F_SETOWN and F_SETSIG would
    # let a worker signal other processes through an O_ASYNC descriptor.
    ArgumentRule("fcntl", (Check(index=1, equals=(0, 1, 2, 3, 4, 1030)),)),
    # socket.setblocking and close-on-exec; everything else that ioctl can do is refused.
    ArgumentRule("ioctl", (Check(index=1, equals=(_FIONBIO, _FIOCLEX)),)),
    # Anonymous memory that cannot be executed, from no pool that others need (huge pages).
    ArgumentRule(
        "mmap",
        (
            Check(index=2, without=_PROT_EXEC),
            Check(
                index=3,
                without=_MAP_GROWSDOWN | _MAP_LOCKED | _MAP_HUGETLB,
                including=_MAP_ANONYMOUS,
            ),
        ),
    ),
    ArgumentRule("mprotect", (Check(index=2, without=_PROT_EXEC),)),
    # MADV_NORMAL ... MADV_DONTNEED, MADV_FREE, MADV_(NO)HUGEPAGE: what allocators use.
    ArgumentRule("madvise", (Check(index=2, equals=(0, 1, 2, 3, 4, 8, 14, 15)),)),
    # Of this process (pid 0), memory alone: its limit is lowered once the session is known, and an
    # ordinary user can only lower it. Reading it is as harmless.
    ArgumentRule("prlimit64", (Check(index=0, equals=(0,)), Check(index=1, equals=(_RLIMIT_AS,)))),
    ArgumentRule("clock_gettime", (Check(index=0, equals=_OWN_CLOCKS),)),
    ArgumentRule("clock_getres", (Check(index=0, equals=_OWN_CLOCKS),)),
    ArgumentRule("clock_nanosleep", (Check(index=0, equals=_OWN_CLOCKS),)),
    ArgumentRule(
        "futex",
        (
            Check(
                index=1,
                equals=tuple(
                    operation | private | clock
                    for operation in _FUTEX_WAKES
                    for private in (0, _FUTEX_PRIVATE)
                    for clock in (0, _FUTEX_REALTIME)
                    if clock == 0 or operation == _FUTEX_WAIT_BITSET
                ),
            ),
        ),
    ),
)


@attrs.frozen(kw_only=True)
class Profile:
    """What one kind of process may ask of the kernel; everything else is refused."""

    allowed: tuple[str, ...]
    arguments: tuple[ArgumentRule, ...]
    killed: tuple[str, ...] = KILLED


SESSION: Final = Profile(allowed=ALLOWED, arguments=ARGUMENTS)

# A decoder of strangers' files gets descriptors by its link and maps audio memory; looking at a
# descriptor (fstat) is newfstatat for the C library, which Landlock does not refuse for paths: it
# may learn that a file exists, and nothing else of it.
DECODER: Final = Profile(
    allowed=(
        *ALLOWED,
        "sendmsg", "recvmsg", "sendto", "pread64", "pwrite64", "ftruncate", "dup", "newfstatat",
        "sched_getaffinity", "sysinfo", "fcntl", "futex", "clock_gettime", "clock_nanosleep",
        "clock_getres",
    ),
    arguments=(
        ArgumentRule("mmap", (Check(index=2, without=_PROT_EXEC),)),
        *(rule for rule in ARGUMENTS if rule.name in ("mprotect", "madvise", "ioctl")),
    ),
)  # fmt: skip
