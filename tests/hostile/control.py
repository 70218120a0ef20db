"""The control run: the same scripts where nothing is locked, so that a refusal proves a lock.

`python -m tests.hostile.control PART PARTS` runs every script that claims a proof in a throw-away
process of an ordinary user, and prints what it logged and what became of it:

- `ended exit 3`, `ended signal 11`: the process went down, and nobody was there to notice;
- `held`: it still computed or waited after HOLD_S, and nobody was there to interrupt it;
- `grew`: it got more memory than a session may have;
- `wrote`: its bytes arrived at the other end of the control descriptor;
- `called`: so many calls of the API, a thing of no limits here.

Only harmless variants run here: signals are of number 0, and bombs are small.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from functools import cache
from typing import Any, Final, NoReturn

import trio

import runtime
from runtime.decisions.limits import Limits
from runtime.processes.confine import NOBODY
from runtime.processes.usage import usage_of
from runtime.sandbox import zygote
from tests.hostile.case import PRELUDE, Hostile
from tests.hostile.corpus import CORPUS

SMALLER: Final = (
    ("from runtime import *\n", ""),
    ("CONTROL = False", "CONTROL = True"),
    ("* (1 << 28)", "* (1 << 25)"),
    ("1 << 33", "1 << 31"),
    ("1 << 30", "1 << 28"),
    (") * 64", ") * 8"),
    ("1073741824", "268435456"),
)
"""What is another in the control run: a quarter of a gigabyte shows as much as a whole one."""
PARTS: Final = 2
HOLD_S: Final = 0.6
"""Of CPU time, or of sleep: several times as long as a handler may compute in the arena."""
LOOK_S: Final = 0.02
MOST_S: Final = 20.0
"""On the slowest machine."""
MEMORY_BYTES: Final = 768 * 1024 * 1024
"""Beyond what it begins with; more than a session has, and no danger to the machine."""
CPU_S: Final = 5
TIMEOUT_S: Final = 200
PR_SET_DUMPABLE: Final = 4
CONTROL_FD: Final = 3


@cache
def control_runs() -> dict[str, list[str]]:
    """What each script said, and what became of it, by its name."""
    words = [sys.executable, "-m", "tests.hostile.control"]
    running = [
        subprocess.Popen([*words, str(part), str(PARTS)], stdout=subprocess.PIPE)
        for part in range(PARTS)
    ]
    found: dict[str, list[str]] = {}
    for process in running:
        out, _ = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0
        found |= json.loads(out)
    return found


def main(part: int, parts: int) -> None:
    zygote.preload()
    _become_ordinary()
    cases = [case for case in CORPUS.values() if case.proof is not None][part::parts]
    print(json.dumps({case.name: _run(case) for case in cases}))


def _become_ordinary() -> None:
    """These scripts never run as root without locks."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # A change of user takes it away; scripts of an ordinary user would have it.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def _run(case: Hostile) -> list[str]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    core, control = socket.socketpair()
    base_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pid = os.fork()
    if pid == 0:
        for end in (ours, core):
            end.close()
        _child(case, theirs, control)
    theirs.close()
    control.close()
    lines, written, held = _follow(pid, ours, core)
    _, status, used = os.wait4(pid, 0)
    for end in (ours, core):
        end.close()
    lines.append("held" if held else _how(os.waitstatus_to_exitcode(status)))
    if used.ru_maxrss - base_kib > Limits().memory_mib * 1024:
        lines.append("grew")
    if written:
        lines.append(f"wrote {written} bytes")
    return lines


def _follow(pid: int, said: socket.socket, core: socket.socket) -> tuple[list[str], int, bool]:
    """What it says and writes until it ends; whether it had to be ended."""
    lines: list[str] = []
    written = 0
    pidfd = os.pidfd_open(pid)
    stays = _Stays(pid)
    waiting = {said.fileno(): said, core.fileno(): core}
    poll = select.poll()
    for fd in (*waiting, pidfd):
        poll.register(fd, select.POLLIN)
    try:
        while not stays.long():
            ready = [fd for fd, _ in poll.poll(LOOK_S * 1000)]
            for fd in set(ready) & set(waiting):
                data = waiting[fd].recv(1 << 16)
                if not data:
                    poll.unregister(fd)
                    del waiting[fd]
                elif fd == said.fileno():
                    lines.append(data.decode(errors="replace"))
                else:
                    written += len(data)
            if ready == [pidfd]:
                return lines, written, False
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        return lines, written, True
    finally:
        os.close(pidfd)


class _Stays:
    """Whether a process still computes or sleeps; what it waited for a processor does not count."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = self._active = time.monotonic()

    def long(self) -> bool:
        now, usage = time.monotonic(), usage_of(self._pid)
        if usage.runnable:
            self._active = now
        slept = now - self._active
        return usage.cpu_s > HOLD_S or slept > HOLD_S or now - self._began > MOST_S


def _how(code: int) -> str:
    return f"ended exit {code}" if code >= 0 else f"ended signal {-code}"


class Unlimited:
    """Everything of the API: does nothing, and counts how often it is asked."""

    calls = 0

    def __call__(self, *_: object, **__: object) -> Unlimited:
        Unlimited.calls += 1
        return self

    def __getattr__(self, _: str) -> Unlimited:
        return self

    def __getitem__(self, _: object) -> Unlimited:
        return self

    def __str__(self) -> str:
        return "sip:nobody@127.0.0.1:9"


def _child(case: Hostile, theirs: socket.socket, control: socket.socket) -> NoReturn:
    status = 1
    try:
        theirs = _out_of_the_way(theirs)
        os.dup2(control.fileno(), CONTROL_FD)
        os.set_blocking(CONTROL_FD, False)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        _limit()

        def say(text: object) -> None:
            theirs.send(str(text)[:4000].encode(errors="replace"))

        trio.run(_attack, case, say)
        if Unlimited.calls:
            say(f"called {Unlimited.calls} times")
        status = 0
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    finally:
        os._exit(status)


def _out_of_the_way(end: socket.socket) -> socket.socket:
    """Of the attacks that close or replace the first few descriptors."""
    os.dup2(end.fileno(), 100)
    return socket.socket(fileno=100)


def _limit() -> None:
    with open("/proc/self/statm") as statm:
        mapped = int(statm.read().split()[0]) * resource.getpagesize()
    limits = ((resource.RLIMIT_AS, mapped + MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S))
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))


async def _attack(case: Hostile, say: Any) -> None:
    anything = Unlimited()
    api = {name: getattr(runtime, name) for name in runtime.__all__}
    stand_ins = ("VoxEngine", "call", "event", "setTimeout", "setInterval", "clearTimeout")
    logger = type("Logger", (Unlimited,), {"write": staticmethod(say)})()
    names: dict[str, Any] = {**api, **dict.fromkeys(stand_ins, anything)}
    names |= {"Logger": logger, "print": lambda text, **_: say(text)}
    source = PRELUDE + case.attack
    for usual, harmless in SMALLER:
        source = source.replace(usual, harmless)
    exec(compile(source, f"{case.name}.py", "exec"), names)
    if not case.at_import:
        result = names["attack"]()
        if inspect.isawaitable(result):
            await result


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
