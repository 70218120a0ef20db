"""Tries the worker's locks: forked children lock themselves as a worker does, then misbehave.

Runs in the zygote before it says ready. Every act would succeed in an unlocked process, so that a
refusal says something about the locks; an act that may end or replace the process gets a child of
its own. The zygote itself is not locked by any of this.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import json
import mmap
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.landlock import abi_version
from runtime.sandbox.levels import (
    LANDLOCK,
    LIMITS,
    SECCOMP,
    USER,
    Act,
    Lock,
    SandboxReport,
    unprobed,
)
from runtime.sandbox.lock import CONTROL_FD, Locks, take_descriptors
from runtime.sandbox.seccomp import SeccompUnavailable, build_filter

DEFAULT_CEILINGS: Final = Ceilings()
PATIENCE_S: Final = 5.0
"""A child is done in milliseconds; one that hangs proves nothing."""
MAX_ANSWER: Final = 16 * 1024
REFUSED: Final = 13
"""Exit status of a child whose act was refused; every other end means that it was not."""
SIGNALS_ABI: Final = 6
"""Landlock keeps signals inside from here on; below, the filter alone does."""

Acts = Mapping[str, Callable[[], object]]


def acts(ceilings: Ceilings = DEFAULT_CEILINGS) -> Acts:
    """Acts that leave the process as it was, refused or not."""
    return {
        "open a file": lambda: os.close(os.open("/proc/self/status", os.O_RDONLY)),
        "open a folder": lambda: os.close(os.open("/", os.O_RDONLY)),
        "look at a file": lambda: os.stat("/"),
        "create a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "create a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "fork": _fork,
        "start a thread": lambda: _thread.start_new_thread(os.getpid, ()),
        "signal another process": lambda: os.kill(os.getppid(), 0),
        "be signalled by a descriptor": _own_descriptor,
        "read another process's clock": lambda: time.clock_gettime((~os.getppid() << 3) | 2),
        "make memory executable": _executable_memory,
        "make a file in memory": lambda: os.close(os.memfd_create("probe")),
        "use more memory": lambda: mmap.mmap(-1, 2 * ceilings.memory_bytes).close(),
    }


def lethal_acts() -> Acts:
    """Acts that may replace or end the process."""
    return {
        "start a program": _start_program,
        "trace a process": _trace,
    }


def prepare(ceilings: Ceilings = DEFAULT_CEILINGS) -> tuple[bytes | None, SandboxReport]:
    """The filter for workers (None where there can be none), and how well they are locked."""
    try:
        program: bytes | None = build_filter(os.uname().machine)
        why = ""
    except SeccompUnavailable as exc:
        program, why = None, str(exc)
    answer = _ask(program, ceilings, acts(ceilings))
    if program is not None and answer.get("seccomp"):
        # Refused by the kernel: the other locks are still worth knowing.
        program, why = None, str(answer["seccomp"])
        answer = _ask(None, ceilings, acts(ceilings))
    if "locks" not in answer:
        return program, unprobed(str(answer.get("failed") or "the probe did not finish"))
    held = {str(name) for name in answer["locks"]}
    tried = [Act(*act) for act in answer["acts"]]
    tried += [_lethal(program, ceilings, name, act) for name, act in lethal_acts().items()]
    limits = Lock(LIMITS, LIMITS in held, "memory, files, descriptors, processes, CPU time")
    locks = (_seccomp(program, why), _landlock(held), _user(held), limits)
    return program, SandboxReport(locks=locks, acts=tuple(tried))


def required_locks(report: SandboxReport) -> frozenset[str]:
    """Names, as `confine` gives them, of locks that must hold in every worker."""
    return frozenset(lock.name for lock in report.locks if lock.held and lock.name == LANDLOCK)


def _seccomp(program: bytes | None, why: str) -> Lock:
    if program is None:
        return Lock(SECCOMP, False, why)
    return Lock(SECCOMP, True, f"kernel filter, {len(program) // 8} instructions")


def _landlock(held: set[str]) -> Lock:
    abi = abi_version()
    if LANDLOCK not in held:
        return Lock(LANDLOCK, False, "this kernel has none, or it is switched off")
    alone = "" if abi >= SIGNALS_ABI else "; too old to keep signals in, the filter does that alone"
    return Lock(LANDLOCK, True, f"version {abi}{alone}")


def _user(held: set[str]) -> Lock:
    if os.geteuid() != 0:
        return Lock(USER, True, "the runtime's own, which is not root")
    if "uid" in held:
        return Lock(USER, True, "root is given up for nobody")
    return Lock(USER, False, "root could not be given up")


# --- children -----------------------------------------------------------------------------------


def _ask(program: bytes | None, ceilings: Ceilings, wanted: Acts) -> dict[str, Any]:
    """What a locked child says that it could do."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _child(theirs.fileno(), program, ceilings, wanted)
    theirs.close()
    with ours:
        answer = _read(ours)
    _end(pid)
    try:
        return dict(json.loads(answer))
    except ValueError:
        return {}


