"""What one core signals in a second, without sockets: `python -m tests.bench.signalling`.

Prints, per second of process CPU of the user agent alone: challenges, registrations (the request
with the answer; with the challenge before it), refreshes, calls answered (INVITE to 100 and 200
with its transaction and dialog), whole calls (INVITE, ACK, BYE), and datagrams of a banned address.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from typing import Final

from runtime.legs.sip.peers import PeerGate
from sip.address import BoundAddress, Flow, PeerAddress
from sip.advertise import Advertised
from sip.agent import AgentOutput, ConductReport, EndpointSettings, SessionBegan, UserAgent
from sip.auth import Credentials, DigestClient, secret_of
from sip.dialog import InviteSession
from sip.message import Request, Response, parse_datagram
from sip.registrar import RegistrarSettings, User
from sip.transaction import Transmit
from sip.transport import AddressBook, RandomIds
from sip.transport.nat import Listener
from tests.bench.sip_parser import INVITE, OFFER

USERS: Final = 2_000
CALLS: Final = 1_000
DROPS: Final = 100_000
REALM: Final = "callstage"
PASSWORD: Final = "correct-horse"
ALGORITHM: Final = "SHA-256"
US: Final = BoundAddress(transport="udp", host="203.0.113.20", port=5060)
NEW_CALL_S: Final = 0.0001
"""Of the fake clock, between two datagrams: no 200 is repeated before its ACK comes."""


class Bench:
    """One user agent, and the CPU that it takes."""

    def __init__(self) -> None:
        users = {
            f"u{n}": User(
                name=f"u{n}", secrets={ALGORITHM: secret_of(ALGORITHM, f"u{n}", REALM, PASSWORD)}
            )
            for n in range(USERS)
        }
        registrar = RegistrarSettings(realm=REALM, users=users, algorithms=(ALGORITHM,))
        self.now = 0.0
        self.sent: list[bytes] = []
        self.agent = UserAgent(
            EndpointSettings(registrar=registrar),
            AddressBook([Listener(id=1, address=US)], Advertised(), lambda _: US.host),
            RandomIds(),
            gate=lambda peer: None,
            enter=self._enter,
        )

    def _enter(self, step: Callable[[float], None]) -> None:
        step(self.now)
        self._take(self.agent.take(self.now))

    def _take(self, outputs: Iterable[AgentOutput]) -> None:
        for output in outputs:
            if isinstance(output, Transmit):
                self.sent.append(output.data)
            elif isinstance(output, SessionBegan):
                self.on_call(output.session)

    def on_call(self, session: InviteSession) -> None:
        session.accept(OFFER.encode())

    def feed(self, datagrams: list[tuple[bytes, Flow]]) -> float:
        """Seconds of CPU for all of them; their time passes as well."""
        began = time.process_time()
        for data, flow in datagrams:
            self.now += NEW_CALL_S
            self._take(self.agent.receive_datagram(data, flow, self.now))
            self._take(self.agent.on_time(self.now))
        return time.process_time() - began

    def heard(self) -> list[Response]:
        found = [parse_datagram(data) for data in self.sent]
        self.sent.clear()
        return [one for one in found if isinstance(one, Response)]


def flow_of(number: int) -> Flow:
    host = f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}"
    return Flow(id=1, local=US, peer=PeerAddress(transport="udp", host=host, port=5060))


def register(number: int, cseq: int) -> Request:
    host = flow_of(number).peer.host
    message = parse_datagram(
        (
            f"REGISTER sip:{REALM} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{number}x{cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:u{number}@{REALM}>;tag=t{number}\r\n"
            f"To: <sip:u{number}@{REALM}>\r\nCall-ID: {number}\r\nCSeq: {cseq} REGISTER\r\n"
            f'Contact: <sip:u{number}@{host}:5060>;+sip.instance="<urn:uuid:{number}>"\r\n'
            f"Expires: 3600\r\nUser-Agent: Example 5.2\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )
    assert isinstance(message, Request)
    return message


def registrations(bench: Bench) -> dict[str, float]:
    """Messages per second for each step of all users."""
    clients = [DigestClient(Credentials(f"u{n}", PASSWORD)) for n in range(USERS)]
    first = [(register(n, 1).to_bytes(), flow_of(n)) for n in range(USERS)]
    challenged_s = bench.feed(first)
    challenges = bench.heard()
    seconds = {"challenges": challenged_s}
    for cseq, what in ((2, "registrations"), (3, "refreshes")):
        requests = [register(n, cseq) for n in range(USERS)]
        for client, request, challenge in zip(clients, requests, challenges, strict=True):
            if cseq == 2:
                client.challenged(request, challenge)
            client.authorize(request, "cnonce")
        datagrams = [(one.to_bytes(), flow_of(n)) for n, one in enumerate(requests)]
        seconds[what] = bench.feed(datagrams)
        assert {answer.status for answer in bench.heard()} == {200}
    seconds["registrations with their challenge"] = challenged_s + seconds["registrations"]
    return {what: USERS / spent for what, spent in seconds.items()}


def calls(bench: Bench) -> dict[str, float]:
    """Calls per second: the answer alone, and the whole call."""
    text = INVITE.decode()
    invites = [
        text.replace("z9hG4bK87asdks7.1", f"z9hG4bK{n}").replace("a84b4c76e66710", f"c{n}")
        for n in range(CALLS)
    ]
    answered_s = bench.feed([(one.encode(), flow_of(n)) for n, one in enumerate(invites)])
    answers = [answer for answer in bench.heard() if answer.status == 200]
    assert len({answer.call_id for answer in answers}) == CALLS
    tags = {answer.call_id: answer.to.tag or "" for answer in answers}
    followers: list[tuple[bytes, Flow]] = []
    for n, (invite, method) in enumerate(itertools.product(invites, ("ACK", "BYE"))):
        followers.append((_in_dialog(invite, method, n, tags).encode(), flow_of(n // 2)))
    ended_s = bench.feed(followers)
    assert len(bench.agent.sessions) == 0
    return {"calls answered": CALLS / answered_s, "whole calls": CALLS / (answered_s + ended_s)}


def _in_dialog(invite: str, method: str, number: int, tags: dict[str, str]) -> str:
    head = invite.partition("\r\n\r\n")[0].replace("INVITE", method, 1)
    call_id = head.partition("Call-ID: ")[2].partition("\r\n")[0]
    to = ";user=phone>\r\nCall-ID"
    head = head.replace(to, f";user=phone>;tag={tags[call_id]}\r\nCall-ID")
    cseq = "314159 ACK" if method == "ACK" else "314160 BYE"
    head = head.replace("314159 INVITE", cseq).replace(
        "branch=z9hG4bK", f"branch=z9hG4bKm{number}", 1
    )
    kept = [line for line in head.split("\r\n") if not line.startswith("Content-")]
    return "\r\n".join([*kept, "Content-Length: 0", "", ""])


def banned() -> float:
    """What is asked before a datagram is read; receiving it is not counted."""
    peer = flow_of(1).peer
    gate = PeerGate((), loopback=False, now=time.monotonic)
    gate.note(ConductReport(peer=peer, conduct="scanner", why=""))
    began = time.process_time()
    assert all(gate.shuts_out(peer) for _ in range(DROPS))
    return DROPS / (time.process_time() - began)


def main() -> None:
    bench = Bench()
    figures = {**registrations(bench), **calls(Bench())}
    figures["datagrams of a banned address"] = banned()
    for what, rate in figures.items():
        print(f"{what:<40} {rate:>10,.0f} /s")


if __name__ == "__main__":
    main()
