"""A gateway with a user, and telephones that register and are called; all on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import attrs
import pytest
import trio

from runtime.config.settings import RtpSettings, SipSettings, TrunkSettings
from runtime.config.users import RegistrarSettings, UserSettings
from runtime.legs.leg import DialRequest, Leg
from runtime.legs.sip.gateway import SipGateway
from runtime.legs.sip.users import Users
from runtime.media.port import MediaPort
from runtime.testing.conformance import Heard
from sip.address import BoundAddress, ListenAddress
from sip.auth import Credentials, DigestClient
from sip.dialog import InviteSession
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import Request, Response, parse_datagram
from tests.legs.sip.bench import QuietEngine, SipFarEnd

PASSWORD = "correct-horse"
PATIENCE_S = 60
MAX_LEGS = 16


@attrs.define
class Desk:
    """A telephone of the user, and the calls that reached it."""

    endpoint: Endpoint
    port: int
    calls: list[SipFarEnd]

    @property
    def contact(self) -> str:
        return f"<sip:desk@127.0.0.1:{self.port}>"

    async def rung(self) -> SipFarEnd:
        with trio.fail_after(PATIENCE_S):
            while not self.calls:  # noqa: ASYNC110 - a list has no event
                await trio.sleep(0.005)
        return self.calls[-1]


class Dialled(Heard):
    """A leg that was dialled, and its events."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self.leg = leg


@attrs.define
class Office:
    """A gateway with a user, and telephones."""

    gateway: SipGateway
    address: BoundAddress
    nursery: trio.Nursery
    engine: QuietEngine
    arrived: trio.MemoryReceiveChannel[Leg]
    """Calls to the gateway."""
    open: ExitStack
    """Holds the ports of phones, so that nobody else calls from them and is taken for bob."""

    @property
    def somewhere(self) -> ListenAddress:
        return ListenAddress(transport="udp", host="127.0.0.1", port=0)

    async def desk(self, answer: Callable[[InviteSession], SipFarEnd] = SipFarEnd) -> Desk:
        """A telephone whose calls are what `answer` makes of them."""
        calls: list[SipFarEnd] = []

        def on_invite(session: InviteSession) -> SipFarEnd:
            calls.append(answer(session))
            return calls[-1]

        endpoint = Endpoint(EndpointSettings(), on_invite=on_invite)
        [bound] = await self.nursery.start(endpoint.run, [self.somewhere])
        return Desk(endpoint, bound.port, calls)

    async def register(self, *contacts: str) -> None:
        """As user bob, with everything that a phone does."""
        digest = DigestClient(Credentials("bob", PASSWORD))
        wire = self.open.enter_context(trio.socket.socket(type=trio.socket.SOCK_DGRAM))
        await wire.connect((self.address.host, self.address.port))
        request = _register(self.address, contacts, 1)
        challenge = await _asked(wire, request)
        assert challenge.status == 401
        request = _register(self.address, contacts, 2)
        digest.challenged(request, challenge)
        digest.authorize(request, "c")
        assert (await _asked(wire, request)).status == 200

    async def dial(self, name: str = "bob") -> Dialled:
        request = DialRequest(kind="user", to=name, callerid="4711", display_name="Desk One")
        return Dialled(await self.gateway.dialer.dial(request))


def _register(to: BoundAddress, contacts: tuple[str, ...], cseq: int) -> Request:
    text = (
        f"REGISTER sip:{to.host}:{to.port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKr{cseq};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:bob@{to.host}>;tag=t\r\nTo: <sip:bob@{to.host}>\r\nCall-ID: r\r\n"
        f"CSeq: {cseq} REGISTER\r\nContact: {', '.join(contacts)}\r\n"
        f"User-Agent: phone\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


async def _asked(wire: trio.socket.SocketType, request: Request) -> Response:
    await wire.send(request.to_bytes())
    with trio.fail_after(PATIENCE_S):
        message = parse_datagram(await wire.recv(65_535))
    assert isinstance(message, Response)
    return message


@asynccontextmanager
async def office(
    *, users: bool = True, rtp: RtpSettings | None = None, trunks: Sequence[TrunkSettings] = ()
) -> AsyncIterator[Office]:
    """A gateway on loopback with the user bob; nobody is registered yet."""
    known = {"bob": UserSettings(password=PASSWORD, display_name="Bob")} if users else {}
    engine = QuietEngine()
    gateway = SipGateway(
        SipSettings(listen=("udp://127.0.0.1:0",)),
        trunks,
        cast(MediaPort, engine),
        users=Users.of(RegistrarSettings(), known),
        rtp=rtp,
        on_refused=lambda refused: None,
        on_fault=lambda fault: pytest.fail(fault.traceback),
    )
    give, delivered = trio.open_memory_channel[Leg](MAX_LEGS)
    with ExitStack() as held:
        async with trio.open_nursery() as nursery:
            [address] = await nursery.start(gateway.run, give.send_nowait)
            yield Office(gateway, address, nursery, engine, delivered, held)
            nursery.cancel_scope.cancel()
