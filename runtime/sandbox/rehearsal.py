"""A session that nobody sees, run in the zygote before it freezes its memory.

What Python makes when code first runs (specialised instructions, method caches, lazy imports) is
then there for every worker, in pages that they share, instead of being made by each for itself.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio

from runtime.sandbox.frames import (
    CallInfo,
    CoreFrame,
    EventFrame,
    ModuleFrame,
    PingFrame,
    ReleaseFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    core_frame_to_json,
)
from runtime.sandbox.memory import MemoryStream, memory_stream_pair
from runtime.sandbox.settling import all_tasks_blocked
from runtime.sandbox.wire import MAX_CORE_FRAME, encode_frame
from runtime.sandbox.worker import serve_session

TIMES: Final = 10
"""CPython 3.11 specialises an instruction when its function has run eight times."""
_CALL: Final = 2
_SCRIPT: Final = """
from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine, setTimeout

@VoxEngine.on(AppEvents.CallAlerting)
async def alerting(e):
    call = e.call
    call.addEventListener(CallEvents.Connected, connected)
    call.addEventListener(CallEvents.ToneReceived, lambda e: Logger.write(e.tone))
    call.addEventListener(CallEvents.PlaybackFinished, lambda e: call.hangup())
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    call.handleTones(True)
    await call.answer()

def connected(e: CallEvents.Connected) -> None:
    e.call.say("rehearsal")
    Logger.write(f"{e.call.id()} {VoxEngine.customData()}")
    setTimeout(lambda: None, 60_000)
"""


async def rehearse() -> None:
    """Run the session some times; leaves nothing behind but what Python learnt."""
    for _ in range(TIMES):
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_session, theirs)
            nursery.start_soon(_drain, ours)
            for frame in _frames():
                await ours.send_all(encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME))
                await all_tasks_blocked()
            nursery.cancel_scope.cancel()


async def _drain(stream: MemoryStream) -> None:
    while await stream.receive_some():
        pass


def _frames() -> list[CoreFrame]:
    info = CallInfo(unit=_CALL, number="1", callerid="2", display_name="", incoming=True)
    alerting = {"call": attrs.asdict(info), "headers": {}}
    return [
        ModuleFrame(name="scenario", path="scenario.py", source=_SCRIPT),
        StartFrame(session_id="rehearsal", application="rehearsal", main="scenario"),
        EventFrame(seq=1, name="Application.Started"),
        EventFrame(seq=2, name="Application.CallAlerting", fields=alerting, reply=True),
        EventFrame(seq=3, name="Call.Connected", unit=_CALL, state="CONNECTED"),
        ResultFrame(req=2, value="connected"),
        PingFrame(nonce="rehearsal"),
        EventFrame(seq=4, name="Call.ToneReceived", unit=_CALL, fields={"tone": "1"}),
        EventFrame(seq=5, name="Call.Disconnected", unit=_CALL, state="TERMINATED"),
        ReleaseFrame(unit=_CALL),
        EventFrame(seq=6, name="Application.Terminating", reply=True),
        EventFrame(seq=7, name="Application.Terminated", reply=True),
        StopFrame(reason="rehearsal"),
    ]
