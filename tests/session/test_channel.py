"""Frames on a real socket: at once while nothing waits, in order when the socket is full."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress

import pytest
import trio

from runtime.decisions.limits import Limits
from runtime.sandbox.frames import LogFrame, PingFrame, WorkerFrame, worker_frame_to_json
from runtime.sandbox.wire import MAX_WORKER_FRAME, FrameDecoder, encode_frame
from runtime.session.channel import Channel, Outbox, WorkerGone

pytestmark = pytest.mark.loopback


@asynccontextmanager
async def connected(
    on_frame: list[WorkerFrame],
) -> AsyncIterator[tuple[Outbox, socket.socket, Channel]]:
    """An outbox whose writer and reader run, and the worker's end of its stream."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    channel, outbox = Channel(stream, Limits(), on_frame.append, taking=nullcontext), Outbox(1_024)
    with trio.fail_after(20), theirs:
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(channel.write, outbox)
            nursery.start_soon(until_gone, channel.read)
            nursery.start_soon(channel.handle)
            await trio.testing.wait_all_tasks_blocked()
            yield outbox, theirs, channel
            nursery.cancel_scope.cancel()


async def until_gone(read: Callable[[], Awaitable[None]]) -> None:
    with suppress(WorkerGone):
        await read()


def ping(number: int) -> PingFrame:
    return PingFrame(nonce=f"{number}{'.' * 1000}")


async def test_a_frame_is_with_the_worker_when_put_returns() -> None:
    async with connected([]) as (outbox, theirs, _):
        outbox.put(ping(1))
        assert b"ping" in theirs.recv(4096)
        assert len(outbox) == 0


async def test_what_a_full_socket_does_not_take_follows_in_order() -> None:
    async with connected([]) as (outbox, theirs, _):
        for number in range(500):
            outbox.put(ping(number))
        assert 0 < len(outbox) < 500
        decoder, nonces = FrameDecoder(1024 * 1024), list[str]()
        while len(nonces) < 500:
            await trio.lowlevel.wait_readable(theirs)
            nonces += [frame["nonce"].rstrip(".") for frame in decoder.feed(theirs.recv(65536))]
        assert nonces == [str(number) for number in range(500)]
        await trio.testing.wait_all_tasks_blocked()
        outbox.put(ping(500))
        assert b"500" in theirs.recv(4096)


async def test_a_put_after_the_stream_is_closed_only_queues() -> None:
    async with connected([]) as (outbox, _, channel):
        await trio.aclose_forcefully(channel._stream)
        outbox.put(ping(1))
        assert len(outbox) == 1


async def test_frames_of_one_reading_are_handled_in_order_however_many() -> None:
    got: list[WorkerFrame] = []
    async with connected(got) as (_, theirs, _channel):
        logs = [LogFrame(text=str(number)) for number in range(100)]
        theirs.send(
            b"".join(encode_frame(worker_frame_to_json(log), MAX_WORKER_FRAME) for log in logs)
        )
        while len(got) < 100:
            await trio.lowlevel.checkpoint()
        assert got == logs
