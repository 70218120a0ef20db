"""Tries locks: forked children lock themselves as the process will, then misbehave.

Runs before the process serves anybody, and leaves it unlocked itself. An act that may end or
replace the process gets a child of its own.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

import attrs

from runtime.sandbox.acts import Acts
from runtime.sandbox.levels import Act, Lock, SandboxReport, unprobed

PATIENCE_S: Final = 5.0
"""A child is done in milliseconds; one that hangs proves nothing."""
MAX_ANSWER: Final = 16 * 1024
REFUSED: Final = 13
"""Exit status of a child whose act was refused; every other end means that it was not."""

TakeLocks = Callable[[], tuple[Lock, ...]]
"""Locks the calling process for good; OSError when a step is refused that never is."""


def tried(take_locks: TakeLocks, wanted: Acts, lethal: Acts) -> SandboxReport:
    """What locked children could do."""
    try:
        answer = _ask(take_locks, wanted)
        if "locks" not in answer:
            return unprobed(str(answer.get("failed") or "the trial of its locks did not finish"))
        acts = [Act(*act) for act in answer["acts"]]
        acts += [_lethal(take_locks, name, act) for name, act in lethal.items()]
    except OSError as exc:  # no child can be forked
        return unprobed(f"its locks cannot be tried: {exc}")
    return SandboxReport(locks=tuple(Lock(**lock) for lock in answer["locks"]), acts=tuple(acts))


def _ask(take_locks: TakeLocks, wanted: Acts) -> dict[str, Any]:
    """What a locked child says that it could do."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            pid = os.fork()
            if pid == 0:
                _child(theirs, take_locks, wanted)
        answer = _read(ours)
    _end(pid)
    try:
        return dict(json.loads(answer))
    except ValueError:
        return {}


def _child(channel: socket.socket, take_locks: TakeLocks, wanted: Acts) -> NoReturn:
    try:
        answer: dict[str, object]
        try:
            locks = take_locks()
        except OSError as exc:
            answer = {"failed": str(exc)}
        else:
            answer = {
                "locks": [attrs.asdict(lock) for lock in locks],
                "acts": [(name, *_attempt(act)) for name, act in wanted.items()],
            }
        os.write(channel.fileno(), json.dumps(answer).encode())
    finally:
        os._exit(0)


def _attempt(act: Callable[[], object]) -> tuple[bool, str]:
    try:
        act()
    except RuntimeError as exc:  # a thread that cannot be started
        return True, str(exc)
    except OSError as exc:
        return True, errno.errorcode.get(exc.errno or 0, str(exc))
    return False, "allowed"


def _lethal(take_locks: TakeLocks, name: str, act: Callable[[], object]) -> Act:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            pid = os.fork()
            if pid == 0:
                _lethal_child(take_locks, act)
        _read(ours)
    status = _end(pid)
    if status == REFUSED:
        return Act(name, True, "EPERM")
    if status == -signal.SIGSYS:
        return Act(name, True, "killed")
    return Act(name, False, "allowed")


def _lethal_child(take_locks: TakeLocks, act: Callable[[], object]) -> NoReturn:
    status = 0
    try:
        take_locks()
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
