"""A user agent under fire: damaged messages, in and out of dialogs, at any moment of its calls.

No exception escapes, state stays bounded, and when the fire ends everything is forgotten.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import pytest

from sip.agent import EndpointSettings
from sip.auth import Credentials
from sip.dialog import (
    InviteSession,
    ReinviteReceived,
    SessionEvent,
    SessionStateError,
    TransferRequested,
)
from sip.message import NameAddr, Request, response_to
from tests.fuzz.mutation import mutated
from tests.sip.agent.lab import PEER, Lab
from tests.sip.agent.link import ANSWER, OFFER
from tests.torture.messages import torture_messages

SIPFRAG = b"SIP/2.0 200 OK\r\n"
MAX_SESSIONS = 20
MAX_TRANSACTIONS = 60
STEPS = 1_500
TORTURE = [message.data for message in torture_messages()]
METHODS = [
    *("INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "OPTIONS", "REFER", "FOO"),
    *("NOTIFY", "SUBSCRIBE", "MESSAGE", "REFER", "NOTIFY"),
]
HEADERS = [
    "Require: 100rel\r\n",
    "RAck: 1 1 INVITE\r\n",
    "RSeq: 1\r\nRequire: 100rel\r\n",
    "Session-Expires: 90;refresher=uas\r\n",
    "Session-Expires: 10\r\nSupported: timer\r\n",
    "Record-Route: <sip:a@192.0.2.8>, <sip:b;lr>\r\n",
    "Contact: <tel:+1>\r\n",
    "Contact: *\r\n",
    "Contact: <sip:x@[::1]:5;transport=tls>\r\n",
    'WWW-Authenticate: Digest realm="r", nonce="n"\r\n',
    "Min-SE: 200\r\n",
    "Info-Package: x\r\n",
    "Refer-To: <sip:bob@example.com>\r\n",
    "Refer-To: <sip:bob@example.com?Replaces=a%3Bto-tag%3Db>\r\nRefer-Sub: false\r\n",
    "Refer-Sub: false\r\n",
    "Event: refer\r\nSubscription-State: active\r\n",
    "Event: refer;id=3\r\nSubscription-State: terminated;reason=x\r\n",
    "Event: presence\r\nExpires: 0\r\n",
    "Event: refer\r\nExpires: 0\r\n",
    "Join: a;to-tag=b;from-tag=c\r\n",
    "Contact: <sip:a@192.0.2.9>, <sip:b@192.0.2.9>;q=0.5\r\n",
]
STATUSES = [100, 180, 183, 200, 200, 202, 301, 401, 407, 408, 422, 481, 486, 491, 500, 503, 603]
WORDS = [b"\r\n", b"\x00", b"\xff", b'"', b"<", b";tag=", b"z9hG4bK", b"SIP/2.0", b"0" * 50]


class Fire:
    """Chooses what happens next; the same seed always chooses the same."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.lab = Lab(
            settings=EndpointSettings(
                max_sessions=MAX_SESSIONS,
                max_server_transactions=MAX_TRANSACTIONS,
                session_expires_s=90 if seed % 2 else 0,
            )
        )
        self.lab.phone.on_invite = self._take
        self.lab.phone.on_event = self._hear
        self.seen: list[Request] = []

    def step(self) -> None:
        lab, dice = self.lab, self.dice
        match dice.randrange(7):
            case 0:
                lab.deliver(self._maybe_damaged(dice.choice(TORTURE)))
            case 1 | 2:
                lab.deliver(self._maybe_damaged(self._request()))
            case 3 | 4:
                self._respond()
            case 5:
                self._command()
            case _:
                lab.run(lab.now + dice.choice([0.0, 0.1, 1.0, 5.0, 40.0]))
        self._look_at_what_was_sent()

    def _request(self) -> bytes:
        """A request of the peer, perhaps inside one of the dialogs."""
        dice, calls = self.dice, self.lab.phone.sessions[-6:]
        headers = "".join(dice.sample(HEADERS, dice.randrange(3)))
        tag, call_id, from_tag = "", f"c{dice.randrange(40)}", "peer"
        if calls and dice.random() < 0.7:
            call = dice.choice(calls)._core.call
            tag, call_id = call.local_tag, call.call_id
            from_tag = dice.choice(["peer", "theirs", "t1"])
        if calls and dice.random() < 0.1:
            call = dice.choice(calls)._core.call
            name = f"{call.call_id};to-tag={call.local_tag};from-tag={from_tag}"
            headers += f"Replaces: {name}\r\n"
            tag = ""
        return self.lab.request(
            dice.choice(METHODS),
            branch=f"b{dice.randrange(60)}",
            cseq=dice.randrange(12),
            to_tag=tag,
            call_id=call_id,
            from_tag=from_tag,
            sdp=dice.choice([None, OFFER, ANSWER, SIPFRAG]),
            headers="Contact: <sip:peer@192.0.2.9>\r\n" + headers,
            content_type=dice.choice(["application/sdp", "text/plain", "message/sipfrag"]),
        ).encode("utf-8", "surrogateescape")

    def _respond(self) -> None:
        """A response to one of our requests."""
        if not self.seen:
            return
        dice = self.dice
        lines = "".join(dice.sample(HEADERS, dice.randrange(3)))
        headers = [tuple(line.split(": ", 1)) for line in lines.split("\r\n") if line]
        response = response_to(
            dice.choice(self.seen[-8:]),
            dice.choice(STATUSES),
            to_tag=dice.choice(["theirs", "theirs", "t1", f"t{dice.randrange(50)}"]),
            headers=[("Contact", f"<sip:peer@{PEER}>"), *((n, v) for n, v in headers)],
            body=dice.choice([b"", OFFER]),
            content_type="application/sdp",
        )
        self.lab.deliver(self._maybe_damaged(response.to_bytes()))

    def _command(self) -> None:
        """Something the owner asks, at the right moment or not."""
        lab, dice = self.lab, self.dice
        if not lab.phone.sessions or dice.random() < 0.3:
            if len(lab.agent.sessions) < MAX_SESSIONS:
                lab.call(
                    sdp=dice.choice([None, OFFER]),
                    credentials=dice.choice([None, Credentials("us", "secret")]),
                    may_follow=dice.choice([None, lambda uri: uri.host == PEER]),
                )
            return
        session = dice.choice(lab.phone.sessions[-6:])
        commands: list[Callable[[], None]] = [
            lambda: session.provisional(dice.choice([180, 183]), sdp=dice.choice([None, ANSWER])),
            lambda: session.accept(ANSWER),
            lambda: session.reject(486),
            session.hangup,
            lambda: session.info("text/plain", b"x"),
            lambda: session.reinvite(OFFER),
            lambda: session.answer_reinvite(ANSWER),
            lambda: session.reject_reinvite(488),
            lambda: session.ack_with(ANSWER),
            lambda: session.message("x"),
            lambda: session.refer(NameAddr.parse("<sip:bob@example.com>")),
            session.accept_transfer,
            lambda: session.reject_transfer(603, why="no"),
            lambda: session.report_transfer(dice.choice([180, 200, 486]), "x"),
        ]
        command = dice.choice(commands)
        with contextlib.suppress(SessionStateError):  # the wrong moment, and said so
            command()

    def _take(self, session: InviteSession) -> None:
        if self.dice.random() < 0.5:
            session.accept(ANSWER)
            if session.replaces is not None:
                session.replaces.hangup()

    def _hear(self, session: InviteSession, event: SessionEvent) -> None:
        if isinstance(event, ReinviteReceived) and self.dice.random() < 0.5:
            session.answer_reinvite(ANSWER)
        if isinstance(event, TransferRequested) and self.dice.random() < 0.5:
            session.accept_transfer()

    def _maybe_damaged(self, data: bytes) -> bytes:
        if self.dice.random() < 0.5:
            return data
        return next(mutated([data], WORDS, self.dice.randrange(2**32)), data)

    def _look_at_what_was_sent(self) -> None:
        """Whatever we send can be read, and our requests may be answered."""
        self.answer_lookups()
        for heard in self.lab.heard:
            if isinstance(heard.message, Request) and heard.message.method != "ACK":
                self.seen.append(heard.message)
        self.lab.forget_what_was_heard()
        del self.seen[:-50], self.lab.phone.sessions[:-50], self.lab.traces[:]
        self.lab.refusals.clear()

    def answer_lookups(self) -> None:
        """Names lead somewhere or nowhere; the resolver always says which, in the end."""
        while self.lab.lookups:
            self.lab.locate(*self.dice.choice([(), (f"udp:{PEER}:5060",)]))


