"""Hanging up before, while and after the other side answers: who hears what, and what goes out."""

from __future__ import annotations

import pytest

from sip.dialog import Ended

from .lab import Lab
from .link import ANSWER, Link

BOB = "sip:bob@192.0.2.2"


def test_hanging_up_a_ringing_call_cancels_it() -> None:
    link = Link()
    link.bob.phone.on_invite = lambda session: session.provisional(180)
    session = link.alice.call(BOB)
    link.run(1)
    session.hangup(headers=[("X-Why", "changed my mind")])
    link.run(100)
    assert link.log[3:] == [
        "1 alice: CANCEL",
        "1.01 bob: 200 OK (CANCEL)",
        "1.01 bob: 487 Request Terminated (INVITE)",
        "1.02 alice: ACK",
    ]
    assert link.alice.phone.kinds() == ["Provisional 180", "Ended local cancel 487"]
    (ended,) = link.bob.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("remote", "cancel", 487)
    assert ended.headers.get("X-Why") == "changed my mind"
    link.assert_nothing_left()


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    lab = Lab()
    session = lab.call()
    session.hangup()
    assert lab.events() == ["Ended local cancel 487"]
    lab.run(3)
    assert lab.log() == ["0 INVITE", "0.5 INVITE", "1.5 INVITE"]
    lab.answer(100, to=lab.requests("INVITE")[0], tag="")
    assert lab.log() == ["3 CANCEL"]


def test_hanging_up_a_call_that_nobody_ever_answers_ends_without_cancel() -> None:
    lab = Lab()
    lab.call().hangup()
    lab.run(100)
    assert {line.split()[1] for line in lab.log()} == {"INVITE"}
    assert lab.events() == ["Ended local cancel 487"]
    assert len(lab.agent.sessions) == 0


def test_a_200_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    lab = Lab()
    session = lab.call()
    invite = lab.last_request()
    lab.answer(180)
    session.hangup()
    lab.answer(200, to=invite, sdp=ANSWER)
    assert lab.log() == ["0 INVITE", "0 CANCEL", "0 ACK", "0 BYE"]
    lab.answer(200, to=lab.requests("BYE")[0])
    assert lab.events() == ["Provisional 180", "Ended local cancel 487"]
    assert len(lab.agent.sessions) == 0


def test_a_200_for_a_call_that_was_given_up_silently_is_acknowledged_and_ended() -> None:
    lab = Lab()
    lab.call().hangup()
    lab.answer(200, sdp=ANSWER)
    assert lab.log() == ["0 INVITE", "0 ACK", "0 BYE"]
    assert lab.events() == ["Ended local cancel 487"]


def test_a_cancelled_call_without_final_response_is_forgotten_after_64_t1() -> None:
    lab = Lab()
    session = lab.call()
    lab.answer(180)
    lab.run(2)
    session.hangup()
    lab.run(33.9)
    assert len(lab.agent.sessions) == 1
    lab.run(34)
    assert len(lab.agent.sessions) == 0
    assert lab.agent.layer.client_count == 0


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    lab = Lab()
    lab.invite()
    lab.session.accept(ANSWER)
    lab.deliver(lab.request("CANCEL", branch="inv"))
    lab.in_dialog("ACK", 1)
    assert lab.log() == ["0 100 INVITE", "0 200 INVITE", "0 200 CANCEL"]
    assert lab.events() == ["Acknowledged"]


def test_a_cancel_for_nothing_gets_481() -> None:
    lab = Lab()
    lab.deliver(lab.request("CANCEL", branch="unknown"))
    assert lab.log() == ["0 481 CANCEL"]


def test_a_cancel_answers_with_the_tag_of_the_invites_responses() -> None:
    lab = Lab()
    lab.phone.on_invite = lambda session: session.provisional(180)
    lab.invite()
    lab.deliver(lab.request("CANCEL", branch="inv"))
    tags = {response.to.tag for response in lab.responses() if response.status != 100}
    assert len(tags) == 1
    assert [r.status for r in lab.responses()] == [100, 180, 200, 487]


def test_a_repeated_cancel_is_answered_from_its_transaction() -> None:
    lab = Lab()
    lab.invite()
    lab.deliver(lab.request("CANCEL", branch="inv"))
    lab.deliver(lab.request("CANCEL", branch="inv"))
    assert lab.log() == ["0 100 INVITE", "0 200 CANCEL", "0 487 INVITE", "0 200 CANCEL"]


def test_the_caller_may_say_bye_before_the_answer() -> None:
    lab = Lab()
    lab.phone.on_invite = lambda session: session.provisional(180)
    lab.invite()
    lab.in_dialog("BYE", 2)
    assert lab.log() == ["0 100 INVITE", "0 180 INVITE", "0 200 BYE", "0 487 INVITE"]
    assert lab.events() == ["Ended remote bye 487"]


def test_hanging_up_before_the_ack_sends_nothing_until_it_comes() -> None:
    lab = Lab()
    lab.invite()
    lab.session.accept(ANSWER)
    lab.session.hangup(headers=[("X-End", "yes")])
    assert lab.events() == ["Ended local bye 200"]
    assert lab.log() == ["0 100 INVITE", "0 200 INVITE"]
    lab.in_dialog("ACK", 1)
    assert lab.log() == ["0 BYE"]
    assert lab.last_request().headers.get("X-End") == "yes"


def test_hanging_up_before_an_ack_that_never_comes_sends_the_bye_after_64_t1() -> None:
    lab = Lab()
    lab.invite()
    lab.session.accept(ANSWER)
    lab.session.hangup()
    lab.run(31.9)
    assert lab.requests("BYE") == []
    lab.run(32)
    assert [r.method for r in lab.requests()] == ["BYE"]
    assert lab.events() == ["Ended local bye 200"]
    lab.answer(200)
    assert len(lab.agent.sessions) == 0


def test_two_byes_that_cross_are_both_answered_with_200() -> None:
    lab = Lab()
    session = lab.answered_call()
    tag = session.request.to.tag or session._core.call.local_tag
    session.hangup()
    bye = lab.last_request()
    lab.deliver(lab.request("BYE", branch="bye", cseq=2, to_tag=tag))
    assert [str(h) for h in lab.heard] == ["0 BYE", "0 200 BYE"]
    lab.answer(200, to=bye)
    assert lab.events() == ["Ended local bye 200"]
    assert len(lab.agent.sessions) == 0
    lab.deliver(lab.request("BYE", branch="later", cseq=3, to_tag=tag))
    assert lab.last_response().status == 481


def test_a_bye_without_answer_is_given_up_after_64_t1() -> None:
    lab = Lab()
    lab.answered_call().hangup()
    lab.run(31)
    assert len(lab.agent.sessions) == 1
    lab.run(32)
    assert len(lab.agent.sessions) == 0


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "INVITE"])
def test_other_requests_after_our_bye_get_481(method: str) -> None:
    lab = Lab()
    session = lab.answered_call()
    tag = session._core.call.local_tag
    session.hangup()
    lab.deliver(lab.request(method, branch="late", cseq=2, to_tag=tag))
    assert lab.last_response().status == 481
