"""Packets of SIP legs as the peer's socket sees them: when they start, stop, move and continue."""

from __future__ import annotations

import itertools
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from runtime.config.settings import RtpSettings, SipSettings
from runtime.legs.leg import Connected, Ended, Leg
from runtime.legs.sip.gateway import SipGateway
from runtime.media.client import MediaClient
from runtime.testing.conformance import Heard, saw, until
from sip.address import BoundAddress, ListenAddress
from sip.dialog import InviteSession, events
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import NameAddr, Uri
from tests.legs.sip.bench import SipFarEnd
from tests.legs.sip.fakes import offer

pytestmark = pytest.mark.loopback

START_S = 30.0


@attrs.frozen
class Packet:
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int


@attrs.define
class Ear:
    """A UDP socket that reads RTP headers."""

    port: int
    packets: list[Packet] = attrs.field(factory=list)

    async def run(self, sock: trio.socket.SocketType) -> None:
        with sock:
            while True:
                data = await sock.recv(2048)
                _, kind, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
                self.packets.append(Packet(kind >= 128, kind & 127, sequence, timestamp, ssrc))


@attrs.define
class Scene:
    nursery: trio.Nursery
    phone: Endpoint
    target: str
    legs: list[Leg]
    engine: MediaClient

    async def ear(self) -> Ear:
        sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
        await sock.bind(("127.0.0.1", 0))
        ear = Ear(sock.getsockname()[1])
        self.nursery.start_soon(ear.run, sock)
        return ear

    async def call(self, sdp: bytes) -> tuple[Leg, SipFarEnd]:
        far = SipFarEnd()
        me = NameAddr(uri=Uri(user="far", host="127.0.0.1"))
        before = len(self.legs)
        far.session = self.phone.invite(self.target, sdp=sdp, from_=me, observer=far)
        await until(lambda: len(self.legs) > before)
        return self.legs[-1], far


@asynccontextmanager
async def scene(rtp: RtpSettings | None = None) -> AsyncIterator[Scene]:
    legs: list[Leg] = []
    engine = MediaClient("127.0.0.1", range(1))
    gateway = SipGateway(
        SipSettings(listen=("udp://127.0.0.1:0",)),
        (),
        engine,
        rtp=rtp,
        on_refused=lambda call: None,
        on_fault=lambda fault: pytest.fail(fault.traceback),
    )
    phone = Endpoint(EndpointSettings(), on_invite=lambda session: None)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(START_S):
            await nursery.start(engine.run)
            bound: Sequence[BoundAddress] = await nursery.start(gateway.run, legs.append)
            here = ListenAddress(transport="udp", host="127.0.0.1", port=0)
            await nursery.start(phone.run, [here])
        yield Scene(nursery, phone, f"sip:100@127.0.0.1:{bound[0].port}", legs, engine)
        nursery.cancel_scope.cancel()


def here(ear: Ear, formats: str = "0 101") -> bytes:
    return offer(host="127.0.0.1", port=ear.port, formats=formats)


async def test_packets_begin_with_early_media_and_go_on_unbroken() -> None:
    async with scene() as at:
        ear = await at.ear()
        leg, far = await at.call(here(ear))
        heard = Heard(leg)
        leg.ring({})
        await saw(far, "180")
        await trio.sleep(0.1)
        assert ear.packets == []
        leg.early_media({})
        await saw(far, "183")
        await until(lambda: len(ear.packets) > 10)
        leg.answer({})
        await heard.wait_for(Connected)
        early = len(ear.packets)
        await until(lambda: len(ear.packets) > early + 10)
        check_unbroken(ear.packets)


async def test_a_re_invite_moves_the_stream_and_changes_the_codec_without_a_break() -> None:
    async with scene() as at:
        first, second = await at.ear(), await at.ear()
        leg, far = await at.call(here(first))
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        await until(lambda: len(first.packets) > 10)
        await far.reinvite(here(second, "8 101"))
        await until(lambda: len(second.packets) > 10)
        check_unbroken(first.packets + second.packets)
        assert {packet.payload_type for packet in first.packets} == {0}
        assert {packet.payload_type for packet in second.packets} == {8}


async def test_packets_end_with_the_call() -> None:
    async with scene() as at:
        ear = await at.ear()
        leg, far = await at.call(here(ear))
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        await until(lambda: len(ear.packets) > 5)
        await far.bye()
        await heard.wait_for(Ended)
        await trio.sleep(0.1)
        sent = len(ear.packets)
        await trio.sleep(0.2)
        assert len(ear.packets) == sent


async def test_a_late_offer_is_spoken_to_after_the_ack() -> None:
    async with scene() as at:
        ear = await at.ear()

        class Late(SipFarEnd):
            def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
                super().on_sip_event(session, event)
                if isinstance(event, events.Answered):
                    session.ack_with(here(ear))

        far = Late()
        me = NameAddr(uri=Uri(user="far", host="127.0.0.1"))
        far.session = at.phone.invite(at.target, sdp=None, from_=me, observer=far)
        await until(lambda: len(at.legs) == 1)
        heard = Heard(at.legs[0])
        at.legs[0].answer({})
        await heard.wait_for(Connected)
        await until(lambda: len(ear.packets) > 5)
        check_unbroken(ear.packets)


def check_unbroken(packets: Sequence[Packet]) -> None:
    """One SSRC, sequence numbers one by one, 20 ms of timestamp each."""
    assert len({packet.ssrc for packet in packets}) == 1
    for one, other in itertools.pairwise(packets):
        assert other.sequence == (one.sequence + 1) & 0xFFFF
        assert other.timestamp == (one.timestamp + 160) & 0xFFFFFFFF
