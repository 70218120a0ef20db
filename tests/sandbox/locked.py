"""Runs acts in forked children that are locked as a kind of process is, one child an act.

`python -m tests.sandbox.locked` answers each request, a line of JSON: the module with the acts, the
kind, the number of the user or null, and whether there are locks. The answer is one JSON object:
the name of each act of `MODULE.ACTS[KIND]` with what came of it: "done", the name of the error, or
"signal N". Each request has a fork of its own, which loads what the kind loads.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import trio

from runtime.processes.confine import Locks, check_held
from runtime.sandbox.levels import LANDLOCK, LIMITS, SECCOMP, USER
from runtime.sandbox.lock import CONTROL_FD, forget_untidy, take_descriptors
from tests.sandbox.kinds import CONFINEMENTS, LOAD, SESSION

ORDINARY_USER = 12345
ALL = {SECCOMP, LANDLOCK, USER, LIMITS}

Act = Callable[[], Any]
Run = Callable[[Act, int], str]
"""Does an act behind the locks of a process whose parent has this pid, and tells the outcome."""


class LockedProcesses:
    """A process of its own that answers, since a test run has threads and must not be locked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._found: dict[str, dict[str, str]] = {}

    def outcomes(
        self, module: str, kind: str = SESSION, *, user: int | None = None, locked: bool = True
    ) -> dict[str, str]:
        """What came of each act. Asked once, remembered from then on."""
        request = json.dumps([module, kind, user, locked])
        if request not in self._found:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(request, file=self._process.stdin, flush=True)
            self._found[request] = json.loads(self._process.stdout.readline())
        return self._found[request]


@contextlib.contextmanager
def locked_processes() -> Iterator[LockedProcesses]:
    command = [sys.executable, "-m", "tests.sandbox.locked"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield LockedProcesses(process)


def main() -> None:
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            print(json.dumps(_answer(*json.loads(line))), flush=True)
            os._exit(0)
        if os.waitpid(pid, 0)[1] != 0:
            print("{}", flush=True)


def _answer(module: str, kind: str, user: int | None, locked: bool) -> dict[str, str]:
    LOAD[kind]()
    acts: dict[str, Act] = importlib.import_module(module).ACTS[kind]
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    locks = Locks.prepared(CONFINEMENTS[kind])
    run: Run = _unlocked
    if locked:
        run = partial(_as_session if kind == SESSION else _as_worker, locks)
    return {name: _in_child(run, act) for name, act in acts.items()}


def _in_child(run: Run, act: Act) -> str:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _child(run, act, theirs)
    theirs.close()
    said = ours.recv(4096).decode()
    ours.close()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return said or (f"signal {-status}" if status < 0 else f"exit {status}")


def _child(run: Run, act: Act, theirs: socket.socket) -> NoReturn:
    parent = os.getppid()
    try:
        take_descriptors(theirs.fileno(), null=os.open(os.devnull, os.O_RDWR))
        os.write(CONTROL_FD, run(act, parent).encode()[:4096])
    finally:
        os._exit(0)


def _as_session(locks: Locks, act: Act, parent: int) -> str:
    async def inside() -> str:
        forget_untidy()
        check_held(ALL, locks.apply(parent))
        return await _outcome(act)

    return trio.run(inside)


def _as_worker(locks: Locks, act: Act, parent: int) -> str:
    check_held(ALL, locks.apply(parent))
    return _plain_outcome(act)


def _unlocked(act: Act, _: int) -> str:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return trio.run(_outcome, act)


async def _outcome(act: Act) -> str:
    try:
        result = act()
        if inspect.isawaitable(result):
            await result
    except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the outcome
        return _named(exc)
    return "done"


def _plain_outcome(act: Act) -> str:
    """Of an act without trio."""
    try:
        act()
    except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the outcome
        return _named(exc)
    return "done"


def _named(exc: BaseException) -> str:
    if isinstance(exc, OSError):
        return errno.errorcode.get(exc.errno or 0, type(exc).__name__)
    return f"{type(exc).__name__}: {exc}"


if __name__ == "__main__":
    main()
