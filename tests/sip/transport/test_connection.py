"""The time limits and the bounds of TCP connections; the clock jumps over the long waits."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from sip.address import Destination, ListenAddress, Lookup, PeerAddress
from sip.transaction import ClientKey, Transmit
from sip.transport import TransportHub
from sip.transport import hub as hub_module
from sip.transport.limits import (
    IDLE_S,
    MAX_QUEUE_BYTES,
    MAX_WAITING_FOR_NAME,
    MESSAGE_S,
    PING_S,
    PONG_S,
)

from .names import FakeNames
from .notebook import Notebook

pytestmark = pytest.mark.loopback

OPTIONS = (
    b"OPTIONS sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\n"
    b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Bench:
    """A hub with one TCP listener, and what it told."""

    def __init__(self) -> None:
        self.notes = Notebook()
        self.crashes: list[Exception] = []
        self.hub = TransportHub(self.notes, FakeNames(), self.crashes.append)
        where = ListenAddress.parse("tcp://127.0.0.1:0")
        self.port = self.hub.bind([where])[0].address.port

    async def dial(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@pytest.fixture
async def bench(nursery: trio.Nursery) -> Bench:
    bench = Bench()
    await nursery.start(bench.hub.run)
    return bench


def transmit(port: int, data: bytes = b"x", *, host: str = "127.0.0.1", flow: int = 0) -> Transmit:
    return Transmit(
        data=data,
        destination=Destination(transport="tcp", host=host, port=port, flow=flow),
        transaction=ClientKey("z9hG4bKx", "OPTIONS"),
        call_id="1",
        summary="OPTIONS",
    )


async def test_a_connection_without_a_message_is_closed(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    start = trio.current_time()
    async with await bench.dial() as stream:
        assert await stream.receive_some() == b""
    assert trio.current_time() - start == pytest.approx(MESSAGE_S, abs=1)
    assert bench.notes.lines == ["opened", "closed: no whole message in time"]


async def test_a_message_that_dribbles_is_not_waited_for(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    start = trio.current_time()
    async with await bench.dial() as stream:
        await stream.send_all(OPTIONS)
        await trio.sleep(100)
        await stream.send_all(OPTIONS[:20])
        for _ in range(5):
            await trio.sleep(5)
            await stream.send_all(b"x")
        assert await stream.receive_some() == b""
    assert trio.current_time() - start == pytest.approx(100 + MESSAGE_S, abs=1)


async def test_an_idle_connection_is_closed_unless_a_dialog_needs_it(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    start = trio.current_time()
    bench.notes.needed = True
    async with await bench.dial() as stream:
        await stream.send_all(OPTIONS)
        await trio.sleep(2 * IDLE_S)
        assert bench.notes.lines == ["opened", "message OPTIONS sip:us@127.0.0.1"]
        bench.notes.needed = False
        assert await stream.receive_some() == b""
    assert trio.current_time() - start < 2 * IDLE_S + 61
    assert bench.notes.lines[-1] == "closed: idle"


async def test_keep_alives_keep_a_connection(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    async with await bench.dial() as stream:
        await stream.send_all(OPTIONS)
        for _ in range(20):
            await trio.sleep(120)
            await stream.send_all(b"\r\n\r\n")
            assert await stream.receive_some() == b"\r\n"
    await trio.testing.wait_all_tasks_blocked()


async def test_a_peer_that_reads_nothing_is_cut_off(bench: Bench) -> None:
    async with await bench.dial() as stream:
        await stream.send_all(OPTIONS)
        await trio.testing.wait_all_tasks_blocked()
        flow = bench.notes.flows[0].id
        block = transmit(1, b"x" * 100_000, flow=flow)
        for _ in range(200):
            bench.hub.send(block)
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        closed = "closed: the peer does not read what we send"
        assert closed in bench.notes.lines or "closed: cannot write: " in str(bench.notes.lines)
        assert any(line.startswith("undelivered") for line in bench.notes.lines)
    assert MAX_QUEUE_BYTES < 200 * 100_000


async def test_a_connection_that_never_opens_fails_its_messages(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    with socket.socket() as full:
        # a listener whose queue is full answers no SYN
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        bench.hub.send(transmit(port))
        await trio.sleep(6)
        for filler in fillers:
            filler.close()
    assert bench.notes.lines[0] == "sent on a connection"
    assert "no connection within 5 s" in bench.notes.lines[-1]


async def test_all_who_wait_for_a_name_are_told_in_order(bench: Bench) -> None:
    lookup = Lookup(domain="nobody.example", port=None, transport=None, secure=False)
    keys = [ClientKey(f"z9hG4bK{number}", "INVITE") for number in range(MAX_WAITING_FOR_NAME + 1)]
    for key in keys:
        bench.hub.locate(key, lookup, "seed")
    full = "located: too many requests wait for the name nobody.example"
    assert bench.notes.lines == [full]
    await bench.notes.until(lambda: len(bench.notes.lines) == len(keys))
    assert set(bench.notes.lines[1:]) == {"located: nobody.example: the name has no address"}


async def test_messages_wait_together_for_one_connection(bench: Bench) -> None:
    other = Bench()
    async with trio.open_nursery() as nursery:
        await nursery.start(other.hub.run)
        for _ in range(3):
            bench.hub.send(transmit(other.port, OPTIONS))
        await other.notes.until(
            lambda: sum(line.startswith("message") for line in other.notes.lines) == 3
        )
        assert other.notes.lines.count("opened") == 1
        nursery.cancel_scope.cancel()


async def test_an_unwelcome_peer_is_closed_at_once(bench: Bench) -> None:
    bench.notes.welcome = False
    async with await bench.dial() as stream:
        assert await stream.receive_some() == b""
    assert bench.notes.lines == []


async def test_the_number_of_connections_is_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MAX_CONNECTIONS", 2)
    streams = [await bench.dial() for _ in range(3)]
    full = "connection turned away: the limit of 2 connections is reached"
    await bench.notes.until(lambda: full in bench.notes.lines)
    assert bench.notes.lines.count("opened") == 2
    bench.hub.send(transmit(1))
    assert bench.notes.lines[-1] == "undelivered: no further tcp connection can be opened"
    for stream in streams:
        await stream.aclose()


async def test_a_receiver_that_fails_costs_one_connection(bench: Bench) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("receiver's fault")

    bench.notes.message = explode  # type: ignore[assignment, method-assign]
    async with await bench.dial() as stream:
        await stream.send_all(OPTIONS)
        assert await stream.receive_some() == b""
    assert "receiver's fault" in str(bench.crashes[0].__context__ or bench.crashes[0]) or any(
        isinstance(crash, ExceptionGroup) for crash in bench.crashes
    )
    async with await bench.dial() as stream:
        await stream.send_all(b"\r\n\r\n")
        assert await stream.receive_some() == b"\r\n"


async def dialled(bench: Bench) -> tuple[trio.SocketStream, trio.SocketListener]:
    """The far end of a connection that the hub opened, after its first message."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    bench.hub.send(transmit(listener.socket.getsockname()[1], OPTIONS))
    stream = await listener.accept()
    assert await stream.receive_some() == OPTIONS
    await stream.send_all(OPTIONS)
    return stream, listener


