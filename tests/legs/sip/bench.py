"""SIP legs and a far end, each on an endpoint of its own, over UDP on loopback.

The far end is written against the endpoint, not against our legs, so that a fault on our side is
not cancelled out by the same fault over there. No audio flows: the engine's place is taken by legs
that write down what they are told.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import attrs
import trio

from runtime.legs.leg import DialRequest, Headers, Leg
from runtime.legs.sip.incoming import IncomingCalls, RefusedCall
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.route import OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.media.port import MediaLeg, MediaPort
from runtime.testing.conformance import FarEnd, Step
from sip.address import BoundAddress, ListenAddress, Transport
from sip.dialog import InviteObserver, InviteSession, events
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import Headers as SipHeaders
from sip.message import NameAddr, Uri
from tests.legs.sip.fakes import FakeMediaLeg, offer

WAIT_S = 60.0


@attrs.define
class QuietEngine:
    """Audio legs without audio."""

    legs: list[FakeMediaLeg] = attrs.field(factory=list)

    async def open_leg(self) -> MediaLeg:
        self.legs.append(FakeMediaLeg())
        return self.legs[-1]


def scripted(headers: SipHeaders) -> dict[str, str]:
    return {
        name: value
        for name, value in headers
        if name.lower().startswith("x-") or name.lower() == "user-to-user"
    }


@attrs.define
class SipFarEnd:
    """The far end of one call, in either role."""

    session: InviteSession | None = None
    steps: list[Step] = attrs.field(factory=list)
    descriptions: list[bytes] = attrs.field(factory=list)
    """Every answer of the leg."""
    endpoint: Endpoint | None = None
    next_offer: bytes | None = attrs.field(factory=offer)
    """Of the peer that takes this one's place."""
    refusal: int = 0
    """Of changes that the leg asks for; 0 when they are taken."""
    accepted: bool = False
    """The leg tells how our transfer goes."""
    last_headers: SipHeaders = attrs.field(factory=SipHeaders)
    """Of the end."""

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        self.session = session
        match event:
            case events.Provisional(status=status, headers=headers):
                self.saw(str(status), headers)
            case events.Answered(headers=headers, sdp=sdp):
                self.descriptions.append(sdp or b"")
                self.saw("answered", headers)
            case events.ReinviteAnswered(sdp=sdp):
                self.descriptions.append(sdp or b"")
            case events.ReinviteReceived(headers=headers, sdp=sdp):
                self.saw("reinvite", headers, text=(sdp or b"").decode())
                self.take_change(sdp or b"")
            case events.InfoReceived(headers=headers, body=body):
                self.saw("info", headers, text=body.decode())
            case events.MessageReceived(headers=headers, text=text):
                self.saw("message", headers, text=text)
            case events.TransferRequested(refer_to=target, headers=headers):
                self.saw("refer", headers, text=str(target.uri))
            case events.TransferEnded(status=status, reason=reason):
                name = "transfer" if self.accepted else "rejected"
                self.saw(name, SipHeaders(), code=status, text=reason)
            case events.TransferProgress():
                self.accepted = True
            case events.Ended(by="remote", kind=kind, status=status, reason=reason):
                self.last_headers = event.headers
                names = {"bye": "bye", "cancel": "cancelled"}
                self.saw(names.get(kind, "rejected"), event.headers, code=status, text=reason)
            case _:
                pass

    def take_change(self, sdp: bytes) -> None:
        if self.refusal:
            self.call.reject_reinvite(self.refusal)
            return
        mirrored = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
        said = next((way for way in mirrored if f"a={way}".encode() in sdp), "")
        self.call.answer_reinvite(offer(extra=f"a={mirrored[said]}") if said else offer())

    async def refuse_changes(self, code: int) -> None:
        self.refusal = code

    def saw(self, name: str, headers: SipHeaders, *, code: int = 0, text: str = "") -> None:
        self.steps.append(Step(name=name, code=code, text=text, headers=scripted(headers)))

    @property
    def call(self) -> InviteSession:
        assert self.session is not None
        return self.session

    async def ring(self, headers: Headers) -> None:
        self.call.provisional(180, headers=headers.items())

    async def early_media(self, headers: Headers) -> None:
        self.call.provisional(183, headers=headers.items(), sdp=offer())

    async def answer(self, headers: Headers) -> None:
        self.call.accept(offer(), headers=headers.items())

    async def reject(self, code: int, reason: str) -> None:
        self.call.reject(code, reason)

    async def cancel(self) -> None:
        self.call.hangup()

    async def bye(self, cause: int | None = None) -> None:
        self.call.hangup(reason=None if cause is None else f"Q.850;cause={cause}")

    async def hold(self) -> None:
        await self.reinvite(offer(extra="a=sendonly"))

    async def resume(self) -> None:
        await self.reinvite(offer())

    async def reinvite(self, sdp: bytes) -> None:
        """Another offer, and wait for its answer."""
        before = len(self.descriptions)
        self.call.reinvite(sdp)
        with trio.fail_after(WAIT_S):
            while len(self.descriptions) == before:  # noqa: ASYNC110 - a session has no event
                await trio.sleep(0.005)

    async def info(self, mime_type: str, body: str) -> None:
        self.call.info(mime_type, body.encode())

    async def message(self, text: str) -> None:
        self.call.message(text)

    async def decide_transfer(self, code: int, reason: str) -> None:
        self.call.accept_transfer()
        self.call.report_transfer(code, reason)

    async def refuse_transfer(self, code: int) -> None:
        self.call.reject_transfer(code, why="the far end wants no transfer")

    async def ask_transfer(self, to: str, headers: Headers) -> None:
        self.call.refer(NameAddr(uri=Uri.parse(to)), headers=headers.items())

    async def hand_over(self, headers: Headers) -> None:
        place, endpoint = self.call.place, self.endpoint
        assert place is not None, "the call is up"
        assert endpoint is not None, "the call was made by the bench"
        name = place.uri.headers["Replaces"] or ""
        self.session = endpoint.invite(
            str(attrs.evolve(place.uri, headers={})),
            sdp=self.next_offer,
            from_=NameAddr(uri=Uri(scheme="sip", user="heir", host="127.0.0.1")),
            headers=[("Replaces", name), *headers.items()],
            observer=self,
        )

    async def press(self, tone: str) -> None:
        body = f"Signal={tone}\r\nDuration=160\r\n"
        self.call.info("application/dtmf-relay", body.encode())


