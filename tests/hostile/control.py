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
from pathlib import Path
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
PARTS: Final = 4
HOLD_S: Final = 0.25
"""Of CPU time, or of sleep: a hundred times as long as a script that does not hold. What it waited
for a processor does not count."""
PATIENCE_S: Final = 90.0
"""For everything else, on a machine that is busy; as soon as it is seen, the run is over."""
LOOK_S: Final = 0.01
MEMORY_BYTES: Final = 768 * 1024 * 1024
"""Beyond what it begins with; more than a session has, and no danger to the machine."""
CPU_S: Final = 20
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
    pid = os.fork()
    if pid == 0:
        for end in (ours, core):
            end.close()
        _child(case, theirs, control)
    theirs.close()
    control.close()
    run = ControlRun(pid, case.proof or "", ours, core)
    run.follow()
    for end in (ours, core):
        end.close()
    return run.facts


class ControlRun:
    """One script in its process, followed until it has shown what is claimed, or for long."""

    def __init__(self, pid: int, proof: str, said: socket.socket, core: socket.socket) -> None:
        self.facts: list[str] = []
        self._pid = pid
        self._proof = proof
        self._streams = {said.fileno(): said, core.fileno(): core}
        self._said = said.fileno()
        self._began_kib = _resident_kib(pid)
        self._began = self._active = time.monotonic()

    def follow(self) -> None:
        pidfd = os.pidfd_open(self._pid)
        poll = select.poll()
        for fd in (*self._streams, pidfd):
            poll.register(fd, select.POLLIN)
        while not self._shown:
            ready = [fd for fd, _ in poll.poll(LOOK_S * 1000)]
            for fd in set(ready) & set(self._streams):
                if not self._read(fd):
                    poll.unregister(fd)
                    del self._streams[fd]
            if ready == [pidfd]:
                break
            self._look()
        else:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        _, status = os.waitpid(self._pid, 0)
        self.facts.append(_how(os.waitstatus_to_exitcode(status)))

    @property
    def _shown(self) -> bool:
        return any(fact.startswith(self._proof) for fact in self.facts)

    def _read(self, fd: int) -> bool:
        data = self._streams[fd].recv(1 << 16)
        if data:
            own = fd == self._said
            self.facts.append(data.decode(errors="replace") if own else f"wrote {len(data)} bytes")
        return bool(data)

    def _look(self) -> None:
        if _resident_kib(self._pid) - self._began_kib > Limits().memory_mib * 1024:
            self.facts.append("grew")
        now, usage = time.monotonic(), usage_of(self._pid)
        if usage.runnable:
            self._active = now
        asleep = now - self._active > HOLD_S
        if self._proof == "held" and (usage.cpu_s > HOLD_S or asleep):
            self.facts.append("held")
        elif now - self._began > PATIENCE_S:
            raise TimeoutError(f"{self._proof!r} was not seen, but {self.facts}")


def _resident_kib(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize() // 1024


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
