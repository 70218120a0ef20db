"""Workers as tasks: the launcher of tests keeps the port's promises."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.frames import ModuleFrame, StartFrame, StopFrame, core_frame_to_json
from runtime.sandbox.launcher import InProcessLauncher
from runtime.sandbox.wire import MAX_CORE_FRAME, encode_frame

FRAMES = (
    ModuleFrame(name="scenario", path="scenario.py", source=""),
    StartFrame(session_id="s1", application="test", main="scenario"),
)


async def test_a_stopped_worker_ends_well(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        process = await InProcessLauncher(nursery).launch("s1")
        assert process.pid is None
        for frame in (*FRAMES, StopFrame(reason="test")):
            data = encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)
            await process.stream.send_all(data)
        assert await process.wait() == "exit 0"
        process.kill()
        assert await process.wait() == "exit 0"


async def test_a_killed_worker_ends_as_by_a_signal(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        process = await InProcessLauncher(nursery).launch("s1")
        process.kill()
        assert await process.wait() == "signal 9"
        assert await process.stream.receive_some() in (b"",)


async def test_a_worker_ends_when_the_core_closes_its_end(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        process = await InProcessLauncher(nursery).launch("s1")
        await process.stream.aclose()
        assert await process.wait() == "exit 0"