@pytest.mark.parametrize("seed", range(6))
def test_no_exception_escapes_and_everything_is_forgotten_in_the_end(seed: int) -> None:
    fire = Fire(seed)
    agent = fire.lab.agent
    for _ in range(STEPS):
        fire.step()
        assert len(agent.sessions) <= MAX_SESSIONS
        assert agent.layer.server_count <= MAX_TRANSACTIONS + MAX_SESSIONS
        assert len(agent.timers) <= 40 * MAX_SESSIONS
    for held in list(agent.sessions):
        held.facade.hangup()
    for _ in range(3):  # what a name led to may lead to a further name
        fire.answer_lookups()
        fire.lab.run(fire.lab.now + 400)
    assert len(agent.sessions) == 0
    assert (agent.layer.server_count, agent.layer.client_count) == (0, 0)
    assert agent.next_timeout() is None
    assert (agent._outcomes, agent._invites) == ({}, {})


def test_what_comes_out_of_damaged_requests_can_be_read_again() -> None:
    lab = Lab()
    lab.phone.on_invite = lambda session: session.reject(486, "a \x07 b\r\nc ü")
    for data in mutated(TORTURE, WORDS, seed=7):
        lab.deliver(data)
        lab.forget_what_was_heard()
        lab.traces.clear()
