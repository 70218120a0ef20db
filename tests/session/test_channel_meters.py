"""What reading a worker's frames may cost: time by bytes and readings, memory by frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.sandbox.frames import WorkerFrame
from runtime.sandbox.wire import MAX_WORKER_FRAME, JsonObject, encode_frame
from runtime.session.channel import Channel, ChannelFailed

EMPTY = encode_frame({"type": "log", "text": ""}, MAX_WORKER_FRAME)
MIB = 1024 * 1024


@attrs.define
class Worker(trio.abc.Stream):
    """The worker's side as the core reads it: `chunks` are what it finds at each reading."""

    chunks: list[bytes]
    readings: int = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self.chunks:
            await trio.sleep_forever()
        self.readings += 1
        return self.chunks.pop(0)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        raise NotImplementedError("nothing is sent here")

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError("nothing is sent here")

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def reading(worker: Worker, limits: Limits) -> AsyncIterator[list[WorkerFrame]]:
    """The frames that have been handled so far; ChannelFailed comes out of the block."""
    handled: list[WorkerFrame] = []
    channel = Channel(worker, limits, handled.append, taking=nullcontext)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.read)
        nursery.start_soon(channel.handle)
        yield handled
        nursery.cancel_scope.cancel()


def log(text: str) -> JsonObject:
    return {"type": "log", "text": text}


async def test_four_mebibytes_are_read_at_once_and_then_one_a_second(
    autojump_clock: MockClock,
) -> None:
    frame = encode_frame(log("x" * 15_000), MAX_WORKER_FRAME)
    worker = Worker([frame] * (10 * MIB // len(frame)))
    async with reading(worker, Limits()) as handled:
        await trio.sleep(0.5)
        assert 4.4 * MIB < len(handled) * len(frame) < 4.6 * MIB
        await trio.sleep(3)
        assert 7.4 * MIB < len(handled) * len(frame) < 7.6 * MIB
        await trio.sleep(3)
        assert worker.chunks == []


async def test_single_bytes_count_as_readings(autojump_clock: MockClock) -> None:
    """A worker that writes byte by byte costs the core a turn for each; soon it waits, and then
    finds many at once."""
    worker = Worker([bytes([byte]) for byte in EMPTY * 400])
    async with reading(worker, Limits()):
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        before = worker.readings
        assert before == 4 * MIB // 512 + 1
        await trio.sleep(1)
        assert worker.readings - before == pytest.approx(MIB // 512, abs=1)


SLOW = Limits(frames_per_s=10, frames_burst=10)


async def test_frames_that_wait_count_as_more_than_their_bytes(autojump_clock: MockClock) -> None:
    worker = Worker([EMPTY * 200] * 500)
    async with reading(worker, SLOW):
        await trio.sleep(0.5)
        assert 500 - len(worker.chunks) < 20


def long_lines(number: int) -> bytes:
    return b"".join(encode_frame(log("\u20ac" * 8_000), MAX_WORKER_FRAME) for _ in range(number))


async def test_who_is_throttled_in_the_middle_of_a_frame_is_no_slow_loris(
    autojump_clock: MockClock,
) -> None:
    """The core itself does not read the rest; those two seconds do not count."""
    args = {"unit": 2, "text": "\u20ac" * 8_000}
    frame = {"type": "cmd", "req": 1, "op": "call.message", "args": args, "where": ""}
    frames = encode_frame(frame, MAX_WORKER_FRAME) * 80
    worker = Worker([frames[at : at + 200_000] for at in range(0, len(frames), 200_000)])
    async with reading(worker, Limits(commands_per_s=1, commands_burst=1)) as handled:
        await trio.sleep(100)
        assert len(handled) == 80


async def test_a_slow_loris_is_still_one_when_it_was_throttled_before(
    autojump_clock: MockClock,
) -> None:
    worker = Worker([long_lines(30), EMPTY[:5]])
    with pytest.RaisesGroup(pytest.RaisesExc(ChannelFailed, match="not finished after 2 s")):
        async with reading(worker, SLOW):
            await trio.sleep(100)


async def test_the_meters_are_the_operators_to_set(autojump_clock: MockClock) -> None:
    worker = Worker([EMPTY] * 1_000)
    async with reading(worker, Limits(bytes_per_s=65_536, bytes_burst=65_536)) as handled:
        await trio.sleep(0.99)
        assert len(handled) == 128 + 126