def _child(control: int, program: bytes | None, ceilings: Ceilings, wanted: Acts) -> NoReturn:
    zygote = os.getppid()
    try:
        channel = _alone(control)
        answer: dict[str, object]
        try:
            locks = Locks.prepared(program, ceilings).apply(zygote)
        except SeccompUnavailable as exc:
            answer = {"seccomp": str(exc)}
        except OSError as exc:
            answer = {"failed": str(exc)}
        else:
            answer = {"locks": locks, "acts": [(n, *_attempt(act)) for n, act in wanted.items()]}
        channel.sendall(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _alone(control: int) -> socket.socket:
    """The channel to the parent, and nothing else."""
    take_descriptors(control, null=os.open(os.devnull, os.O_RDWR))
    return socket.socket(fileno=CONTROL_FD)


def _attempt(act: Callable[[], object]) -> tuple[bool, str]:
    try:
        act()
    except MemoryError:
        return True, "MemoryError"
    except RuntimeError as exc:  # a thread that cannot be started
        return True, str(exc)
    except OSError as exc:
        return True, errno.errorcode.get(exc.errno or 0, str(exc))
    return False, "allowed"


def _lethal(program: bytes | None, ceilings: Ceilings, name: str, act: Callable[[], object]) -> Act:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _lethal_child(theirs.fileno(), program, ceilings, act)
    theirs.close()
    with ours:
        _read(ours)
    status = _end(pid)
    if status == REFUSED:
        return Act(name, True, "EPERM")
    if status == -signal.SIGSYS:
        return Act(name, True, "killed")
    return Act(name, False, "allowed")


def _lethal_child(
    control: int, program: bytes | None, ceilings: Ceilings, act: Callable[[], object]
) -> NoReturn:
    zygote, status = os.getppid(), 0
    try:
        _alone(control)
        Locks.prepared(program, ceilings).apply(zygote)
        refused, _ = _attempt(act)
        status = REFUSED if refused else 0
    finally:
        os._exit(status)


def _read(ours: socket.socket) -> bytes:
    """Until the child closes its end, or for as long as patience lasts."""
    data = b""
    poll = select.poll()
    poll.register(ours, select.POLLIN)
    deadline = time.monotonic() + PATIENCE_S
    while len(data) < MAX_ANSWER and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        part = ours.recv(MAX_ANSWER)
        if not part:
            break
        data += part
    return data


def _end(pid: int) -> int:
    """The child's exit status; one that has closed its end ends by itself, others are killed."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- acts ---------------------------------------------------------------------------------------


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _start_program() -> None:
    """Any one that ends by itself; our own may lie where nobody else may read."""
    try:
        os.execv("/bin/true", ["true"])
    except FileNotFoundError:
        os.execv(sys.executable, [sys.executable, "--version"])


def _own_descriptor() -> None:
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())


def _executable_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _trace() -> None:
    """PTRACE_TRACEME: harmless, and allowed to everybody who is not filtered."""
    if _LIBC.ptrace(0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
