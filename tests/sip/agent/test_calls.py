"""Whole calls between two user agents on a fake network: both ends of each are checked."""

from __future__ import annotations

import pytest

from sip.address import Transport
from sip.dialog import (
    Acknowledged,
    Answered,
    Ended,
    InviteSession,
    Provisional,
    ReinviteAnswered,
    ReinviteFailed,
    ReinviteReceived,
    SessionEvent,
    SessionStateError,
)
from sip.message import parse_datagram

from .link import ANSWER, DELAY, OFFER, Link

BOB = "sip:bob@192.0.2.2"
OTHER = b"v=0\r\no=other 2 2 IN IP4 192.0.2.1\r\n"


def answering(link: Link) -> Link:
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    return link


def test_a_call_is_answered_acknowledged_and_hung_up_by_the_caller() -> None:
    link = answering(Link())
    session = link.alice.call(BOB)
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


def test_the_answering_side_hangs_up() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.bob.phone.session.hangup(reason="lunch", headers=[("X-Why", "hungry")])
    link.run(100)
    ended = link.alice.phone.events[-1]
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("remote", "bye", 200)
    assert ended.headers.get("X-Why") == "hungry"
    assert ended.headers.get("Reason") == 'Q.850;cause=16;text="lunch"'
    assert link.bob.phone.kinds() == ["Acknowledged", "Ended local bye 200"]
    link.assert_nothing_left()


def test_ringing_early_media_and_answer_reach_the_caller_in_order() -> None:
    link = Link()
    session = link.alice.call(BOB)
    link.run(0.1)
    theirs = link.bob.phone.session
    theirs.provisional(180)
    theirs.provisional(183, "Music", sdp=ANSWER, headers=[("X-Song", "one")])
    link.run(0.2)
    theirs.accept(ANSWER)
    link.run(1)
    first, second, third = link.alice.phone.events
    assert isinstance(first, Provisional)
    assert (first.status, first.sdp) == (180, None)
    assert isinstance(second, Provisional)
    assert (second.status, second.reason, second.sdp) == (183, "Music", ANSWER)
    assert second.headers.get("X-Song") == "one"
    assert isinstance(third, Answered)
    assert third.sdp == ANSWER
    assert session.role == "uac"


def test_a_refusal_is_reported_with_its_reason_and_headers() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.reject(
        486, "On another call", headers=[("X-Queue", "7")]
    )
    link.alice.call(BOB)
    link.run(100)
    (ended,) = link.alice.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("remote", "failure", 486)
    assert ended.reason == "On another call"
    assert ended.headers.get("X-Queue") == "7"
    assert ended.headers.get("Warning") == '399 callstage "On another call"'
    assert link.bob.phone.kinds() == ["Ended local reject 486"]
    link.assert_nothing_left()


def test_what_is_said_of_a_description_stands_right_before_it() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.accept(ANSWER)
    link.alice.call(BOB, headers=[("X-Ticket", "7")])
    link.run(1)
    described = [data for data in link.sent if b"Content-Type" in data]
    assert [data.split(b" ", 1)[0] for data in described] == [b"INVITE", b"SIP/2.0"]
    for data in described:
        names = [line.split(b":")[0] for line in data.split(b"\r\n\r\n")[0].split(b"\r\n")]
        assert names[-2:] == [b"Content-Type", b"Content-Length"]


def test_a_call_without_offer_gets_the_offer_in_the_answer_and_answers_in_the_ack() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.accept(OFFER)
    session = link.alice.call(BOB, sdp=None)
    link.run(1)
    assert link.alice.phone.kinds() == ["Answered 200"]
    assert link.bob.phone.kinds() == []
    assert link.bob.phone.session.remote_offer is None
    session.ack_with(ANSWER)
    link.run(2)
    (event,) = link.bob.phone.events
    assert isinstance(event, Acknowledged)
    assert event.sdp == ANSWER
    link.bob.phone.session.hangup()
    link.run(100)
    link.assert_nothing_left()


