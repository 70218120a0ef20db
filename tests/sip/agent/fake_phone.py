"""A phone with a password at a live agent: writes requests, and answers challenges if asked to."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sip.address import BoundAddress, Flow, PeerAddress, Transport
from sip.auth import Credentials, DigestClient, secret_of
from sip.message import Request, Response, parse_datagram
from sip.registrar import User

from .lab import Lab

REALM = "callstage"
PHONE = "198.51.100.7"
US = BoundAddress(transport="udp", host="192.0.2.1", port=5060)
ALGORITHMS = ("SHA-256", "MD5")


def user(name: str, password: str) -> User:
    secrets = {each: secret_of(each, name, REALM, password) for each in ALGORITHMS}
    return User(name=name, secrets=secrets, display_name=name.title())


def flow_from(host: str = PHONE, port: int = 40000, *, transport: Transport = "udp") -> Flow:
    peer = PeerAddress(transport=transport, host=host, port=port)
    return Flow(id=1 if transport == "udp" else 50, local=US, peer=peer)


@attrs.define
class FakePhone:
    """A phone of one user: writes requests, and answers challenges when asked to."""

    lab: Lab
    user: str = "bob"
    password: str = "secret"
    flow: Flow = attrs.field(factory=flow_from)
    cseq: int = 0
    digest: DigestClient = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.digest = DigestClient(Credentials(self.user, self.password))

    def write(
        self,
        method: str,
        *,
        to: str = "",
        uri: str = "sip:192.0.2.1",
        from_: str = "",
        headers: str = "",
        call_id: str = "phone-1",
        sdp: bytes = b"",
    ) -> Request:
        self.cseq += 1
        address = f"<sip:{self.user}@192.0.2.1>"
        body = "Content-Type: application/sdp\r\n" if sdp else ""
        branch = f"z9hG4bKp{self.user}{self.cseq}{call_id}"
        text = (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 10.0.0.7:5060;branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {from_ or address};tag=t\r\nTo: {to or address}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {self.cseq} {method}\r\nUser-Agent: phone/1\r\n"
            f"{headers}{body}"
            f"Content-Length: {len(sdp)}\r\n\r\n"
        )
        message = parse_datagram(text.encode() + sdp)
        assert isinstance(message, Request)
        return message

    def send(self, request: Request) -> Response | None:
        """The last response that came of it."""
        before = len(self.lab.heard)
        self.lab.deliver(request, self.flow)
        answers = [h.message for h in self.lab.heard[before:] if isinstance(h.message, Response)]
        return answers[-1] if answers else None

    def ask(self, method: str, **words: str | bytes) -> Response:
        """Send a request, answer the challenge, and return what came then."""
        first = self.send(self.write(method, **words))  # type: ignore[arg-type]
        assert first is not None
        if first.status != 401:
            return first
        again = self.write(method, **words)  # type: ignore[arg-type]
        assert self.digest.challenged(again, first)
        self.digest.authorize(again, "cnonce")
        answer = self.send(again)
        assert answer is not None
        return answer

    def register(self, expires: int = 300, contact: str = "<sip:bob@10.0.0.7:5060>") -> Response:
        return self.ask("REGISTER", headers=f"Contact: {contact};expires={expires}\r\n")


def statuses(responses: Iterable[Response | None]) -> list[int]:
    return [0 if response is None else response.status for response in responses]
