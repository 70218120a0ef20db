"""100rel on both sides (RFC 3262)."""

from __future__ import annotations

import pytest

from sip.dialog import Acknowledged, ReinviteReceived
from sip.message import Response

from .lab import Lab
from .link import ANSWER, OFFER

REQUIRED = "Require: 100rel\r\n"
OTHER = b"v=0\r\no=other 2 2 IN IP4 192.0.2.9\r\n"


def prack(lab: Lab, cseq: int, response: Response, sdp: bytes | None = None) -> None:
    rack = f"{response.headers.get('RSeq')} {response.cseq}"
    lab.in_dialog("PRACK", cseq, headers=f"RAck: {rack}\r\n", sdp=sdp)


def test_provisionals_are_reliable_when_the_caller_requires_it() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(183, sdp=ANSWER)
    lab.run(4)
    assert lab.log() == [
        *("0 100 INVITE", "0 183 INVITE", "0.5 183 INVITE", "1.5 183 INVITE", "3.5 183 INVITE"),
    ]
    first = lab.responses(183)[0]
    assert first.headers.get("Require") == "100rel"
    prack(lab, 2, first)
    lab.run(20)
    assert lab.log() == ["4 200 PRACK"]


def test_the_answer_waits_for_the_prack_and_says_the_description_once() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(183, sdp=ANSWER)
    lab.session.accept(ANSWER)
    assert lab.log() == ["0 100 INVITE", "0 183 INVITE"]
    prack(lab, 2, lab.responses(183)[0])
    assert lab.log() == ["0 200 PRACK", "0 200 INVITE"]
    assert lab.last_response().body == b""
    lab.in_dialog("ACK", 1)
    assert lab.events() == ["Acknowledged"]


def test_a_second_provisional_waits_for_the_prack_of_the_first() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(180)
    lab.session.provisional(183, sdp=ANSWER)
    assert lab.log() == ["0 100 INVITE", "0 180 INVITE"]
    first = lab.responses(180)[0]
    prack(lab, 2, first)
    second = lab.responses(183)[0]
    assert int(second.headers.get("RSeq") or 0) == int(first.headers.get("RSeq") or 0) + 1
    prack(lab, 3, second)
    lab.session.accept(ANSWER)
    assert lab.last_response().status == 200


def test_a_prack_for_nothing_gets_481() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(180)
    for number, rack in enumerate(["1 1 INVITE", "x", "", "999999999999 1 INVITE"], 2):
        lab.in_dialog("PRACK", number, headers=f"RAck: {rack}\r\n")
    assert {r.status for r in lab.responses() if r.cseq.method == "PRACK"} == {481}


def test_a_reliable_response_is_repeated_at_doubling_intervals_until_its_prack() -> None:
    """RFC 3262 3: from T1 on, and T2 is no limit."""
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(180)
    lab.run(31.9)
    repeats = [one.at for one in lab.heard if one.retransmission]
    assert repeats == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    [number] = {str(one.headers.get("RSeq")) for one in lab.responses(180)}
    lab.in_dialog("PRACK", 2, headers=f"RAck: {number} 1 INVITE\r\n")
    lab.run(100.0)
    assert [one.at for one in lab.heard if one.retransmission] == repeats


def test_without_a_prack_the_invite_is_refused_after_64_t1() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(180)
    lab.run(32)
    assert lab.last_response().status == 504
    assert lab.events() == ["Ended timeout failure 504"]


def test_hanging_up_and_cancel_work_while_the_answer_waits_for_the_prack() -> None:
    for way in ("hangup", "cancel"):
        lab = Lab()
        lab.invite(REQUIRED)
        lab.session.provisional(180)
        lab.session.accept(ANSWER)
        if way == "hangup":
            lab.session.hangup()
        else:
            lab.deliver(lab.request("CANCEL", branch="inv"))
        assert lab.last_response().status == (480 if way == "hangup" else 487)
        lab.in_dialog("ACK", 1, branch="inv")
        lab.run(100)
        assert len(lab.agent.sessions) == 0


