"""What a locked worker must not be able to do; numbers of system calls are those of x86_64."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import partial

from runtime.sandbox.probe import acts, lethal_acts
from runtime.sandbox.syscalls import ALLOWED, ARGUMENTS, KILLED, MACHINES

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


def everything_else() -> None:
    """Every number that is on no list is refused, with the arguments that do least."""
    numbers = MACHINES["x86_64"].numbers
    listed = {numbers[name] for name in (*ALLOWED, *KILLED) if name in numbers}
    listed |= {numbers[rule.name] for rule in ARGUMENTS}
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

ACTS: dict[str, Callable[[], object]] = {
    **acts(),
    **lethal_acts(),
    **{name: partial(call, *row) for name, row in {**RAW, **DEADLY}.items()},  # type: ignore[arg-type]
    "mprotect executable": changed_protection,
    "every other number": everything_else,
}