async def test_a_connection_of_ours_is_pinged_and_its_failure_is_told(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    bench.notes.needed = True
    start = trio.current_time()
    stream, listener = await dialled(bench)
    assert await stream.receive_some() == b"\r\n\r\n"
    assert trio.current_time() - start == pytest.approx(PING_S, abs=1)
    await stream.send_all(b"\r\n")
    assert await stream.receive_some() == b"\r\n\r\n"
    # it answered once; when it does not answer again, the flow has failed
    assert await stream.receive_some() == b""
    assert trio.current_time() - start == pytest.approx(2 * PING_S + PONG_S, abs=2)
    told = "closed: the flow failed: no answer to a keep-alive within 10 s"
    await bench.notes.until(lambda: bench.notes.lines[-1] == told)
    await stream.aclose()
    await listener.aclose()


async def test_a_peer_that_ignores_pings_keeps_its_connection(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    bench.notes.needed = True
    stream, listener = await dialled(bench)
    for _ in range(12):
        assert await stream.receive_some() == b"\r\n\r\n"
    assert not any(line.startswith("closed") for line in bench.notes.lines)
    await stream.aclose()
    await listener.aclose()


async def test_connections_of_one_host_are_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MAX_CONNECTIONS_PER_HOST", 1)
    # loopback is excepted, so that this peer must not look like it
    monkeypatch.setattr(PeerAddress, "is_loopback", property(lambda peer: False))
    first = await bench.dial()
    await bench.notes.until(lambda: bench.notes.lines == ["opened"])
    async with await bench.dial() as second:
        assert await second.receive_some() == b""
    assert bench.notes.lines[1] == (
        "connection turned away: 127.0.0.1 has 1 connections, the most for one host"
    )
    await first.aclose()
