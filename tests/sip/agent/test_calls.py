"""Whole calls between two user agents on a fake network: both ends of each are checked."""

from __future__ import annotations

from .link import ANSWER, OFFER, Link


def answering(link: Link) -> Link:
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    return link


def test_a_call_is_answered_acknowledged_and_hung_up_by_the_caller() -> None:
    link = answering(Link())
    session = link.alice.call("sip:bob@192.0.2.2")
    link.run(1)
    session.hangup()
    link.run(100)
    assert link.log == [
        "0 alice: INVITE",
        "0.01 bob: 100 Trying (INVITE)",
        "0.01 bob: 200 OK (INVITE)",
        "0.02 alice: ACK",
        "1 alice: BYE",
        "1.01 bob: 200 OK (BYE)",
    ]
    assert link.alice.phone.kinds() == ["Answered 200", "Ended local bye 200"]
    assert link.bob.phone.kinds() == ["Acknowledged", "Ended remote bye 200"]
    assert link.bob.phone.session.remote_offer == OFFER
    link.assert_nothing_left()
