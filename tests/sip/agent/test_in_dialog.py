"""The peer's requests inside a session, in and out of order."""

from __future__ import annotations

import pytest

from sip.dialog import InfoReceived, ReinviteAnswered, ReinviteReceived

from .lab import Lab
from .link import ANSWER, OFFER

OTHER = b"v=0\r\no=other 2 2 IN IP4 192.0.2.9\r\n"


def test_numbers_out_of_order_get_500() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INFO", 5)
    lab.in_dialog("INFO", 4)
    lab.in_dialog("INFO", 6)
    assert lab.log() == ["0 200 INFO", "0 500 INFO", "0 200 INFO"]
    assert "CSeq 4 is below 5" in (lab.responses(500)[0].headers.get("Warning") or "")


def test_a_request_with_another_from_tag_gets_481() -> None:
    lab = Lab()
    lab.answered_call()
    text = lab.request("BYE", branch="evil", cseq=2, to_tag=lab.our_tag, from_tag="stranger")
    lab.deliver(text)
    assert lab.last_response().status == 481
    assert lab.events() == []


def test_info_is_answered_and_passed_on() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INFO", 2, sdp=b"Signal=1", content_type="Application/DTMF-Relay; x=y")
    lab.in_dialog("INFO", 3)
    first, second = lab.phone.events
    assert isinstance(first, InfoReceived)
    assert (first.content_type, first.body) == ("application/dtmf-relay", b"Signal=1")
    assert isinstance(second, InfoReceived)
    assert (second.content_type, second.body) == ("", b"")


def test_an_unknown_info_package_gets_469() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INFO", 2, headers="Info-Package: nothing\r\n")
    assert lab.last_response().status == 469
    assert lab.last_response().headers.get("Recv-Info") == ""
    assert lab.events() == []


def test_options_inside_a_dialog_says_what_we_can_do() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("OPTIONS", 2)
    assert "UPDATE" in (lab.last_response().headers.get("Allow") or "")


def test_unknown_methods_inside_a_dialog_get_405_or_501() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("PUBLISH", 2)
    lab.in_dialog("JUMP", 3)
    assert lab.log() == ["0 405 PUBLISH", "0 501 JUMP"]


def test_an_unknown_extension_inside_a_dialog_gets_420() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INFO", 2, headers="Require: magic\r\n")
    assert lab.last_response().status == 420


def test_a_reinvite_without_offer_gets_ours_and_its_ack_the_answer() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("INVITE", 2)
    (event,) = lab.phone.events
    assert isinstance(event, ReinviteReceived)
    assert event.sdp is None
    session.answer_reinvite(OTHER)
    assert lab.last_response().body == OTHER
    lab.in_dialog("ACK", 2, sdp=ANSWER)
    answered = lab.phone.events[-1]
    assert isinstance(answered, ReinviteAnswered)
    assert answered.sdp == ANSWER


def test_an_update_with_offer_is_answered_by_the_owner() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("UPDATE", 2, sdp=OTHER)
    assert lab.log() == []
    session.answer_reinvite(ANSWER)
    assert lab.log() == ["0 200 UPDATE"]
    assert lab.last_response().body == ANSWER
    assert lab.last_response().contact is not None


def test_an_update_without_offer_is_answered_at_once_and_moves_the_target() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("UPDATE", 2, headers="Contact: <sip:moved@192.0.2.10:5070>\r\n")
    assert lab.log() == ["0 200 UPDATE"]
    session.hangup()
    assert lab.last_request().uri == "sip:moved@192.0.2.10:5070"


def test_a_refused_reinvite_does_not_move_the_target() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=OTHER, headers="Contact: <sip:moved@192.0.2.10>\r\n")
    session.reject_reinvite(488)
    lab.in_dialog("ACK", 2, branch="invite2")
    session.hangup()
    assert lab.last_request().uri == "sip:peer@192.0.2.9"


