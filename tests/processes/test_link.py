"""The control link: packets and descriptors, whatever the peer does."""

from __future__ import annotations

import os
import socket

import pytest
import trio
import trio.lowlevel

from runtime.processes.blocking_link import BlockingLink
from runtime.processes.link import Link, LinkFull
from runtime.processes.packets import MAX_DESCRIPTORS, MAX_PACKET, LinkClosed, socket_pair


def _pair(receive_fds: int = 0) -> tuple[Link, BlockingLink]:
    ours, theirs = socket_pair()
    return Link(ours, receive_fds=receive_fds), BlockingLink(theirs)


def _pipe_with(text: str) -> int:
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


async def test_packets_cross_in_order_with_their_descriptors() -> None:
    core, child = _pair(receive_fds=2)
    fd = _pipe_with("hello")
    await core.send({"n": 1}, [fd])
    core.send_nowait({"n": 2})
    os.close(fd)
    (first, fds), (second, none) = child.receive_nowait()
    assert (first, second, none) == ({"n": 1}, {"n": 2}, [])
    assert os.read(fds[0], 10) == b"hello"
    child.send({"back": True}, fds)
    message, back = await core.receive()
    assert message == {"back": True}
    assert len(back) == 1
    for each in fds + back:
        os.close(each)
    core.close()
    child.close()


async def test_packets_for_a_slow_peer_are_queued_and_delivered_in_order() -> None:
    core, child = _pair()
    fd = _pipe_with("late")
    for n in range(1000):
        core.send_nowait({"n": n, "pad": "x" * 1000}, [fd] if n == 999 else [])
    os.close(fd)  # the queued packet holds its own duplicate
    seen: list[int] = []
    texts: list[bytes] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(core.run_writer)
        while len(seen) < 1000:
            for message, fds in child.receive_nowait():
                seen.append(message["n"])
                texts += [os.read(each, 10) for each in fds]
                for each in fds:
                    os.close(each)
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert seen == list(range(1000))
    assert texts == [b"late"]
    core.close()
    child.close()


async def test_a_deaf_peer_fills_a_bounded_queue() -> None:
    core, child = _pair()
    sent = 0
    with pytest.raises(LinkFull):  # noqa: PT012 - the loop is what fills it
        while True:
            core.send_nowait({"pad": "x" * 100_000})
            sent += 1
    assert 30 < sent < 100
    core.close()
    child.close()


async def test_a_packet_over_the_limit_is_the_callers_error() -> None:
    core, child = _pair()
    with pytest.raises(ValueError, match="shared memory"):
        core.send_nowait({"pad": "x" * MAX_PACKET})
    with pytest.raises(ValueError, match="descriptors in one packet"):
        core.send_nowait({}, [0] * (MAX_DESCRIPTORS + 1))
    core.close()
    child.close()


async def test_the_end_of_the_link_comes_after_the_packets_before_it() -> None:
    core, child = _pair()
    core.send_nowait({"last": True})
    core.close()
    assert child.receive_nowait() == [({"last": True}, [])]
    with pytest.raises(LinkClosed):
        child.receive_nowait()
    with pytest.raises(LinkClosed):
        child.send({"too": "late"})
    child.close()


@pytest.mark.parametrize(
    "packet",
    [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"n":' + b"9" * 5000 + b"}"],
    ids=["empty", "cut", "list", "number", "not utf-8", "deep", "long number"],
)
async def test_a_hostile_packet_closes_the_link_and_nothing_else(packet: bytes) -> None:
    ours, theirs = socket_pair()
    core = Link(ours)
    theirs.send(packet)
    with pytest.raises(LinkClosed):
        await core.receive()
    core.close()
    theirs.close()


async def test_an_oversized_packet_closes_the_link() -> None:
    ours, theirs = socket_pair()
    core = Link(ours)
    theirs.send(b'{"pad":"' + b"x" * MAX_PACKET + b'"}')
    with pytest.raises(LinkClosed, match="over"):
        await core.receive()
    core.close()
    theirs.close()


@pytest.mark.parametrize("allowed", [0, 1])
async def test_descriptors_that_were_not_asked_for_do_not_stay_open(allowed: int) -> None:
    ours, theirs = socket_pair()
    core = Link(ours, receive_fds=allowed)
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(theirs, [b"{}"], [0] * 8)
    with pytest.raises(LinkClosed, match="descriptors"):
        await core.receive()
    assert len(os.listdir("/proc/self/fd")) == before
    core.close()
    theirs.close()


async def test_closing_our_end_wakes_the_receiving_task() -> None:
    core, child = _pair()
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(LinkClosed):
                await core.receive()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        core.close()
        core.close()
    with pytest.raises(LinkClosed):
        core.send_nowait({})
    child.close()
