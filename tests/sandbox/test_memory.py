"""The in-memory channel behaves like a socket pair."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.sandbox.memory import MAX_BUFFERED, memory_stream_pair


async def test_bytes_arrive_in_order_and_in_pieces() -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(b"hello")
    await ours.send_all(b" world")
    assert await theirs.receive_some(3) == b"hel"
    assert await theirs.receive_some() == b"lo world"


async def test_closing_ends_the_peer_s_reads_after_what_was_sent() -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(b"last")
    await ours.aclose()
    assert await theirs.receive_some() == b"last"
    assert await theirs.receive_some() == b""
    with pytest.raises(trio.BrokenResourceError):
        await theirs.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some()


async def test_a_waiting_reader_wakes_when_its_own_end_is_closed(
    autojump_clock: MockClock,
) -> None:
    ours, _theirs = memory_stream_pair()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await ours.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.sleep(1)
        ours.close()


async def test_a_sender_waits_for_a_slow_reader(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(b"x" * (MAX_BUFFERED + 1))
    with trio.move_on_after(1) as patience:
        await ours.send_all(b"y")
    assert patience.cancelled_caught
    await theirs.receive_some()
    await ours.send_all(b"y")
    assert await theirs.receive_some() == b"y"
