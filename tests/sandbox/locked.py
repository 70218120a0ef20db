"""Runs acts in forked children that are locked as session workers are, one child an act.

`python -m tests.sandbox.locked MODULE [--user UID] [--unlocked]` prints one JSON object: the name
of each act of `MODULE.ACTS` with what came of it: "done", the name of the error, or "signal N".
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
from functools import cache
from typing import Any, NoReturn

import trio

from runtime.sandbox import zygote
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.lock import CONTROL_FD, Locks, forget_untidy, take_descriptors
from runtime.sandbox.seccomp import build_filter

ORDINARY_USER = 12345

Act = Callable[[], Any]


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
    parser.add_argument("--user", type=int)
    parser.add_argument("--unlocked", action="store_true")
    options = parser.parse_args()
    zygote.preload()
    acts: dict[str, Act] = importlib.import_module(options.module).ACTS
    program = build_filter(os.uname().machine)
    if options.user is not None:
        os.setgroups([])
        os.setresgid(options.user, options.user, options.user)
        os.setresuid(options.user, options.user, options.user)
    run = _unlocked if options.unlocked else _locked
    print(json.dumps({name: _in_child(run, act, program) for name, act in acts.items()}))


def _in_child(run: Callable[[Act, bytes, int], str], act: Act, program: bytes) -> str:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _child(run, act, program, theirs)
    theirs.close()
    said = ours.recv(4096).decode()
    ours.close()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return said or (f"signal {-status}" if status < 0 else f"exit {status}")


def _child(
    run: Callable[[Act, bytes, int], str], act: Act, program: bytes, theirs: socket.socket
) -> NoReturn:
    parent = os.getppid()
    try:
        take_descriptors(theirs.fileno(), null=os.open(os.devnull, os.O_RDWR))
        channel = socket.socket(fileno=CONTROL_FD)
        channel.send(run(act, program, parent).encode()[:4096])
    finally:
        os._exit(0)


def _locked(act: Act, program: bytes, parent: int) -> str:
    async def inside() -> str:
        locks = Locks.prepared(program, Ceilings())
        forget_untidy()
        locks.apply(parent, {"landlock"})
        return await _outcome(act)

    return trio.run(inside)


def _unlocked(act: Act, program: bytes, parent: int) -> str:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return trio.run(_outcome, act)


async def _outcome(act: Act) -> str:
    try:
        result = act()
        if inspect.isawaitable(result):
            await result
    except OSError as exc:
        return errno.errorcode.get(exc.errno or 0, type(exc).__name__)
    except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the outcome
        return f"{type(exc).__name__}: {exc}"
    return "done"


if __name__ == "__main__":
    main()
