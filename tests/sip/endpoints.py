"""Real endpoints on loopback with an owner that writes everything down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from sip.address import host_port
from sip.endpoint import (
    BoundAddress,
    Ended,
    Endpoint,
    EndpointSettings,
    Fault,
    InviteSession,
    ListenAddress,
    PeerAddress,
    Refusal,
    RefusalReport,
    SessionEvent,
    SipTrace,
    TlsSettings,
    WebSocketSettings,
)
from sip.message import NameAddr

SDP = (
    b"v=0\r\no=callstage 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
PATIENCE_S = 60
"""Bound on every wait of these tests; only a broken build ever waits so long."""


class Owner:
    """Accepts calls, unless told otherwise, and remembers what it heard."""

    def __init__(self) -> None:
        self.sessions: list[InviteSession] = []
        self.events: list[SessionEvent] = []
        self.traces: list[SipTrace] = []
        self.refusals: list[RefusalReport] = []
        self.faults: list[Fault] = []
        self.notices: list[str] = []
        self.on_invite: Callable[[InviteSession], object] = lambda session: session.accept(SDP)
        self.on_event: Callable[[InviteSession, SessionEvent], object] = lambda session, event: None
        self.gate: Callable[[PeerAddress], Refusal | None] = lambda peer: None
        self._news = trio.Event()

    def take(self, session: InviteSession) -> Owner:
        self.sessions.append(session)
        self.on_invite(session)
        return self

    def on_sip_event(self, session: InviteSession, event: SessionEvent) -> None:
        self.events.append(event)
        self._wake()
        self.on_event(session, event)

    def traced(self, trace: SipTrace) -> None:
        self.traces.append(trace)
        self._wake()

    def refused(self, report: RefusalReport) -> None:
        self.refusals.append(report)
        self._wake()

    def faulted(self, fault: Fault) -> None:
        self.faults.append(fault)
        self._wake()

    def noticed(self, text: str) -> None:
        self.notices.append(text)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for news that make `condition` true."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self._news.wait()

    async def heard(self, kind: type[SessionEvent], count: int = 1) -> SessionEvent:
        """The `count`-th event of this kind."""
        found: list[SessionEvent] = []

        def there() -> bool:
            found[:] = [event for event in self.events if isinstance(event, kind)]
            return len(found) >= count

        await self.until(there)
        return found[count - 1]

    def ends(self) -> list[tuple[str, str, int]]:
        return [(e.by, e.kind, e.status) for e in self.events if isinstance(e, Ended)]


class Running:
    """One endpoint that listens, and its owner."""

    def __init__(self, endpoint: Endpoint, owner: Owner, bound: list[BoundAddress]) -> None:
        self.endpoint = endpoint
        self.owner = owner
        self.bound = bound

    def uri(self, user: str = "us", transport: str = "udp") -> str:
        address = next(one for one in self.bound if one.transport == transport)
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{user}@{host_port(address.host, address.port)}{suffix}"

    def port(self, transport: str = "udp") -> int:
        return next(one.port for one in self.bound if one.transport == transport)

    def call(
        self,
        target: str,
        *,
        sdp: bytes | None = SDP,
        headers: Iterable[tuple[str, str]] = (),
    ) -> InviteSession:
        session = self.endpoint.invite(
            target,
            sdp=sdp,
            from_=NameAddr.parse("<sip:caller@127.0.0.1>"),
            headers=headers,
            observer=self.owner,
        )
        self.owner.sessions.append(session)
        return session


@asynccontextmanager
async def running(
    nursery: trio.Nursery,
    *listeners: str,
    settings: EndpointSettings | None = None,
    tls: TlsSettings | None = None,
    websocket: WebSocketSettings | None = None,
) -> AsyncIterator[Running]:
    """An endpoint in `nursery`; it is closed at the end."""
    owner = Owner()
    endpoint = Endpoint(
        settings or EndpointSettings(),
        on_invite=owner.take,
        on_trace=owner.traced,
        accept=lambda peer: owner.gate(peer),
        on_refusal=owner.refused,
        on_fault=owner.faulted,
        on_notice=owner.noticed,
        tls=tls,
        websocket=websocket,
    )
    where = [ListenAddress.parse(text) for text in listeners or ("udp://127.0.0.1:0",)]
    bound = await nursery.start(endpoint.run, where)
    try:
        yield Running(endpoint, owner, bound)
    finally:
        await endpoint.close()
