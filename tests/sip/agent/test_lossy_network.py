"""Two user agents on a network that loses, doubles and reorders.

Every call ends well on both sides, and nothing is left behind.
"""

from __future__ import annotations

import itertools
import random

import pytest

from sip.dialog import (
    InviteSession,
    ReinviteReceived,
    SessionEvent,
    TransferEnded,
    TransferRequested,
)
from sip.message import NameAddr

from .link import ANSWER, OFFER, Fate, Link

BOB = "sip:bob@192.0.2.2"


def losing(*numbers: int) -> Link:
    """A link that loses the messages with these numbers; the callee answers at once."""
    link = Link(fate=lambda number, summary: "lose" if number in numbers else "pass")
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    return link


def finish(link: Link, session: InviteSession) -> None:
    link.run(10)
    session.hangup()
    link.run(200)
    assert link.alice.phone.kinds() == ["Answered 200", "Ended local bye 200"]
    assert link.bob.phone.kinds() == ["Acknowledged", "Ended remote bye 200"]
    link.assert_nothing_left()


def test_a_lost_invite_is_sent_again_after_t1() -> None:
    link = losing(0)
    finish(link, link.alice.call(BOB))
    assert link.log[:2] == ["0 alice: INVITE (lost)", "0.5 alice: INVITE"]


def test_a_lost_200_is_repeated_by_the_callee() -> None:
    link = Link(fate=lambda n, s: "lose" if s.startswith("200 OK (INVITE)") and n == 2 else "pass")
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    finish(link, link.alice.call(BOB))
    assert link.log[2] == "0.01 bob: 200 OK (INVITE) (lost)"
    assert link.log[3] == "0.51 bob: 200 OK (INVITE)"


def test_lost_acks_make_the_callee_repeat_its_200_at_t1_doubling_to_t2() -> None:
    link = Link(fate=lambda n, s: "lose" if s.startswith("ACK") else "pass")
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    link.alice.call(BOB)
    link.run(31.9)
    times = [float(x.split()[0]) for x in link.log if "bob: 200 OK (INVITE)" in x]
    repeats = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [round(t - 0.01, 3) for t in times] == [0, *repeats]
    assert sum("alice: ACK" in line for line in link.log) == len(times)
    assert link.bob.phone.kinds() == []
    link.run(100)
    assert link.bob.phone.kinds() == ["Ended timeout ack-timeout 408"]
    assert link.alice.phone.kinds() == ["Answered 200", "Ended remote bye 200"]
    assert "32.01 bob: BYE" in link.log
    link.assert_nothing_left()


def test_every_message_of_a_call_may_be_lost_once() -> None:
    for lost in range(12):
        link = losing(lost)
        session = link.alice.call(BOB)
        link.run(10)
        session.hangup()
        link.run(200)
        assert link.alice.phone.kinds() == ["Answered 200", "Ended local bye 200"], lost
        assert link.bob.phone.kinds() == ["Acknowledged", "Ended remote bye 200"], lost
        link.assert_nothing_left()


def test_every_pair_of_messages_may_be_lost() -> None:
    for pair in itertools.combinations(range(8), 2):
        link = losing(*pair)
        session = link.alice.call(BOB)
        link.run(12)
        session.hangup()
        link.run(200)
        assert link.alice.phone.kinds()[-1] == "Ended local bye 200", pair
        assert link.bob.phone.kinds()[-1] == "Ended remote bye 200", pair
        link.assert_nothing_left()


def test_doubled_messages_change_nothing() -> None:
    link = Link(fate=lambda number, summary: "double")
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    finish(link, link.alice.call(BOB))


@pytest.mark.parametrize("seed", range(30))
def test_a_bad_network_never_leaves_anything_behind(seed: int) -> None:
    dice = random.Random(seed)
    fates: list[Fate] = ["pass", "pass", "pass", "lose", "double", "late"]
    link = Link(fate=lambda number, summary: dice.choice(fates))
    refuse = seed % 3 == 0

    def take(session: InviteSession) -> None:
        session.provisional(180)
        if refuse:
            session.reject(486)
        else:
            session.accept(ANSWER)

    def react(session: InviteSession, event: SessionEvent) -> None:
        if isinstance(event, ReinviteReceived):
            session.answer_reinvite(ANSWER)
        elif isinstance(event, TransferRequested):
            session.accept_transfer()
            session.report_transfer(180, "Ringing")
            session.report_transfer(486, "Busy Here")

    link.bob.phone.on_invite = take
    link.alice.phone.on_event = react
    link.bob.phone.on_event = react
    session = link.alice.call(BOB)
    link.run(5)
    session.reinvite(OFFER)
    if link.bob.phone.sessions and not refuse:
        link.bob.phone.session.info("text/plain", b"x") if seed % 2 else None
    link.run(20)
    established = not session.is_over and session.place is not None
    if established:
        session.message("x")
        link.run(60)  # one that overtook the other would be refused as out of order
        session.refer(NameAddr.parse("<sip:eve@example.com>"))
        link.run(600)
        outcomes = [e for e in link.alice.phone.events if isinstance(e, TransferEnded)]
        assert len(outcomes) == 1
        assert outcomes[0].status in (486, 408, 487)
    session.hangup()
    link.run(link.now + 400)
    for side in (link.alice, link.bob):
        ends = [kind for kind in side.phone.kinds() if kind.startswith("Ended")]
        assert len(ends) == len(side.phone.sessions), side.phone.kinds()
        assert not side.phone.kinds() or side.phone.kinds()[-1].startswith("Ended")
    link.assert_nothing_left()
