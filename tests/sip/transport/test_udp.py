"""The UDP socket: keep-alives, returned datagrams, a full buffer, impossible destinations."""

from __future__ import annotations

import socket

import pytest
import trio

from sip.address import Destination, ListenAddress
from sip.transaction import ClientKey, Transmit
from sip.transport.limits import MAX_UDP_BACKLOG
from sip.transport.udp import UdpListener

from .notebook import PATIENCE_S, Notebook

pytestmark = pytest.mark.loopback


def listener(notes: Notebook) -> UdpListener:
    return UdpListener.bind(7, ListenAddress.parse("udp://127.0.0.1:0"), notes)


def transmit(data: bytes) -> Transmit:
    return Transmit(
        data=data,
        destination=Destination(transport="udp", host="127.0.0.1", port=1),
        transaction=ClientKey("z9hG4bKx", "OPTIONS"),
        call_id="1",
        summary="OPTIONS",
    )


async def until(notes: Notebook, start: str) -> None:
    await notes.until(lambda: any(line.startswith(start) for line in notes.lines))


async def test_keep_alives_are_no_datagrams(nursery: trio.Nursery) -> None:
    notes = Notebook()
    udp = listener(notes)
    nursery.start_soon(udp.run)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        where = ("127.0.0.1", udp.address.port)
        for data in (b"\r\n", b"\0\0\0\0", b" ", b"", b"hello"):
            sock.sendto(data, where)
        await until(notes, "datagram")
    assert notes.lines == ["datagram 5"]
    udp.close()


async def test_stun_is_answered_and_is_no_datagram(nursery: trio.Nursery) -> None:
    notes = Notebook()
    udp = listener(notes)
    nursery.start_soon(udp.run)
    phone = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with phone:
        await phone.bind(("127.0.0.1", 0))
        question = bytes.fromhex("000100002112a442") + b"transaction!"
        await phone.sendto(question, ("127.0.0.1", udp.address.port))
        with trio.fail_after(PATIENCE_S):
            reply = await phone.recv(100)
        port = int.from_bytes(reply[26:28], "big") ^ 0x2112
        assert port == phone.getsockname()[1]
    assert notes.lines == []
    udp.close()


async def test_a_datagram_to_a_dead_port_comes_back(nursery: trio.Nursery) -> None:
    notes = Notebook()
    udp = listener(notes)
    nursery.start_soon(udp.run)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        port = dead.getsockname()[1]
    udp.send(transmit(b"x"), "127.0.0.1", port)
    await until(notes, "returned: Connection refused")
    # the error of one datagram must not hit the next
    udp.send(transmit(b"y"), "127.0.0.1", port)
    udp.send(transmit(b"z"), "127.0.0.1", udp.address.port)
    await until(notes, "datagram 1")
    assert not [line for line in notes.lines if line.startswith("undelivered")]
    udp.close()


async def test_what_no_socket_can_send_is_undelivered() -> None:
    notes = Notebook()
    udp = listener(notes)
    udp.send(transmit(b"x" * 70_000), "127.0.0.1", 9)
    assert notes.lines[0].startswith("undelivered: udp:127.0.0.1:9: Message too long")
    udp.close()


async def test_a_full_socket_queues_and_drops_the_oldest(nursery: trio.Nursery) -> None:
    notes = Notebook()
    udp = listener(notes)
    real = udp._socket

    class Full:
        """The socket, taking nothing."""

        def sendto(self, data: bytes, where: tuple[str, int]) -> int:
            raise BlockingIOError

    udp._socket = Full()  # type: ignore[assignment]
    for number in range(MAX_UDP_BACKLOG + 5):
        udp.send(transmit(b"%d" % number), "127.0.0.1", udp.address.port)
    udp._socket = real
    nursery.start_soon(udp.run)
    await until(notes, "datagram")
    await notes.until(lambda: notes.lines.count("sent OPTIONS") >= MAX_UDP_BACKLOG)
    assert notes.lines.count("sent OPTIONS") == MAX_UDP_BACKLOG
    udp.close()
