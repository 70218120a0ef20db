"""What each kind of locked process may still ask of the kernel, each group with its reason.

Calls that select among many operations by an argument (fcntl, ioctl, mmap, futex, socket ...) are
listed apart: seccomp.py lets through only the named argument values. On no list, because nothing
inside needs them: programs, processes and threads, pipes, prctl, and, but for the voice, every call
with a path.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Check:
    """Argument `index` is one of `equals`, or has no bit of `without` and the bit `including`."""

    index: int
    equals: tuple[int, ...] = ()
    without: int = 0
    including: int = 0


@attrs.frozen
class ArgumentRule:
    """Let `name` through only if all checks of one of the alternatives hold."""

    name: str
    alternatives: tuple[tuple[Check, ...], ...]


@attrs.frozen(kw_only=True)
class Profile:
    """What one kind of process may ask of the kernel; everything else is refused."""

    allowed: tuple[str, ...]
    arguments: tuple[ArgumentRule, ...]
    killed: tuple[str, ...]
    keep_speculation: bool = False
    """Where every microsecond counts and no program of a stranger ever runs."""


def _rule(name: str, *checks: Check) -> ArgumentRule:
    return ArgumentRule(name, (checks,))


_PROCESS: Final = (
    # Memory without execution (mmap, mprotect: see below).
    "munmap", "mremap", "brk",
    # Time and randomness (clocks: see below).
    "nanosleep", "gettimeofday", "getrandom",
    # Signal handlers, and the end.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit", "exit_group",
    # The interpreter's own housekeeping.
    "sched_yield", "restart_syscall", "rseq", "membarrier", "getrusage", "getrlimit",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    # Descriptors that are open already; none of these takes a path.
    "read", "readv", "write", "writev", "lseek", "fstat", "close", "poll", "ppoll",
)  # fmt: skip
_EPOLL: Final = ("epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl")
_LINK: Final = ("sendmsg", "recvmsg")
"""The link to the core carries descriptors; the session's channel does not."""

