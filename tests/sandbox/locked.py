"""Runs acts in forked children that are locked as a kind of process is, one child an act.

`python -m tests.sandbox.locked MODULE [--kind KIND] [--user UID] [--unlocked]` prints one JSON
object: the name of each act of `MODULE.ACTS[KIND]` with what came of it: "done", the name of the
error, or "signal N".
"""

from __future__ import annotations

import argparse
import errno
import importlib
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NoReturn

import trio

from runtime.processes.confine import Confinement, Locks, check_held
from runtime.sandbox.levels import LANDLOCK, LIMITS, SECCOMP, USER
from runtime.sandbox.lock import CONTROL_FD, forget_untidy, take_descriptors
from tests.sandbox.kinds import CONFINEMENTS, LOAD, SESSION

ORDINARY_USER = 12345
ALL = {SECCOMP, LANDLOCK, USER, LIMITS}

Act = Callable[[], Any]
Run = Callable[[Act, int], str]
"""Does an act behind the locks of a process whose parent has this pid, and tells the outcome."""


@cache
def outcomes(module: str, *options: str) -> dict[str, str]:
    """In a process of its own, since a test run has threads and must not be locked."""
    command = [sys.executable, "-m", "tests.sandbox.locked", module, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--kind", default=SESSION)
    parser.add_argument("--user", type=int)
    parser.add_argument("--unlocked", action="store_true")
    options = parser.parse_args()
    LOAD[options.kind]()
    acts: dict[str, Act] = importlib.import_module(options.module).ACTS[options.kind]
    if options.user is not None:
        os.setgroups([])
        os.setresgid(options.user, options.user, options.user)
        os.setresuid(options.user, options.user, options.user)
    run: Run = _unlocked
    if not options.unlocked:
        run = (
            _as_session
            if options.kind == SESSION
            else partial(_as_worker, CONFINEMENTS[options.kind])
        )
    print(json.dumps({name: _in_child(run, act) for name, act in acts.items()}))


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


def _as_session(act: Act, parent: int) -> str:
    async def inside() -> str:
        locks = Locks.prepared(CONFINEMENTS[SESSION])
        forget_untidy()
        check_held(ALL, locks.apply(parent))
        return await _outcome(act)

    return trio.run(inside)


def _as_worker(confinement: Confinement, act: Act, parent: int) -> str:
    check_held(ALL, Locks.prepared(confinement).apply(parent))
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
