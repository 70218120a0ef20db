"""How long a session takes to start, what that costs, and what it holds.

Run by hand: `python -m tests.bench.session_start [--sessions N] [--json]`, as root for the memory.
Warm: a blank worker is taken and gets code that was compiled before. Cold: it is forked, locked and
compiles when it is asked for. Launch = a worker is had; ready = launch, script sent and run, and
ReadyFrame received. CPU: of the worker up to its ReadyFrame, of the zygote, and of this process,
which does what the core does, a session. Memory is the private memory of an idle session (USS).
Faults: pages that a worker has to itself by its ReadyFrame, each by a trap into the kernel; what
one costs is tried in the same run, in a fork that writes as many pages and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import statistics
import time
from functools import partial
from pathlib import Path

import attrs
import trio

from runtime.decisions.limits import Limits
from runtime.sandbox.bundle import Assets, Module
from runtime.sandbox.frames import (
    CallInfo,
    EventFrame,
    ReadyFrame,
    StartFrame,
    StopFrame,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.launcher import BLANKS, WorkerProcess, ZygoteLauncher
from runtime.sandbox.wire import MAX_CORE_FRAME, MAX_WORKER_FRAME, FrameDecoder, encode_frame
from runtime.session.scripts import Scripts
from runtime.session.watch import cpu_of

PAUSE_S = 0.02
"""Between sessions: 50 calls a second."""
SCRIPT = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    call = e.call
    call.addEventListener(CallEvents.Connected, lambda: call.say("Hello"))
    call.addEventListener(CallEvents.PlaybackFinished, lambda: call.hangup())
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    call.addEventListener(CallEvents.OnHold, lambda e: None)
    call.answer()
"""
EVENTS = 5_000
PRICED_PAGES = 1_000
"""About as many as a worker copies."""


@attrs.frozen
class Started:
    process: WorkerProcess
    launch_s: float
    ready_s: float
    worker_cpu_s: float
    worker_faults: int


@attrs.frozen
class Bundle:
    """What Scripts needs of a bundle."""

    name: str = "bench"
    main: str = "scenario"
    version: str = "bench"
    modules: tuple[Module, ...] = (Module(name="scenario", path="scenario.py", source=SCRIPT),)

    @property
    def assets(self) -> Assets:
        return Assets(None)


def _frame(frame: StartFrame | EventFrame | StopFrame) -> bytes:
    return encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)


async def start(launcher: ZygoteLauncher, script: bytes, number: int) -> Started:
    began = time.perf_counter()
    process = await launcher.launch(f"s{number}")
    launched = time.perf_counter()
    first = StartFrame(session_id=f"s{number}", application="bench", main="scenario")
    await process.stream.send_all(script + _frame(first))
    decoder = FrameDecoder(MAX_WORKER_FRAME)
    while not (frames := list(decoder.feed(bytes(await process.stream.receive_some())))):
        pass
    ready = time.perf_counter()
    assert isinstance(parse_worker_frame(frames[0]), ReadyFrame)
    assert process.pid is not None
    pid = process.pid
    return Started(process, launched - began, ready - began, cpu_of(pid), faults_of(pid))


async def stop(process: WorkerProcess) -> None:
    await process.stream.send_all(_frame(StopFrame(reason="bench")))
    with trio.fail_after(10):
        await process.wait()
    await process.stream.aclose()


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def faults_of(pid: int) -> int:
    """Field 10 of stat: faults that needed no disk."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def fault_price_us() -> float:
    """CPU time of one page that a fork makes its own, this machine's hypervisor included."""
    told, tell = os.pipe()
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, PRICED_PAGES * mmap.PAGESIZE, flags=flags) as pages:
        places = range(0, len(pages), mmap.PAGESIZE)
        _write(pages, places)
        fork = os.fork()
        if fork == 0:
            began = time.process_time()
            _write(pages, places)
            copied = time.process_time()
            _write(pages, places)
            own = time.process_time()
            os.write(tell, json.dumps((copied - began) - (own - copied)).encode())
            os._exit(0)
        os.waitpid(fork, 0)
    os.close(tell)
    with open(told, "rb") as answer:
        return float(answer.read()) / PRICED_PAGES * 1e6


