"""Two user agents on a fake network with one clock: what each sends reaches the other.

A pattern decides the fate of every message by its number: pass, lose, double, or delay it. Owners
are played by `Phone`, which writes down the events it hears and does what a script tells it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Literal

from sip.address import BoundAddress, Destination, Flow, PeerAddress, Transport
from sip.advertise import Advertised
from sip.agent import (
    AgentOutput,
    EndpointSettings,
    Refusal,
    RefusalReport,
    SessionBegan,
    SessionNews,
    UserAgent,
)
from sip.auth import Credentials
from sip.dialog import Ended, InviteOrder, InviteSession, SessionEvent
from sip.message import NameAddr, Uri
from sip.transaction import ClientKey, Timers, Transmit
from sip.transport.nat import AddressBook, Listener

OFFER = b"v=0\r\no=offer 1 1 IN IP4 192.0.2.1\r\n"
ANSWER = b"v=0\r\no=answer 1 1 IN IP4 192.0.2.2\r\n"
DELAY = 0.01
"""One way through the fake network, in seconds."""

Fate = Literal["pass", "lose", "double", "late"]


class CountingIds:
    """Predictable ids: `a1`, `a2` ..."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = itertools.count(1)

    def _new(self, kind: str) -> str:
        return f"{self._name}-{kind}{next(self._next)}"

    def branch(self) -> str:
        return self._new("br")

    def tag(self) -> str:
        return self._new("tag")

    def call_id(self) -> str:
        return self._new("call")

    def cnonce(self) -> str:
        return self._new("nonce")

    def number(self) -> int:
        return next(self._next) * 100

    def fraction(self) -> float:
        return 0.5