def test_hanging_up_instead_of_ack_with_acknowledges_first() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.accept(OFFER)
    session = link.alice.call(BOB, sdp=None)
    link.run(0.1)
    session.hangup()
    link.run(100)
    assert [line.partition(" ")[2] for line in link.log[-3:]] == [
        "alice: ACK",
        "alice: BYE",
        "bob: 200 OK (BYE)",
    ]
    link.assert_nothing_left()


@pytest.mark.parametrize("caller", [True, False])
def test_either_side_changes_the_session_by_reinvite(caller: bool) -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    mover, other = (link.alice, link.bob) if caller else (link.bob, link.alice)
    other.phone.on_event = answer_reinvites
    mover.phone.session.reinvite(OTHER)
    link.run(2)
    received = next(e for e in other.phone.events if isinstance(e, ReinviteReceived))
    assert received.sdp == OTHER
    answered = next(e for e in mover.phone.events if isinstance(e, ReinviteAnswered))
    assert answered.sdp == ANSWER
    log = [line.partition(": ")[2] for line in link.log[4:]]
    assert log == ["INVITE", "100 Trying (INVITE)", "200 OK (INVITE)", "ACK"]


def answer_reinvites(session: InviteSession, event: SessionEvent) -> None:
    if isinstance(event, ReinviteReceived):
        session.answer_reinvite(ANSWER)


def test_a_reinvite_may_be_answered_later() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.alice.phone.session.reinvite(OTHER)
    link.run(5)
    assert link.alice.phone.kinds() == ["Answered 200"]
    link.bob.phone.session.answer_reinvite(ANSWER)
    link.run(6)
    assert link.alice.phone.kinds() == ["Answered 200", "ReinviteAnswered"]


def test_a_refused_reinvite_keeps_the_session() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.bob.phone.on_event = lambda session, event: (
        session.reject_reinvite(488) if isinstance(event, ReinviteReceived) else None
    )
    link.alice.phone.session.reinvite(OTHER)
    link.run(2)
    assert link.alice.phone.kinds() == ["Answered 200", "ReinviteFailed 488"]
    link.bob.phone.on_event = answer_reinvites
    link.alice.phone.session.reinvite(OTHER)
    link.run(3)
    assert link.alice.phone.kinds()[-1] == "ReinviteAnswered"


def test_both_sides_reinvite_at_once_and_both_succeed_in_the_end() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.alice.phone.on_event = answer_reinvites
    link.bob.phone.on_event = answer_reinvites
    link.alice.phone.session.reinvite(OTHER)
    link.bob.phone.session.reinvite(OFFER)
    link.run(20)
    assert "1.01 bob: 491 Request Pending (INVITE)" in link.log
    assert "1.01 alice: 491 Request Pending (INVITE)" in link.log
    assert "ReinviteAnswered" in link.alice.phone.kinds()
    assert "ReinviteAnswered" in link.bob.phone.kinds()
    # RFC 3261 14.1 with the middle of each range: callee after 1 s, caller after 3.05 s
    assert [line for line in link.log if line.endswith(": INVITE")][3:] == [
        "2.02 bob: INVITE",
        "4.07 alice: INVITE",
    ]


def test_the_owner_hears_the_headers_of_both_answers_to_its_reinvite() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.alice.phone.session.reinvite(OTHER, headers=[("X-Ask", "1")])
    link.run(2)
    asked = link.bob.phone.events[-1]
    assert isinstance(asked, ReinviteReceived)
    assert asked.headers.get("X-Ask") == "1"
    link.bob.phone.session.answer_reinvite(ANSWER)
    link.run(3)
    answered = link.alice.phone.events[-1]
    assert isinstance(answered, ReinviteAnswered)
    assert answered.headers is not None
    assert answered.headers.get("CSeq") == asked.headers.get("CSeq")
    link.alice.phone.session.reinvite(OFFER)
    link.run(4)
    link.bob.phone.session.reject_reinvite(488, why="no")
    link.run(5)
    failed = link.alice.phone.events[-1]
    assert isinstance(failed, ReinviteFailed)
    assert failed.status == 488
    assert "no" in (failed.headers.get("Warning") or "")
    with pytest.raises(ValueError, match="Via"):
        link.alice.phone.session.reinvite(OTHER, headers=[("Via", "x")])