def _write(pages: mmap.mmap, places: range) -> None:
    for place in places:
        pages[place] = 1


def percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50_ms": round(cuts[49] * 1e3, 2), "p99_ms": round(cuts[98] * 1e3, 2)}


async def events_us(process: WorkerProcess) -> float:
    """CPU-bound time per event through the worker: frames in, one plain handler each."""
    info = attrs.asdict(CallInfo(unit=2, number="1", callerid="2", display_name="", incoming=True))
    alerting = EventFrame(seq=1, name="Application.CallAlerting", fields={"call": info})
    await process.stream.send_all(_frame(alerting))
    last = EventFrame(seq=EVENTS + 2, name="Call.OffHold", unit=2, reply=True)
    data = [_frame(EventFrame(seq=n + 2, name="Call.OnHold", unit=2)) for n in range(EVENTS)]
    decoder = FrameDecoder(MAX_WORKER_FRAME)
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(process.stream.send_all, b"".join(data) + _frame(last))
        while True:
            frames = list(decoder.feed(bytes(await process.stream.receive_some())))
            if any(frame["type"] == "reply" for frame in frames):
                break
    return (time.perf_counter() - began) / EVENTS * 1e6


async def measure(sessions: int, *, warm: bool) -> dict[str, object]:
    launcher = ZygoteLauncher(blanks=BLANKS if warm else 0)
    scripts, bundle = Scripts(launcher, Limits()), Bundle()
    async with trio.open_nursery() as nursery:
        began = time.perf_counter()
        await nursery.start(launcher.run)
        zygote_s = time.perf_counter() - began
        if warm:
            await scripts.compile(bundle, "check")
        script = scripts.encoded(bundle)
        for number in range(3):
            await stop((await start(launcher, script, number)).process)
        zygote = launcher.zygote_pid
        assert zygote is not None
        cpu_before = cpu_of(zygote), time.process_time()
        begun: list[Started] = []
        for number in range(sessions):
            begun.append(await start(launcher, script, number))
            await trio.sleep(PAUSE_S)
        zygote_cpu_s, own_cpu_s = (
            cpu_of(zygote) - cpu_before[0],
            time.process_time() - cpu_before[1],
        )
        memory = [private_kib(one.process.pid) for one in begun if one.process.pid is not None]
        event_us = await events_us(begun[0].process)
        for one in begun:
            await stop(one.process)
        nursery.cancel_scope.cancel()
    cpu_s = {
        "worker": statistics.median(one.worker_cpu_s for one in begun),
        "zygote": zygote_cpu_s / sessions,
        "core": own_cpu_s / sessions,
    }
    cpu_s["sum"] = sum(cpu_s.values())
    return {
        "sessions": sessions,
        "zygote_ready_ms": round(zygote_s * 1e3, 1),
        "launch": percentiles([one.launch_s for one in begun]),
        "launch_to_ready": percentiles([one.ready_s for one in begun]),
        "cpu_ms": {who: round(seconds * 1e3, 2) for who, seconds in cpu_s.items()},
        "worker_faults": statistics.median(one.worker_faults for one in begun),
        "fault_us": round(statistics.median(fault_price_us() for _ in range(9)), 2),
        "private_kib_p50": statistics.median(memory),
        "event_us": round(event_us, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {
        name: trio.run(partial(measure, arguments.sessions, warm=name == "warm"))
        for name in ("cold", "warm")
    }
    if arguments.json:
        print(json.dumps(results))
        return
    for name, result in results.items():
        print(name)
        for what, value in result.items():
            print(f"  {what:18} {value}")


if __name__ == "__main__":
    main()