_KILLED: Final = (
    # Nobody calls these by accident: the attempt itself ends the process.
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
_MAP_HARMFUL: Final = _MAP_GROWSDOWN | _MAP_LOCKED | _MAP_HUGETLB
"""Pools that others need (locked memory, huge pages), and stacks that grow by themselves."""
_RLIMIT_AS: Final = 9
_FIONBIO: Final = 0x5421
_FIOCLEX: Final = 0x5451
_F_DUP_AND_FLAGS: Final = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. F_SETOWN and F_SETSIG would signal
other processes through an O_ASYNC descriptor."""
_F_GET_SEALS: Final = 1034
_OWN_CLOCKS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 11)
"""REALTIME ... BOOTTIME, TAI. Others name the CPU clocks of processes by their pid, and so tell
which processes there are and what they do."""
_FUTEX_PRIVATE: Final = 128
_FUTEX_REALTIME: Final = 256
_FUTEX_WAIT_BITSET: Final = 9
_FUTEX_WAKES: Final = (0, 1, _FUTEX_WAIT_BITSET, 10)
"""WAIT, WAKE, WAIT_BITSET, WAKE_BITSET: locks and semaphores; priority inheritance and requeueing
have had more holes than users."""

_MAP_NOTHING: Final = _rule(
    # Anonymous memory that cannot be executed.
    "mmap",
    Check(index=2, without=_PROT_EXEC),
    Check(index=3, without=_MAP_HARMFUL, including=_MAP_ANONYMOUS),
)
_MAP_AUDIO: Final = _rule(
    # Also descriptors: audio crosses in sealed memory.
    "mmap",
    Check(index=2, without=_PROT_EXEC),
    Check(index=3, without=_MAP_HARMFUL),
)
_ALWAYS: Final = (
    # socket.setblocking and close-on-exec; everything else that ioctl can do is refused.
    _rule("ioctl", Check(index=1, equals=(_FIONBIO, _FIOCLEX))),
    _rule("mprotect", Check(index=2, without=_PROT_EXEC)),
    # MADV_NORMAL ... MADV_DONTNEED, MADV_FREE, MADV_(NO)HUGEPAGE: what allocators use.
    _rule("madvise", Check(index=2, equals=(0, 1, 2, 3, 4, 8, 14, 15))),
    _rule("clock_gettime", Check(index=0, equals=_OWN_CLOCKS)),
    _rule("clock_getres", Check(index=0, equals=_OWN_CLOCKS)),
    _rule("clock_nanosleep", Check(index=0, equals=_OWN_CLOCKS)),
    _rule(
        "futex",
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
)
_AUDIO: Final = (
    *_ALWAYS,
    _MAP_AUDIO,
    _rule("fcntl", Check(index=1, equals=(*_F_DUP_AND_FLAGS, _F_GET_SEALS))),
)

# --- one kind of process each -------------------------------------------------------------------

SESSION: Final = Profile(
    # The control socket (recv and send, never recvmsg: no descriptors pass) and trio's loop; the
    # timer is the soft interruption of a handler that runs too long.
    allowed=(*_PROCESS, *_EPOLL, "shutdown", "setitimer", "getitimer"),
    arguments=(
        *_ALWAYS,
        _MAP_NOTHING,
        # No address: the control socket is connected, and a worker reaches nobody else. No flags:
        # urgent data on local sockets (MSG_OOB) has been a way into the kernel, and peeking and
        # copying without copies are no part of trio.
        _rule("sendto", Check(index=3, equals=(0,)), Check(index=4, equals=(0,))),
        _rule("recvfrom", Check(index=3, equals=(0,))),
        _rule("fcntl", Check(index=1, equals=_F_DUP_AND_FLAGS)),
        # Of this process (pid 0), memory alone: its limit is lowered once the session is known,
        # and an ordinary user can only lower it. Reading it is as harmless.
        _rule("prlimit64", Check(index=0, equals=(0,)), Check(index=1, equals=(_RLIMIT_AS,))),
    ),
    killed=_KILLED,
)

# Files of strangers arrive as descriptors, sound leaves by memory.
DECODER: Final = Profile(allowed=(*_PROCESS, *_LINK, "pread64"), arguments=_AUDIO, killed=_KILLED)

# Writes into descriptors that the core opened. Its threads exist before the filter does.
RECORDER: Final = Profile(
    allowed=(*_PROCESS, *_LINK, "pread64", "pwrite64", "fsync"), arguments=_AUDIO, killed=_KILLED
)

_O_CLOEXEC: Final = 0x80000

# The library opens a language's data when it is used: for reading, and Landlock lets it read
# nothing else. It asks for the size by path first, and so may learn that a file exists.
VOICE: Final = Profile(
    allowed=(*_PROCESS, *_LINK, "pread64", "stat", "newfstatat"),
    arguments=(
        *_AUDIO,
        # O_RDONLY alone: no writing, creating, truncating, temporary file, or bare path.
        _rule("openat", Check(index=2, equals=(0, _O_CLOEXEC))),
    ),
    killed=_KILLED,
)

_AF_INET: Final = 2
_AF_INET6: Final = 10
_SOCK_DGRAM: Final = 2
_IPPROTO_UDP: Final = 17
_SOL_SOCKET: Final = 1
_SO_RCVBUF: Final = 8
_SO_REUSEPORT: Final = 15
_SO_TIMESTAMPNS: Final = 35
_IPPROTO_IP: Final = 0
_IP_TOS: Final = 1
_IPPROTO_IPV6: Final = 41
_IPV6_V6ONLY: Final = 26
_IPV6_TCLASS: Final = 67

# Ports are bound as calls need them, so that tens of thousands need not be open from the start.
ENGINE: Final = Profile(
    allowed=(
        *_PROCESS, *_EPOLL, *_LINK,
        "pread64", "recvfrom", "sendto", "bind", "connect", "getsockname",
    ),
    arguments=(
        *_AUDIO,
        _rule(
            "socket",
            Check(index=0, equals=(_AF_INET, _AF_INET6)),
            Check(index=1, equals=(_SOCK_DGRAM, _SOCK_DGRAM | _O_CLOEXEC)),
            Check(index=2, equals=(0, _IPPROTO_UDP)),
        ),
        ArgumentRule(
            "setsockopt",
            (
                (
                    Check(index=1, equals=(_SOL_SOCKET,)),
                    Check(index=2, equals=(_SO_RCVBUF, _SO_REUSEPORT, _SO_TIMESTAMPNS)),
                ),
                (Check(index=1, equals=(_IPPROTO_IP,)), Check(index=2, equals=(_IP_TOS,))),
                (
                    Check(index=1, equals=(_IPPROTO_IPV6,)),
                    Check(index=2, equals=(_IPV6_TCLASS, _IPV6_V6ONLY)),
                ),
            ),
        ),
    ),
    killed=_KILLED,
    keep_speculation=True,
)  # fmt: skip