def test_an_offerless_invite_may_settle_everything_by_183_and_prack() -> None:
    lab = Lab()
    lab.invite(REQUIRED, sdp=None)
    lab.session.provisional(183, sdp=OFFER)
    prack(lab, 2, lab.responses(183)[0], sdp=ANSWER)
    lab.session.accept(OFFER)
    assert lab.last_response().body == b""
    lab.in_dialog("ACK", 1)
    (event,) = lab.phone.events
    assert isinstance(event, Acknowledged)
    assert event.sdp == ANSWER


@pytest.mark.parametrize(
    ("headers", "sdp", "owes"),
    [(REQUIRED, None, True), (REQUIRED, OFFER, False), ("", None, False)],
)
def test_the_first_reliable_response_owes_an_offer_to_who_made_none(
    headers: str, sdp: bytes | None, owes: bool
) -> None:
    """RFC 3262 5: it must not wait for the 2xx."""
    lab = Lab()
    lab.invite(headers, sdp=sdp)
    assert lab.session.owes_early_offer is owes
    lab.session.provisional(180, sdp=ANSWER)
    assert lab.session.owes_early_offer is False or not headers


def test_a_prack_may_bring_a_new_offer() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(183, sdp=ANSWER)
    prack(lab, 2, lab.responses(183)[0], sdp=OTHER)
    (event,) = lab.phone.events
    assert isinstance(event, ReinviteReceived)
    assert event.sdp == OTHER
    lab.session.accept(ANSWER)
    lab.session.answer_reinvite(ANSWER)
    prack_answer, final = lab.responses()[-2:]
    assert (prack_answer.cseq.method, prack_answer.body) == ("PRACK", ANSWER)
    assert (final.cseq.method, final.body) == ("INVITE", b"")


def test_an_update_before_the_answer_is_answered() -> None:
    lab = Lab()
    lab.invite(REQUIRED)
    lab.session.provisional(183, sdp=ANSWER)
    prack(lab, 2, lab.responses(183)[0])
    lab.in_dialog("UPDATE", 3, sdp=OTHER)
    assert lab.events() == ["ReinviteReceived"]
    lab.session.answer_reinvite(ANSWER)
    assert lab.last_response().body == ANSWER


def test_supported_alone_makes_nothing_reliable() -> None:
    lab = Lab()
    lab.invite("Supported: 100rel\r\n")
    lab.session.provisional(180)
    assert "RSeq" not in lab.responses(180)[0].headers


def test_a_reliable_response_of_the_peer_gets_its_prack_once() -> None:
    lab = Lab()
    lab.call()
    reliable = "Require: 100rel\r\nRSeq: 7\r\n"
    lab.answer(183, sdp=ANSWER, headers=reliable)
    invite = lab.requests("INVITE")[0]
    (prack_,) = lab.requests("PRACK")
    assert prack_.headers.get("RAck") == f"7 {invite.cseq}"
    assert prack_.to.tag == "theirs"
    assert prack_.cseq.number == invite.cseq.number + 1
    lab.answer(183, to=invite, sdp=ANSWER, headers=reliable)
    lab.answer(180, to=invite, headers=reliable.replace("7", "9"))
    assert len(lab.requests("PRACK")) == 1
    lab.answer(180, to=invite, headers=reliable.replace("7", "8"))
    assert lab.events() == ["Provisional 183", "Provisional 180"]
    lab.answer(200, to=invite)
    lab.session.hangup()
    assert lab.last_request().cseq.number == invite.cseq.number + 3


def test_a_flood_of_reliable_responses_is_bounded() -> None:
    lab = Lab()
    lab.call()
    invite = lab.last_request()
    for number in range(1, 200):
        lab.answer(180, to=invite, headers=f"Require: 100rel\r\nRSeq: {number}\r\n")
    assert len(lab.requests("PRACK")) <= 32