@pytest.mark.parametrize("second", ["INVITE", "UPDATE"])
def test_a_second_offer_before_the_first_is_answered_gets_500_with_retry_after(
    second: str,
) -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    lab.in_dialog(second, 3, sdp=OTHER)
    answer = lab.last_response()
    assert (answer.status, answer.headers.get("Retry-After")) == (500, "5")
    assert [type(event) for event in lab.phone.events] == [ReinviteReceived]


def test_an_offer_that_crosses_ours_gets_491() -> None:
    lab = Lab()
    lab.answered_call().reinvite(OTHER)
    lab.in_dialog("UPDATE", 2, sdp=OTHER)
    lab.in_dialog("INVITE", 3, sdp=OTHER)
    lab.in_dialog("UPDATE", 4)
    assert [r.status for r in lab.responses()] == [491, 491, 200]


def test_a_reinvite_before_the_first_answer_gets_500() -> None:
    lab = Lab()
    lab.invite()
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    assert lab.last_response().status == 500
    assert lab.last_response().headers.get("Retry-After") == "5"


def test_a_reinvite_whose_ack_for_the_first_was_lost_is_taken() -> None:
    lab = Lab()
    lab.invite()
    lab.session.accept(ANSWER)
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    assert lab.events() == ["ReinviteReceived"]
    lab.session.answer_reinvite(ANSWER)
    lab.in_dialog("ACK", 2)
    assert lab.events() == ["ReinviteReceived"]
    lab.in_dialog("ACK", 1)
    assert lab.events() == ["ReinviteReceived", "Acknowledged"]


def test_a_cancelled_reinvite_gets_487_and_the_late_answer_nothing() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    lab.deliver(lab.request("CANCEL", branch="invite2", cseq=2, to_tag=lab.our_tag))
    session.answer_reinvite(ANSWER)
    assert lab.log() == ["0 100 INVITE", "0 200 CANCEL", "0 487 INVITE"]
    lab.in_dialog("UPDATE", 3, sdp=OTHER)
    assert lab.events() == ["ReinviteReceived", "ReinviteReceived"]


@pytest.mark.parametrize(("method", "limit"), [("INVITE", 30.0), ("UPDATE", 8.0)])
def test_an_offer_that_the_owner_forgets_is_refused(method: str, limit: float) -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog(method, 2, sdp=OTHER)
    lab.run(limit - 0.1)
    assert [r.status for r in lab.responses()] in ([], [100])
    lab.run(limit)
    assert lab.last_response().status == 500
    lab.in_dialog("ACK", 2, branch="invite2")
    lab.in_dialog("INVITE", 3, sdp=OTHER)
    assert lab.events() == ["ReinviteReceived", "ReinviteReceived"]


def test_a_bye_inside_a_reinvite_ends_both() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    lab.in_dialog("BYE", 3)
    assert lab.log() == ["0 100 INVITE", "0 200 BYE", "0 487 INVITE"]
    assert lab.events() == ["ReinviteReceived", "Ended remote bye 200"]


def test_a_reinvite_200_without_ack_ends_the_session() -> None:
    lab = Lab()
    session = lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=OTHER)
    session.answer_reinvite(ANSWER)
    lab.run(32)
    assert lab.events()[-1] == "Ended timeout ack-timeout 408"
    assert lab.last_request().method == "BYE"


def test_a_bad_body_in_a_reinvite_gets_415_and_keeps_the_session() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INVITE", 2, sdp=b"x", content_type="text/plain")
    assert lab.last_response().status == 415
    assert lab.events() == []


def test_a_small_session_interval_in_a_refresh_gets_422() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("UPDATE", 2, headers="Session-Expires: 30\r\n")
    assert lab.last_response().status == 422
    lab.in_dialog("UPDATE", 3, headers="Session-Expires: x\r\n")
    assert lab.last_response().status == 400


def test_requests_of_ours_follow_the_record_route_and_the_contact() -> None:
    lab = Lab()
    routes = "Record-Route: <sip:p1.example.com;lr>, <sip:p2@192.0.2.8:5070;lr>\r\n"
    lab.answered_call(headers=routes).hangup()
    assert lab.lookups[0].lookup.domain == "p1.example.com"
    lab.locate("udp:192.0.2.7:5080")
    bye = lab.last_request()
    assert bye.uri == "sip:peer@192.0.2.9"
    assert bye.headers.values("Route") == ["<sip:p1.example.com;lr>", "<sip:p2@192.0.2.8:5070;lr>"]
    assert str(lab.heard[-1].destination) == "udp:192.0.2.7:5080"


