"""System call numbers of the two CPUs that are supported; profiles.py says who may use which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Machine:
    """One CPU: its audit architecture word and its numbers; calls that it lacks have none."""

    name: str
    audit_arch: int
    x32_bit: int
    """Set in the numbers of a second ABI that shares the architecture word; 0 where none is."""
    numbers: Mapping[str, int]


_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9,
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
    "sendmsg": 46, "recvmsg": 47, "pread64": 17, "pwrite64": 18, "fsync": 74, "openat": 257,
    "newfstatat": 262, "socket": 41, "bind": 49, "connect": 42, "setsockopt": 54,
    "getsockname": 51, "seccomp": 317,
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
    "sendmsg": 211, "recvmsg": 212, "pread64": 67, "pwrite64": 68, "fsync": 82, "openat": 56,
    "newfstatat": 79, "socket": 198, "bind": 200, "connect": 203, "setsockopt": 208,
    "getsockname": 204, "seccomp": 277,
}  # fmt: skip

MACHINES: Final[Mapping[str, Machine]] = {
    "x86_64": Machine(name="x86_64", audit_arch=0xC000003E, x32_bit=0x40000000, numbers=_X86_64),
    "aarch64": Machine(name="aarch64", audit_arch=0xC00000B7, x32_bit=0, numbers=_AARCH64),
}
