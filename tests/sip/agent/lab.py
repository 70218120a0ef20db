"""One user agent and a peer played by the test: raw messages in, parsed messages out.

`Lab.heard` holds what the agent sent, with the times; `Lab.invite()` and the like write the peer's
messages with as few words as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import attrs

from sip.address import BoundAddress, Destination, Flow, PeerAddress, Transport
from sip.advertise import Advertised
from sip.agent import (
    Admission,
    AgentOutput,
    ConductReport,
    EndpointSettings,
    Locate,
    RefusalReport,
    SessionBegan,
    SessionNews,
    SipTrace,
    UserAgent,
)
from sip.auth import Credentials
from sip.dialog import InviteOrder, InviteSession
from sip.message import (
    Message,
    NameAddr,
    Request,
    Response,
    Uri,
    parse_datagram,
    response_to,
)
from sip.registrar import RegistrationChanged
from sip.transaction import ClientKey, Transmit
from sip.transport.nat import AddressBook, Listener

from .link import ANSWER, OFFER, CountingIds, Phone

US = BoundAddress(transport="udp", host="192.0.2.1", port=5060)
PEER = "192.0.2.9"


@attrs.frozen(kw_only=True)
class Heard:
    """One message that the agent sent."""

    at: float
    message: Message
    destination: Destination
    retransmission: bool

    def __str__(self) -> str:
        if isinstance(self.message, Request):
            return f"{self.at:g} {self.message.method}"
        return f"{self.at:g} {self.message.status} {self.message.cseq.method}"


class Lab:
    def __init__(
        self,
        *,
        settings: EndpointSettings | None = None,
        transport: Transport = "udp",
        listeners: Iterable[BoundAddress] = (US,),
    ) -> None:
        self.now = 0.0
        self.phone = Phone("us")
        self.heard: list[Heard] = []
        self._logged = 0
        self.traces: list[SipTrace] = []
        self.lookups: list[Locate] = []
        """Names whose servers the agent asked for and was not told yet."""
        self.refusals: list[RefusalReport] = []
        self.conduct: list[str] = []
        self.shuts_out: Callable[[PeerAddress], bool] = lambda peer: False
        """As the driver asks it, before a datagram reaches the agent."""
        self.on_conduct: Callable[[ConductReport], None] = lambda report: None
        self.registrations: list[RegistrationChanged] = []
        self.transport: Transport = transport
        self.gate: Callable[[PeerAddress], Admission] = lambda peer: None
        self.flow_id = 1 if transport == "udp" else 50
        self.book = AddressBook(
            [Listener(id=n, address=address) for n, address in enumerate(listeners, 1)],
            Advertised(),
            lambda _: "192.0.2.1",
        )
        self.agent = UserAgent(
            settings or EndpointSettings(),
            self.book,
            CountingIds("us"),
            gate=lambda peer: self.gate(peer),
            enter=self._enter,
        )

    # --- the owner ---

    def call(
        self,
        target: str = f"sip:bob@{PEER}",
        *,
        sdp: bytes | None = OFFER,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        route: str | None = None,
        may_follow: Callable[[Uri], bool] | None = None,
        first_response_s: float = 0.0,
    ) -> InviteSession:
        order = InviteOrder(
            target=Uri.parse(target),
            from_=NameAddr.parse("<sip:us@example.com>"),
            sdp=sdp,
            headers=tuple(headers),
            credentials=credentials,
            route=None if route is None else NameAddr.parse(route),
            may_follow=may_follow,
            first_response_s=first_response_s,
        )
        session = self.agent.invite(order, self.now)
        self.phone.sessions.append(session)
        self._carry_out(self.agent.take(self.now))
        return session

    @property
    def session(self) -> InviteSession:
        return self.phone.session

    def events(self) -> list[str]:
        return self.phone.kinds()

    def _enter(self, step: Callable[[float], None]) -> None:
        try:
            step(self.now)
        finally:
            self._carry_out(self.agent.take(self.now))

    def _carry_out(self, outputs: Iterable[AgentOutput]) -> None:
        for output in list(outputs):
            match output:
                case Transmit():
                    heard = Heard(
                        at=self.now,
                        message=parse_datagram(output.data),
                        destination=output.destination,
                        retransmission=output.retransmission,
                    )
                    self.heard.append(heard)
                case Locate():
                    self.lookups.append(output)
                case SipTrace():
                    self.traces.append(output)
                case RefusalReport():
                    self.refusals.append(output)
                case ConductReport():
                    self.conduct.append(output.conduct)
                    self.on_conduct(output)
                case RegistrationChanged():
                    self.registrations.append(output)
                case SessionBegan(session):
                    self.phone.sessions.append(session)
                    self.phone.on_invite(session)
                case SessionNews(session, event):
                    self.phone.events.append(event)
                    self.phone.on_event(session, event)
                case _:
                    pass

    # --- the network ---

    def locate(self, *places: str, reason: str = "no such name") -> None:
        """The first name that was asked for leads to `udp:192.0.2.9:5060` and the like."""
        asked = self.lookups.pop(0)
        found = []
        for place in places:
            transport, host, port = place.split(":")
            found.append(
                Destination(
                    transport=cast("Transport", transport),
                    host=host,
                    port=int(port),
                    domain=asked.lookup.domain,
                )
            )
        self._carry_out(self.agent.located(asked.key, found, reason, self.now))

    def lose(self, reason: str = "Connection refused") -> None:
        """The latest request could not be delivered."""
        request = self.last_request()
        key = ClientKey(request.via.branch or "", request.method)
        self._carry_out(self.agent.transport_failed(key, reason, self.now))

    # --- the peer ---

    @property
    def flow(self) -> Flow:
        peer = PeerAddress(transport=self.transport, host=PEER, port=5060)
        return Flow(id=self.flow_id, local=US, peer=peer)

    def deliver(self, message: Message | str | bytes, flow: Flow | None = None) -> None:
        if isinstance(message, str):
            message = message.encode()
        data = message if isinstance(message, bytes) else message.to_bytes()
        flow = flow or self.flow
        if not self.shuts_out(flow.peer):
            self._carry_out(self.agent.receive_datagram(data, flow, self.now))

    def request(
        self,
        method: str,
        *,
        branch: str,
        cseq: int = 1,
        to_tag: str = "",
        sdp: bytes | None = None,
        uri: str = "sip:us@192.0.2.1",
        call_id: str = "call-1",
        from_tag: str = "peer",
        headers: str = "Contact: <sip:peer@192.0.2.9>\r\n",
        content_type: str = "application/sdp",
    ) -> str:
        """The text of a request of the peer."""
        body = f"Content-Type: {content_type}\r\n" if sdp else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {PEER}:5060;branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:peer@{PEER}>;tag={from_tag}\r\n"
            f"To: <sip:us@192.0.2.1>{f';tag={to_tag}' if to_tag else ''}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{headers}{body}"
            f"Content-Length: {len(sdp or b'')}\r\n\r\n{(sdp or b'').decode()}"
        )

    def invite(self, headers: str = "", *, sdp: bytes | None = OFFER, branch: str = "inv") -> None:
        """The INVITE that begins a session; Contact included."""
        contact = "Contact: <sip:peer@192.0.2.9>\r\n"
        self.deliver(self.request("INVITE", branch=branch, sdp=sdp, headers=contact + headers))

    @property
    def our_tag(self) -> str:
        """The local tag of the latest session."""
        return self.session._core.call.local_tag

    def in_dialog(
        self,
        method: str,
        cseq: int,
        *,
        sdp: bytes | None = None,
        headers: str = "Contact: <sip:peer@192.0.2.9>\r\n",
        content_type: str = "application/sdp",
        branch: str | None = None,
    ) -> None:
        """A request of the peer in the dialog that its INVITE began."""
        branch = branch or f"{method.lower()}{cseq}"
        self.deliver(
            self.request(
                method,
                branch=branch,
                cseq=cseq,
                to_tag=self.our_tag,
                sdp=sdp,
                headers=headers,
                content_type=content_type,
            )
        )

    def answered_call(self, *, headers: str = "", sdp: bytes | None = OFFER) -> InviteSession:
        """A call of the peer that we answered and that is acknowledged."""
        self.invite(headers, sdp=sdp)
        self.session.accept(ANSWER)
        self.in_dialog("ACK", 1, sdp=None if sdp else ANSWER)
        self.forget_what_was_heard()
        return self.session

    def established_call(self, *, headers: str = "") -> InviteSession:
        """A call of ours that the peer answered."""
        session = self.call()
        self.answer(200, sdp=ANSWER, headers=headers)
        self.forget_what_was_heard()
        return session

    def answer(
        self,
        status: int,
        *,
        to: Request | None = None,
        tag: str = "theirs",
        sdp: bytes | None = None,
        headers: str = "",
        contact: bool = True,
        reason: str | None = None,
    ) -> None:
        """The peer's response to our latest request, or to `to`."""
        items = [tuple(line.split(": ", 1)) for line in headers.split("\r\n") if line]
        if contact:
            items.append(("Contact", f"<sip:peer@{PEER}>"))
        response = response_to(
            to or self.requests()[-1],
            status,
            reason,
            to_tag=tag or None,
            headers=[(name, value) for name, value in items],
            body=sdp or b"",
            content_type="application/sdp" if sdp else None,
        )
        self.deliver(response)

    # --- what was heard ---

    def forget_what_was_heard(self) -> None:
        self.heard.clear()
        self._logged = 0
        self.phone.events.clear()

    def run(self, until: float) -> None:
        while (at := self.agent.next_timeout()) is not None and at <= until:
            self.now = at
            self._carry_out(self.agent.on_time(at))
        self.now = until

    def log(self) -> list[str]:
        """`time method` or `time status method` for all that was heard since the last call."""
        lines = [str(heard) for heard in self.heard[self._logged :]]
        self._logged = len(self.heard)
        return lines

    def requests(self, method: str | None = None) -> list[Request]:
        found = [h.message for h in self.heard if isinstance(h.message, Request)]
        return [r for r in found if method in (None, r.method)]

    def responses(self, status: int | None = None) -> list[Response]:
        found = [h.message for h in self.heard if isinstance(h.message, Response)]
        return [r for r in found if status in (None, r.status)]

    def last(self) -> Message:
        return self.heard[-1].message

    def last_request(self) -> Request:
        return self.requests()[-1]

    def last_response(self) -> Response:
        return self.responses()[-1]