def test_info_travels_both_ways_and_is_answered_at_once() -> None:
    link = answering(Link())
    link.alice.call(BOB)
    link.run(1)
    link.alice.phone.session.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n")
    link.bob.phone.session.info("text/plain", b"hello", headers=[("X-Kind", "greeting")])
    link.run(2)
    heard = link.bob.phone.events[-1]
    assert (heard.content_type, heard.body) == (  # type: ignore[union-attr]
        "application/dtmf-relay",
        b"Signal=5\r\nDuration=160\r\n",
    )
    assert link.alice.phone.events[-1].headers.get("X-Kind") == "greeting"  # type: ignore[union-attr]
    assert sum("200 OK (INFO)" in line for line in link.log) == 2


def test_every_call_gets_through_over_tcp_too() -> None:
    transport: Transport = "tcp"
    link = answering(Link(transport=transport))
    session = link.alice.call(f"{BOB};transport=tcp")
    link.run(1)
    session.hangup()
    link.run(100)
    assert link.alice.phone.kinds() == ["Answered 200", "Ended local bye 200"]
    first = parse_datagram(link.sent[0])
    assert first.via.transport == "TCP"
    assert str(first.contact) == "<sip:callstage@192.0.2.1:5060;transport=tcp>"
    link.assert_nothing_left()


def test_commands_that_come_too_late_do_nothing_and_wrong_ones_say_why() -> None:
    link = Link()
    session = link.alice.call(BOB)
    link.run(0.1)
    with pytest.raises(SessionStateError, match=r"accept: impossible while .* is proceeding"):
        session.accept(ANSWER)
    with pytest.raises(SessionStateError, match="only for an established call"):
        session.info("text/plain", b"x")
    with pytest.raises(ValueError, match="Contact is written by the SIP stack itself"):
        link.bob.phone.session.provisional(180, headers=[("Contact", "<sip:evil@h>")])
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        link.bob.phone.session.reject(486, headers=[("X-Bad", "a\r\nEvil: 1")])
    link.bob.phone.session.reject(603)
    link.run(1)
    sent = len(link.log)
    for late in (session, link.bob.phone.session):
        late.hangup()
        late.info("text/plain", b"x")
        late.reinvite(OTHER)
        late.answer_reinvite(OTHER)
        late.reject_reinvite(488)
    link.bob.phone.session.accept(ANSWER)
    link.run(2)
    assert len(link.log) == sent
    assert link.alice.phone.kinds() == ["Ended remote failure 603"]


def test_a_call_to_nobody_fails_as_transport_error() -> None:
    link = Link()
    link.alice.call("sip:bob@192.0.2.77")
    assert link.alice.phone.kinds() == ["Ended transport failure 503"]
    link.run(100)
    link.assert_nothing_left()


def test_a_call_by_a_transport_that_we_do_not_have_says_so() -> None:
    link = Link()
    link.alice.call("sip:bob@192.0.2.2;transport=sctp")
    (ended,) = link.alice.phone.events
    assert isinstance(ended, Ended)
    assert "'sctp' is not spoken here" in ended.reason
    link.assert_nothing_left()


def test_an_unanswered_call_times_out_with_408() -> None:
    link = Link(fate=lambda number, summary: "lose")
    link.alice.call(BOB)
    link.run(31.9)
    assert link.alice.phone.kinds() == []
    link.run(32)
    (ended,) = link.alice.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("timeout", "failure", 408)
    assert [float(line.split()[0]) for line in link.log] == [
        *(0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5),
    ]
    link.assert_nothing_left()


def test_the_100_is_out_before_the_owner_is_asked() -> None:
    link = Link()
    seen: list[list[str]] = []
    link.bob.phone.on_invite = lambda session: seen.append(list(link.log))
    link.alice.call(BOB)
    link.run(1)
    assert seen == [["0 alice: INVITE", f"{DELAY:g} bob: 100 Trying (INVITE)"]]
