"""What locked processes must not be able to do; numbers of system calls are those of x86_64."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import partial

from runtime.processes.confine import Confinement
from runtime.sandbox.acts import acts, lethal_acts
from runtime.sandbox.profiles import Profile
from runtime.sandbox.syscalls import MACHINES
from tests.sandbox.kinds import CONFINEMENTS

PAGE = 4096
HIGHEST = 470
"""Beyond the newest system call of the kernels that exist."""
X32 = 0x40000000
UNFILTERED = {335, 336}
"""uretprobe and uprobe: newer kernels do not filter them, and end who calls them by himself."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_buffer = ctypes.create_string_buffer(PAGE)
_at = ctypes.addressof(_buffer)


def call(number: int, *arguments: int | bytes | None) -> int:
    """Raw; OSError with the kernel's answer."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def changed_protection() -> None:
    """mprotect(PROT_EXEC) of memory that was mapped without."""
    address = call(9, 0, PAGE, 3, 0x22, -1, 0)
    call(10, address, PAGE, 5)


def everything_else(profile: Profile) -> None:
    """Every number that is on no list is refused, with the arguments that do least."""
    numbers = MACHINES["x86_64"].numbers
    rules = (rule.name for rule in profile.arguments)
    names = {*profile.allowed, *profile.killed, *rules} & set(numbers)
    listed = {numbers[name] for name in names}
    for number in range(HIGHEST):
        if number in listed or number in UNFILTERED:
            continue
        try:
            call(number, -1, 0, 0, 0, 0, 0)
        except PermissionError:
            continue
        except OSError as exc:
            raise AssertionError(f"system call {number}: {exc}") from exc
        raise AssertionError(f"system call {number} went through")


# Number and arguments of one call each; refused with EPERM.
RAW: dict[str, tuple[int | bytes | None, ...]] = {
    "fcntl F_SETOWN": (72, 3, 8, 1),
    "fcntl F_SETSIG": (72, 3, 10, 9),
    "fcntl F_GETLK": (72, 0, 5, _at),
    "fcntl F_NOTIFY": (72, 3, 1026, 0),
    "fcntl F_SETPIPE_SZ": (72, 3, 1031, PAGE),
    "fcntl with a number beyond 32 bits": (72, 3, (1 << 32) | 1, 0),
    "ioctl TIOCSTI": (16, 0, 0x5412, _at),
    "ioctl FIOASYNC": (16, 3, 0x5452, _at),
    "ioctl FIOSETOWN": (16, 3, 0x8901, _at),
    "ioctl SIOCGIFCONF": (16, 3, 0x8912, _at),
    "mmap executable": (9, 0, PAGE, 7, 0x22, -1, 0),
    "mmap a descriptor": (9, 0, PAGE, 1, 2, 0, 0),
    "mmap locked": (9, 0, PAGE, 3, 0x2022, -1, 0),
    "mmap huge pages": (9, 0, 1 << 21, 3, 0x40022, -1, 0),
    "mmap growing down": (9, 0, PAGE, 3, 0x122, -1, 0),
    "madvise MADV_HWPOISON": (28, 0, PAGE, 100),
    "madvise MADV_DONTFORK": (28, 0, 0, 10),
    "clock of the parent": (228, (~os.getpid() << 3) | 2, _at),
    "sleep by another's clock": (230, (~os.getpid() << 3) | 2, 0, _at, 0),
    "futex LOCK_PI": (202, _at, 6, 0, 0, 0, 0),
    "futex CMP_REQUEUE_PI": (202, _at, 12, 0, 0, _at, 0),
    "sendto with an address": (44, 3, b"", 0, 0, _at, 2),
    "sendto MSG_OOB": (44, 3, b"", 1, 1, 0, 0),
    "sendto MSG_ZEROCOPY": (44, 3, b"", 0, 0x4000000, 0, 0),
    "recvfrom MSG_OOB": (45, 3, _at, 1, 0x41, 0, 0),
    "recvfrom MSG_PEEK": (45, 3, _at, 1, 0x42, 0, 0),
    "a stream socket": (41, 2, 1, 0),
    "a stream socket of IPv6": (41, 10, 1, 0),
    "a raw socket": (41, 2, 3, 255),
    "a socket of another datagram protocol": (41, 2, 2, 136),
    "a packet socket": (41, 17, 3, 0),
    "a netlink socket": (41, 16, 3, 0),
    "a local datagram socket": (41, 1, 2, 0),
    "a socket domain beyond 32 bits": (41, (1 << 32) | 2, 2, 0),
    "setsockopt SO_REUSEADDR": (54, 3, 1, 2, _at, 4),
    "setsockopt SO_ATTACH_FILTER": (54, 3, 1, 26, _at, 16),
    "setsockopt SO_BINDTODEVICE": (54, 3, 1, 25, _at, 4),
    "setsockopt TCP_FASTOPEN": (54, 3, 6, 23, _at, 4),
    "setsockopt by another level's name": (54, 3, 0, 8, _at, 4),
    "listen": (50, 3, 1),
    "accept4": (288, 3, 0, 0, 0),
    "openat for writing": (257, -100, b"/dev/null", 1),
    "openat for both": (257, -100, b"/dev/null", 2),
    "openat O_TMPFILE": (257, -100, b"/tmp", 0x410001, 0o600),
    "openat O_CREAT": (257, -100, b"/dev/null", 0x40, 0o600),
    "openat O_TRUNC": (257, -100, b"/dev/null", 0x200),
    "openat O_APPEND": (257, -100, b"/dev/null", 0x401),
    "openat O_PATH": (257, -100, b"/", 0x200000),
    "openat with flags beyond 32 bits": (257, -100, b"/dev/null", 1 << 32),
    "open": (2, b"/dev/null", 0),
    "creat": (85, b"/dev/null", 0o600),
    "openat for reading": (257, -100, b"/etc/passwd", 0),
    "openat of a relative name": (257, -100, b"../../../../../../../../../../etc/passwd", 0),
    "openat of the process's memory": (257, -100, b"/proc/self/mem", 0),
    "clone of a thread": (56, 0x10000, 0, 0, 0, 0),
    "rename": (82, b"/no-such-file", b"/tmp/x"),
    "unlink": (87, b"/no-such-file"),
    "mkdir": (83, b"/", 0),
    "ftruncate": (77, 0, 0),
    "getsockopt": (55, 3, 1, 7, _at, _at),
    "dup2": (33, 0, 0),
    "sendmsg": (46, 3, _at, 0),
    "recvmsg": (47, 3, _at, 0x40),
    "socketpair": (53, 1, 1, 0, _at),
    "pipe2": (293, _at, 0),
    "epoll_create1": (291, 0),
    "eventfd2": (290, 0, 0),
    "prctl PR_SET_NAME": (157, 15, b"callstage"),
    "prctl PR_SET_DUMPABLE": (157, 4, 1),
    "prctl PR_SET_PDEATHSIG": (157, 1, 0),
    "prctl PR_SET_SECCOMP": (157, 22, 0),
    "prlimit64 get": (302, 0, 7, 0, _at),
    "prlimit64 of the parent": (302, os.getpid(), 7, 0, _at),
    "prlimit64 of the parent's memory": (302, os.getpid(), 9, 0, _at),
    "prlimit64 of CPU time": (302, 0, 0, 0, _at),
    "clone3": (435, _at, 0),
    "vfork": (58,),
    "unshare": (272, 0),
    "kill itself": (62, os.getpid(), 0),
    "tgkill": (234, os.getpid(), os.getpid(), 0),
    "tkill": (200, os.getpid(), 0),
    "pidfd_open": (434, os.getpid(), 0),
    "setpriority": (141, 0, 0, 19),
    "sched_getaffinity": (204, 0, 128, _at),
    "personality": (135, 0xFFFFFFFF),
    "chdir": (80, b"/"),
    "getcwd": (79, _at, PAGE),
    "access": (21, b"/", 0),
    "stat": (4, b"/", _at),
    "newfstatat": (262, -100, b"/", _at, 0),
    "statx": (332, -100, b"/", 0, 0xFFF, _at),
    "readlink": (89, b"/proc/self", _at, 64),
    "inotify_init": (294, 0),
    "timerfd_create": (283, 1, 0),
    "signalfd4": (289, -1, _at, 8, 0),
    "memfd_create": (319, b"x", 0),
    "shmget": (29, 0, PAGE, 0o1600),
    "sysinfo": (99, _at),
    "uname": (63, _at),
    "seccomp": (317, 2, 0, _at),
    "landlock": (444, 0, 0, 1),
    "openat2": (437, -100, b"/", _at, 24),
    "close_range": (436, 100, 200, 0),
}

# These end the process.
DEADLY: dict[str, tuple[int | bytes | None, ...]] = {
    "ptrace": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, os.getpid(), _at, 1, _at, 1, 0),
    "process_vm_writev": (311, os.getpid(), _at, 0, _at, 0, 0),
    "bpf": (321, 0, _at, 0),
    "userfaultfd": (323, 0),
    "keyctl": (250, 0, -3, 0),
    "perf_event_open": (298, _at, 0, -1, -1, 0),
    "io_uring_setup": (425, 1, _at),
    "open_by_handle_at": (304, -100, _at, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "the x32 table": (X32 | 39,),
}

_AUDIO = {"sendmsg", "recvmsg", "mmap a descriptor"}
NEEDED: dict[str, set[str]] = {
    "session": set(),
    "decoder": _AUDIO,
    "recorder": _AUDIO,
    "voice": {*_AUDIO, "newfstatat", "stat"},
    "engine": {*_AUDIO, *(name for name in RAW if name.startswith(("sendto ", "recvfrom ")))},
    "recogniser": _AUDIO,
}
"""Calls that are part of a kind's work."""


def _forbidden(confinement: Confinement, needed: set[str]) -> dict[str, Callable[[], object]]:
    raw = {name: row for name, row in {**RAW, **DEADLY}.items() if name not in needed}
    return {
        **acts(confinement),
        **lethal_acts(),
        **{name: partial(call, *row) for name, row in raw.items()},  # type: ignore[arg-type]
        "mprotect executable": changed_protection,
        "every other number": partial(everything_else, confinement.profile),
    }


ACTS: dict[str, dict[str, Callable[[], object]]] = {
    kind: _forbidden(confinement, NEEDED[kind]) for kind, confinement in CONFINEMENTS.items()
}
