"""A re-INVITE without a description: the peer's 200 offers, our ACK answers (RFC 3264 5)."""

from __future__ import annotations

import pytest

from sip.dialog import (
    InviteSession,
    ReinviteAnswered,
    ReinviteFailed,
    ReinviteOffered,
    ReinviteReceived,
    SessionEvent,
)
from sip.dialog.limits import REINVITE_ANSWER_S
from tests.sip.agent.link import ANSWER, OFFER, Link

BOB = "sip:bob@192.0.2.2"
OTHER = b"v=0\r\no=other 2 2 IN IP4 192.0.2.2\r\n"


def offer_when_asked(session: InviteSession, event: SessionEvent) -> None:
    if isinstance(event, ReinviteReceived):
        assert event.sdp is None
        session.answer_reinvite(OTHER)


def asked(*, caller: bool = True) -> Link:
    """A call in which one side has asked the other for an offer, and got it."""
    link = Link()
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    link.alice.call(BOB)
    link.run(1)
    (link.bob if caller else link.alice).phone.on_event = offer_when_asked
    (link.alice if caller else link.bob).phone.session.ask_for_offer()
    link.run(2)
    return link


@pytest.mark.parametrize("caller", [True, False])
def test_the_answer_to_an_offer_that_was_asked_for_is_in_the_ack(caller: bool) -> None:
    link = asked(caller=caller)
    asking, other = (link.alice, link.bob) if caller else (link.bob, link.alice)
    assert asking.phone.events[-1] == ReinviteOffered(OTHER)
    asking.phone.session.answer_offer(ANSWER)
    link.run(3)
    assert other.phone.events[-1] == ReinviteAnswered(ANSWER)
    asking.phone.session.answer_offer(OFFER)
    asking.phone.session.reinvite(OFFER)
    other.phone.on_event = lambda session, event: (
        session.answer_reinvite(ANSWER) if isinstance(event, ReinviteReceived) else None
    )
    link.run(4)
    assert asking.phone.events[-1] == ReinviteAnswered(ANSWER)


def test_the_200_is_repeated_until_the_owner_answers_and_told_once() -> None:
    link = asked()
    link.run(6)
    answers = [line for line in link.log if line.endswith("bob: 200 OK (INVITE)")]
    assert len(answers) > 3
    offers = [one for one in link.alice.phone.events if isinstance(one, ReinviteOffered)]
    assert len(offers) == 1
    link.alice.phone.session.answer_offer(ANSWER)
    link.run(7)
    assert link.bob.phone.events[-1] == ReinviteAnswered(ANSWER)


def test_an_offer_that_the_owner_forgets_is_answered_with_what_held_before() -> None:
    link = asked()
    link.run(2 + REINVITE_ANSWER_S)
    assert link.alice.phone.kinds()[-1] == "ReinviteFailed 408"
    assert link.bob.phone.events[-1] == ReinviteAnswered(OFFER)
    link.alice.phone.session.answer_offer(ANSWER)
    link.alice.phone.session.hangup()
    link.run(200)
    link.assert_nothing_left()


def test_hanging_up_instead_of_answering_acknowledges_first() -> None:
    link = asked()
    link.alice.phone.session.hangup()
    link.run(100)
    assert [line.partition(" ")[2] for line in link.log[-3:]] == [
        "alice: ACK",
        "alice: BYE",
        "bob: 200 OK (BYE)",
    ]
    link.assert_nothing_left()


def test_a_peer_that_leaves_instead_leaves_nothing_behind() -> None:
    link = asked()
    link.bob.phone.session.hangup()
    link.run(100)
    assert link.alice.phone.kinds()[-1].startswith("Ended remote")
    link.assert_nothing_left()


def test_a_peer_that_makes_no_offer_refuses() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    link.alice.call(BOB)
    link.run(1)
    link.bob.phone.on_event = lambda session, event: (
        session.reject_reinvite(488) if isinstance(event, ReinviteReceived) else None
    )
    link.alice.phone.session.ask_for_offer()
    link.run(2)
    last = link.alice.phone.events[-1]
    assert isinstance(last, ReinviteFailed)
    assert last.status == 488


def test_while_an_offer_is_unanswered_another_one_of_the_peer_has_to_wait() -> None:
    link = asked()
    link.bob.phone.on_event = lambda session, event: None
    link.alice.phone.on_event = lambda session, event: (
        session.answer_reinvite(OFFER) if isinstance(event, ReinviteReceived) else None
    )
    link.bob.phone.session.reinvite(OTHER)
    link.run(3)
    assert "ReinviteAnswered" not in link.bob.phone.kinds()
    link.alice.phone.session.answer_offer(ANSWER)
    link.run(10)
    assert link.bob.phone.kinds()[-2:] == ["ReinviteAnswered", "ReinviteAnswered"]
