"""Frames to the core: order, immediate sends, floods, and a core that is gone."""

from __future__ import annotations

import socket

import pytest
import trio

from runtime.api.errors import LimitReached
from runtime.decisions.limits import Limits
from runtime.sandbox.commands import HangUpCall, SendMessage
from runtime.sandbox.frames import (
    BodyFrame,
    CommandFrame,
    ErrorFrame,
    LogFrame,
    PongFrame,
    parse_worker_frame,
)
from runtime.sandbox.memory import memory_stream_pair
from runtime.sandbox.outbox import MAX_WAITING_BYTES, SPARE_ERRORS, Outbox
from runtime.sandbox.wire import MAX_WORKER_FRAME, FrameDecoder

MOST = Limits().commands_in_arrears


def texts(data: bytes) -> list[str]:
    frames = [parse_worker_frame(message) for message in FrameDecoder(MAX_WORKER_FRAME).feed(data)]
    return [frame.text if isinstance(frame, LogFrame) else frame.type for frame in frames]


@pytest.mark.loopback
async def test_a_frame_is_on_the_socket_before_anything_else_runs() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        outbox = Outbox(trio.testing.MemorySendStream(), theirs.send)
        outbox.put(LogFrame(text="before the loop"))
        assert texts(ours.recv(4096)) == ["before the loop"]


@pytest.mark.loopback
async def test_what_the_socket_does_not_take_follows_in_order() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    outbox = Outbox(stream, theirs.send)
    for number in range(1_000):
        outbox.put(LogFrame(text=f"{number} {'x' * 1_000}"))
    received = bytearray()
    peer = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        with trio.fail_after(30):
            while received.count(b'"type"') < 1_000:
                received += await peer.receive_some()
            await outbox.flushed()
        nursery.cancel_scope.cancel()
    await peer.aclose()
    await stream.aclose()
    assert [text.split()[0] for text in texts(bytes(received))] == [str(n) for n in range(1_000)]


async def test_a_flood_drops_log_lines_and_says_how_many() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(theirs)
    for _ in range(MOST + 5):
        outbox.put(LogFrame(text="x"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        await outbox.flushed()
        outbox.put(LogFrame(text="later"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert texts(await ours.receive_some())[MOST:] == [
        "5 log lines or errors were dropped: too many at once",
        "later",
    ]


async def test_a_flood_of_commands_is_refused() -> None:
    outbox = Outbox(memory_stream_pair()[1])
    frame = CommandFrame(req=1, command=HangUpCall(unit=2))
    for _ in range(MOST):
        outbox.put(frame)
    with pytest.raises(LimitReached, match="2000 commands wait"):
        outbox.put(frame)


async def test_a_flood_of_big_commands_is_refused_by_its_bytes() -> None:
    """A second's worth of reading for the core, so that a pong behind it is in time."""
    outbox = Outbox(memory_stream_pair()[1])
    frame = CommandFrame(req=1, command=SendMessage(unit=2, text="x" * 8_000))
    for _ in range(MAX_WAITING_BYTES // 8_100):
        outbox.put(frame)
    outbox.put(frame)
    with pytest.raises(LimitReached, match=r"13. commands wait"):
        outbox.put(frame)
    outbox.put(PongFrame(nonce="n"))


async def test_bodies_of_requests_do_not_keep_commands_waiting() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(theirs)
    for _ in range(60):
        outbox.put(BodyFrame(req=1, data="QUJD" * 10_000))
    outbox.put(CommandFrame(req=2, command=HangUpCall(unit=1)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        size = 0
        while size < 60 * 40_000:
            size += len(await ours.receive_some())
        nursery.cancel_scope.cancel()
    assert outbox._waiting_bytes == 0


@pytest.mark.parametrize(("kind", "missed"), [("handler", True), ("import", False)])
async def test_a_flood_of_errors_is_cut_but_for_the_one_that_explains_everything(
    kind: str, missed: bool
) -> None:
    outbox = Outbox(memory_stream_pair()[1])
    full = MOST + SPARE_ERRORS
    for _ in range(full):
        outbox.put(ErrorFrame(kind="timer", message="again", traceback=""))
    outbox.put(ErrorFrame(kind=kind, message="last", traceback=""))
    assert len(outbox._waiting) == full + (not missed)


async def test_a_pong_overtakes_what_waits() -> None:
    """A script that says much is not stuck: the core hears so in time."""
    ours, theirs = memory_stream_pair()
    outbox = Outbox(theirs)
    for number in range(500):
        outbox.put(LogFrame(text=str(number)))
    outbox.put(PongFrame(nonce="n"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        await outbox.flushed()
        nursery.cancel_scope.cancel()
    assert texts(await ours.receive_some()) == ["pong", *map(str, range(500))]


async def test_a_pong_does_not_break_into_a_frame_that_was_begun() -> None:
    ours, theirs = memory_stream_pair()
    begun: list[bytes] = []

    def take_ten(data: bytes) -> int:
        if begun:
            raise BlockingIOError
        begun.append(data[:10])
        return 10

    outbox = Outbox(theirs, take_ten)
    for text in ("begun", "whole"):
        outbox.put(LogFrame(text=text))
    outbox.put(PongFrame(nonce="n"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        await outbox.flushed()
        nursery.cancel_scope.cancel()
    assert texts(begun[0] + await ours.receive_some()) == ["begun", "pong", "whole"]


async def test_a_core_that_is_gone_takes_everything_silently() -> None:
    ours, theirs = memory_stream_pair()
    ours.close()
    outbox = Outbox(theirs)
    outbox.put(LogFrame(text="x"))
    await outbox.run()
    for _ in range(10 * MOST):
        outbox.put(LogFrame(text="x"))
    await outbox.flushed()