class Phone:
    """The owner of one agent's sessions: hears, writes down, and does as `on_event` says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sessions: list[InviteSession] = []
        self.events: list[SessionEvent] = []
        self.refusals: list[RefusalReport] = []
        self.on_invite: Callable[[InviteSession], None] = lambda session: None
        self.on_event: Callable[[InviteSession, SessionEvent], None] = lambda session, event: None

    def kinds(self) -> list[str]:
        """The events so far, as words."""
        return [describe(event) for event in self.events]

    @property
    def session(self) -> InviteSession:
        """The latest session."""
        return self.sessions[-1]


def describe(event: SessionEvent) -> str:
    if isinstance(event, Ended):
        return f"Ended {event.by} {event.kind} {event.status}"
    status = getattr(event, "status", None)
    return type(event).__name__ + (f" {status}" if status is not None else "")


class Side:
    """One agent and its owner."""

    def __init__(
        self, name: str, host: str, link: Link, settings: EndpointSettings, transport: Transport
    ) -> None:
        self.phone = Phone(name)
        self.address = BoundAddress(transport=transport, host=host, port=5060)
        self.link = link
        self.gate: Callable[[PeerAddress], Refusal | None] = lambda peer: None
        self.agent = UserAgent(
            settings,
            AddressBook([Listener(id=1, address=self.address)], Advertised(), lambda _: host),
            CountingIds(name),
            gate=lambda peer: self.gate(peer),
            enter=self.enter,
        )

    def enter(self, step: Callable[[float], None]) -> None:
        try:
            step(self.link.now)
        finally:
            self.carry_out(self.agent.take(self.link.now))

    def carry_out(self, outputs: Iterable[AgentOutput]) -> None:
        news: list[SessionBegan | SessionNews] = []
        for output in outputs:
            if isinstance(output, Transmit):
                self.link.transmit(self, output)
            elif isinstance(output, SessionBegan | SessionNews):
                news.append(output)
            elif isinstance(output, RefusalReport):
                self.phone.refusals.append(output)
        for item in news:
            if isinstance(item, SessionBegan):
                self.phone.sessions.append(item.session)
                self.phone.on_invite(item.session)
            else:
                self.phone.events.append(item.event)
                self.phone.on_event(item.session, item.event)

    def call(
        self,
        target: str,
        *,
        sdp: bytes | None = OFFER,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        route: str | None = None,
    ) -> InviteSession:
        order = InviteOrder(
            target=Uri.parse(target),
            from_=NameAddr.parse(f"<sip:{self.phone.name}@{self.address.host}>"),
            sdp=sdp,
            headers=tuple(headers),
            credentials=credentials,
            route=None if route is None else NameAddr.parse(route),
        )
        session = self.agent.invite(order, self.link.now)
        self.phone.sessions.append(session)
        self.carry_out(self.agent.take(self.link.now))
        return session


class Link:
    """The network between two sides, and the clock of both."""

    def __init__(
        self,
        *,
        settings: EndpointSettings | None = None,
        transport: Transport = "udp",
        fate: Callable[[int, str], Fate] = lambda number, summary: "pass",
    ) -> None:
        settings = settings or EndpointSettings(timers=Timers())
        self.now = 0.0
        self.fate = fate
        self.transport: Transport = transport
        self.alice = Side("alice", "192.0.2.1", self, settings, transport)
        self.bob = Side("bob", "192.0.2.2", self, settings, transport)
        self.log: list[str] = []
        """`time from: summary` of every message sent, `(lost)` when it was."""
        self.sent: list[bytes] = []
        self._numbers = itertools.count()
        self._ties = itertools.count()
        self._under_way: list[tuple[float, int, Side, Side, bytes]] = []

    def transmit(self, sender: Side, output: Transmit) -> None:
        number = next(self._numbers)
        fate = self.fate(number, output.summary)
        mark = {"lose": " (lost)", "double": " (doubled)", "late": " (late)", "pass": ""}[fate]
        self.log.append(f"{self.now:g} {sender.phone.name}: {_short(output.summary)}{mark}")
        self.sent.append(output.data)
        receiver = self._receiver(output.destination)
        if receiver is None:
            key = output.transaction
            if isinstance(key, ClientKey):
                sender.carry_out(sender.agent.transport_failed(key, "nobody there", self.now))
            return
        delays = {"lose": [], "pass": [1], "double": [1, 2], "late": [40]}[fate]
        for factor in delays:
            entry = (self.now + factor * DELAY, next(self._ties), sender, receiver, output.data)
            heapq.heappush(self._under_way, entry)

    def _receiver(self, destination: Destination) -> Side | None:
        for side in (self.alice, self.bob):
            if (side.address.host, side.address.port) == (destination.host, destination.port):
                return side
        return None

    def deliver(self, data: bytes, *, to: Side, source: str = "192.0.2.99") -> None:
        """A message from somebody else arrives now."""
        peer = PeerAddress(transport=self.transport, host=source, port=5060)
        flow = Flow(id=1, local=to.address, peer=peer)
        to.carry_out(to.agent.receive_datagram(data, flow, self.now))

    def run(self, until: float) -> None:
        """Let everything happen up to `until`, each at its exact time."""
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            if self._under_way and self._under_way[0][0] <= self.now:
                _, _, sender, receiver, data = heapq.heappop(self._under_way)
                self.deliver(data, to=receiver, source=sender.address.host)
                continue
            for side in (self.alice, self.bob):
                side.carry_out(side.agent.on_time(self.now))
        self.now = until

    def _next(self) -> float | None:
        times = [side.agent.next_timeout() for side in (self.alice, self.bob)]
        times += [self._under_way[0][0]] if self._under_way else []
        return min((t for t in times if t is not None), default=None)

    def assert_nothing_left(self) -> None:
        """Both sides have forgotten everything."""
        for side in (self.alice, self.bob):
            agent = side.agent
            assert len(agent.sessions) == 0, list(agent.sessions)
            assert agent.layer.client_count == 0
            assert agent.layer.server_count == 0
            assert agent.next_timeout() is None
            assert agent.is_idle
            assert (agent._outcomes, agent._invites, len(agent.timers)) == ({}, {}, 0)
            assert len(agent.deliveries) == 0


def _short(summary: str) -> str:
    return summary.split(" sip:")[0]
