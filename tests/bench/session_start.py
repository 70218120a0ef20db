"""How long a session worker takes to start, what it costs in memory, and what an event costs.

Run by hand: `python -m tests.bench.session_start [--sessions N] [--json]`. Launch = socket pair,
fork, pidfd back; ready = launch plus bundle sent, compiled, run and ReadyFrame received. Memory is
the private memory of an idle session (USS from smaps_rollup, root only).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import attrs
import trio

from runtime.sandbox.frames import (
    CallInfo,
    EventFrame,
    ModuleFrame,
    ReadyFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.in_process import InProcessLauncher
from runtime.sandbox.launcher import WorkerProcess, ZygoteLauncher
from runtime.sandbox.wire import MAX_CORE_FRAME, MAX_WORKER_FRAME, FrameDecoder, encode_frame

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


@attrs.frozen
class Started:
    process: WorkerProcess
    launch_s: float
    ready_s: float


def _frame(frame: ModuleFrame | StartFrame | EventFrame | ResultFrame | StopFrame) -> bytes:
    return encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)


async def start(launcher: ZygoteLauncher | InProcessLauncher, number: int) -> Started:
    began = time.perf_counter()
    process = await launcher.launch(f"s{number}")
    launched = time.perf_counter()
    data = _frame(ModuleFrame(name="scenario", path="scenario.py", source=SCRIPT))
    data += _frame(StartFrame(session_id=f"s{number}", application="bench", main="scenario"))
    await process.stream.send_all(data)
    decoder = FrameDecoder(MAX_WORKER_FRAME)
    while not (frames := decoder.feed(bytes(await process.stream.receive_some()))):
        pass
    assert isinstance(parse_worker_frame(frames[0]), ReadyFrame)
    return Started(process, launched - began, time.perf_counter() - began)


async def stop(process: WorkerProcess) -> None:
    await process.stream.send_all(_frame(StopFrame(reason="bench")))
    with trio.fail_after(10):
        await process.wait()
    await process.stream.aclose()


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


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
            frames = decoder.feed(bytes(await process.stream.receive_some()))
            if any(frame["type"] == "reply" for frame in frames):
                break
    return (time.perf_counter() - began) / EVENTS * 1e6


async def measure(sessions: int) -> dict[str, object]:
    launcher = ZygoteLauncher()
    async with trio.open_nursery() as nursery:
        began = time.perf_counter()
        await nursery.start(launcher.run)
        zygote_s = time.perf_counter() - began
        for number in range(3):
            await stop((await start(launcher, number)).process)
        alone = [await start(launcher, number) for number in range(sessions)]
        memory = [private_kib(one.process.pid) for one in alone if one.process.pid is not None]
        event_us = await events_us(alone[0].process)
        for one in alone:
            await stop(one.process)
        nursery.cancel_scope.cancel()
    return {
        "sessions": sessions,
        "zygote_ready_ms": round(zygote_s * 1e3, 1),
        "launch": percentiles([one.launch_s for one in alone]),
        "launch_start_ready": percentiles([one.ready_s for one in alone]),
        "private_kib_p50": statistics.median(memory),
        "event_us": round(event_us, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = trio.run(measure, arguments.sessions)
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