def test_a_strict_router_gets_the_target_as_the_last_route() -> None:
    lab = Lab()
    lab.answered_call(headers="Record-Route: <sip:strict@192.0.2.8>\r\n").hangup()
    bye = lab.last_request()
    assert bye.uri == "sip:strict@192.0.2.8"
    assert bye.headers.values("Route") == ["<sip:peer@192.0.2.9>"]
    assert lab.heard[-1].destination.host == "192.0.2.8"


def test_a_peer_of_rfc_2543_without_tag_and_branch_can_call() -> None:
    lab = Lab()
    text = lab.request("INVITE", branch="x", sdp=OFFER).replace(";tag=peer", "")
    lab.deliver(text.replace(";branch=z9hG4bKx", ""))
    lab.session.accept(ANSWER)
    ack = lab.request("ACK", branch="x", to_tag=lab.our_tag).replace(";tag=peer", "")
    lab.deliver(ack.replace(";branch=z9hG4bKx", ""))
    assert lab.events() == ["Acknowledged"]
    lab.session.hangup()
    assert ";tag=" not in (lab.last_request().headers.get("To") or "")


def test_an_update_that_is_open_when_the_call_is_refused_is_answered_too() -> None:
    lab = Lab()
    lab.invite("Require: 100rel\r\n")
    lab.session.provisional(183, sdp=ANSWER)
    rack = f"{lab.last_response().headers.get('RSeq')} 1 INVITE"
    lab.in_dialog("PRACK", 2, headers=f"RAck: {rack}\r\n")
    lab.in_dialog("UPDATE", 3, sdp=OTHER)
    lab.session.reject(486)
    assert sorted(lab.log()[-2:]) == ["0 486 INVITE", "0 487 UPDATE"]


def test_a_request_that_finds_no_way_is_traced_with_the_reason() -> None:
    lab = Lab(transport="ws")
    lab.agent.flow_opened(lab.flow)
    contact = "Contact: <sip:rb@df7jal23ls0d.invalid;transport=ws>\r\n"
    lab.deliver(lab.request("INVITE", branch="inv", sdp=OFFER, headers=contact))
    lab.session.accept(ANSWER)
    lab.in_dialog("ACK", 1, headers=contact)
    lab._carry_out(lab.agent.flow_closed(50, "closed", lab.now))
    lab.traces.clear()
    lab.session.hangup()
    [trace] = lab.traces
    assert (trace.direction, trace.remote, trace.call_id) == ("out", lab.flow.peer, "call-1")
    assert trace.summary == (
        "BYE sip:rb@df7jal23ls0d.invalid;transport=ws, which is not sent: "
        "a WebSocket peer is reached over its own connection alone"
    )


def test_an_ack_that_finds_no_way_is_traced_with_the_reason() -> None:
    lab = Lab()
    lab.call()
    lab.answer(200, sdp=ANSWER, headers="Contact: <tel:+442079460000>", contact=False)
    assert lab.events() == ["Answered 200"]
    assert lab.traces[-1].summary == (
        "ACK tel:+442079460000, which is not sent: no transport for tel: URIs; use sip: or sips:"
    )


def test_a_description_that_stands_already_is_no_news_whatever_its_version() -> None:
    lab = Lab()
    lab.answered_call()
    counted = OFFER.replace(b"o=", b"o=again-", 1)
    assert counted != OFFER
    for number, sdp in enumerate((OFFER, counted, OFFER + b"a=sendonly\r\n"), 2):
        lab.in_dialog("INVITE", number, sdp=sdp)
        lab.session.answer_reinvite(ANSWER)
        lab.in_dialog("ACK", number)
    told = [event.is_news for event in lab.phone.events if isinstance(event, ReinviteReceived)]
    assert told == [False, False, True]