@attrs.define
class SipBench:
    """Two endpoints: ours with the legs, and that of the far ends."""

    ours: Endpoint
    theirs: Endpoint
    our_address: BoundAddress
    their_address: BoundAddress
    dialer: SipDialer
    engine: QuietEngine
    book: TraceBook
    refused: list[RefusedCall]
    _delivered: trio.MemoryReceiveChannel[Leg]
    _invited: trio.MemoryReceiveChannel[SipFarEnd]

    @property
    def our_transport(self) -> str:
        return ";transport=tcp" if self.our_address.transport == "tcp" else ""

    async def call(
        self, number: str, headers: Headers, sdp: bytes | None, far: InviteObserver
    ) -> InviteSession:
        """An INVITE of the far end."""
        if isinstance(far, SipFarEnd):
            far.endpoint = self.theirs
        host = f"{self.our_address.host}:{self.our_address.port}"
        return self.theirs.invite(
            f"sip:{number}@{host}{self.our_transport}",
            sdp=sdp,
            from_=NameAddr(uri=Uri(scheme="sip", user="far", host="127.0.0.1")),
            headers=tuple(headers.items()),
            observer=far,
        )

    async def incoming(self, number: str, headers: Headers) -> tuple[Leg, FarEnd]:
        return await self.incoming_with(number, headers, offer())

    async def incoming_with(
        self, number: str, headers: Headers, sdp: bytes | None
    ) -> tuple[Leg, SipFarEnd]:
        far = SipFarEnd()
        far.session = await self.call(number, headers, sdp, far)
        return await self.next_leg(), far

    async def any_leg(self) -> Leg:
        """The next call that arrives, however long that takes."""
        return await self._delivered.receive()

    async def next_leg(self) -> Leg:
        """The next call that arrived."""
        with trio.fail_after(WAIT_S):
            return await self._delivered.receive()

    async def outgoing(self, request: DialRequest) -> tuple[Leg, FarEnd]:
        there = f"sip:far@{self.their_address.host}:{self.their_address.port}"
        there += self.our_transport
        leg = await self.dialer.dial(attrs.evolve(request, to=there))
        with trio.fail_after(WAIT_S):
            far = await self._invited.receive()
        far.endpoint = self.theirs
        return leg, far


@asynccontextmanager
async def sip_bench(*, transport: Transport = "udp") -> AsyncIterator[SipBench]:
    """Both endpoints while the block runs."""
    loopback = ListenAddress(transport=transport, host="127.0.0.1", port=0)
    book = TraceBook(trio.current_time)
    engine = QuietEngine()
    numbers = itertools.count(1)
    settings = LegSettings(
        media=cast(MediaPort, engine),
        book=book,
        now=trio.current_time,
        new_number=lambda: next(numbers),
    )
    give, delivered = trio.open_memory_channel[Leg](100)
    invite, invited = trio.open_memory_channel[SipFarEnd](100)
    refused: list[RefusedCall] = []
    calls = IncomingCalls(settings, deliver=give.send_nowait, on_refused=refused.append)

    def on_far_invite(session: InviteSession) -> SipFarEnd:
        far = SipFarEnd(session)
        far.saw("invited", session.request.headers)
        invite.send_nowait(far)
        return far

    ours = endpoint(calls.on_invite, book)
    theirs = endpoint(on_far_invite, TraceBook(trio.current_time))
    rules = OutgoingRules(trunks=(), only_loopback=True, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(calls.run)
        [our_address] = await nursery.start(ours.run, [loopback])
        [their_address] = await nursery.start(theirs.run, [loopback])
        yield SipBench(
            ours=ours,
            theirs=theirs,
            our_address=our_address,
            their_address=their_address,
            dialer=SipDialer(settings, ours, rules),
            engine=engine,
            book=book,
            refused=refused,
            delivered=delivered,
            invited=invited,
        )
        nursery.cancel_scope.cancel()


def endpoint(on_invite: Callable[[InviteSession], InviteObserver], book: TraceBook) -> Endpoint:
    return Endpoint(
        EndpointSettings(), on_invite=on_invite, on_trace=book.on_trace, accept=lambda peer: None
    )
