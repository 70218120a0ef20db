"""REFER in both directions inside a call, and its NOTIFYs (RFC 3515, 3892, 4488)."""

from __future__ import annotations

import pytest

from sip.dialog import SessionStateError, TransferEnded, TransferProgress, TransferRequested
from sip.message import NameAddr, Request

from .lab import Lab

BOB = NameAddr.parse("<sip:bob@example.com>")
CONTACT = "Contact: <sip:peer@192.0.2.9>\r\n"


def referred(answer: int = 202, *, headers: str = "") -> Lab:
    """A call whose peer has answered our REFER."""
    lab = Lab()
    lab.answered_call().refer(BOB)
    lab.answer(answer, headers=headers)
    return lab


def notify(
    lab: Lab, cseq: int, line: str, *, state: str = "active;expires=60", event: str = "refer"
) -> None:
    headers = f"{CONTACT}Event: {event}\r\nSubscription-State: {state}\r\n"
    body = line.encode() or None
    lab.in_dialog("NOTIFY", cseq, sdp=body, headers=headers, content_type="message/sipfrag")


def outcomes(lab: Lab) -> list[tuple[int, str]]:
    return [(e.status, e.reason) for e in lab.phone.events if isinstance(e, TransferEnded)]


# --- ours ---------------------------------------------------------------------------------------


def test_a_refer_names_the_target_and_who_asks() -> None:
    lab = Lab()
    lab.answered_call().refer(BOB, headers=[("X-Ticket", "7")])
    refer = lab.last_request()
    assert (refer.method, refer.uri) == ("REFER", "sip:peer@192.0.2.9")
    assert refer.headers.get("Refer-To") == "<sip:bob@example.com>"
    assert refer.headers.get("Referred-By") == "<sip:us@192.0.2.1>"
    assert refer.headers.get("X-Ticket") == "7"
    assert refer.contact is not None
    assert refer.body == b""


@pytest.mark.parametrize("answer", [200, 202])
def test_200_and_202_both_mean_that_the_peer_tries_and_notifies_say_how_it_goes(
    answer: int,
) -> None:
    lab = referred(answer)
    notify(lab, 2, "SIP/2.0 100 Trying\r\n")
    notify(lab, 3, "SIP/2.0 180 Ringing\r\n")
    notify(lab, 4, "SIP/2.0 180 Ringing\r\n")
    assert lab.phone.events == [TransferProgress(100, "Trying"), TransferProgress(180, "Ringing")]
    notify(lab, 5, "SIP/2.0 200 OK\r\n", state="terminated;reason=noresource")
    assert lab.phone.events[2:] == [TransferEnded(200, "OK")]
    assert [r.status for r in lab.responses()] == [200, 200, 200, 200]


def test_a_target_that_is_busy_fails_the_transfer_and_keeps_the_call() -> None:
    lab = referred()
    notify(lab, 2, "SIP/2.0 486 Busy Here\r\n", state="terminated;reason=noresource")
    assert outcomes(lab) == [(486, "Busy Here")]
    assert not lab.session.is_over
    lab.session.refer(BOB)
    assert [r.method for r in lab.requests()] == ["REFER", "REFER"]


def test_a_refused_refer_is_the_outcome() -> None:
    lab = referred(603)
    assert outcomes(lab) == [(603, "Decline")]
    assert not lab.session.is_over


def test_a_refer_that_is_not_answered_fails_after_32_s() -> None:
    lab = Lab()
    lab.answered_call().refer(BOB)
    lab.run(32)
    assert outcomes(lab) == [(408, "no response within 32 s")]


def test_a_peer_without_the_dialog_ends_the_call_after_the_transfer() -> None:
    lab = referred(481)
    assert lab.events() == ["TransferEnded 481", "Ended remote failure 481"]


def test_without_a_subscription_the_answer_is_the_outcome() -> None:
    lab = referred(200, headers="Refer-Sub: false")
    assert outcomes(lab) == [(200, "OK")]


def test_a_notify_may_overtake_the_answer_to_the_refer() -> None:
    lab = Lab()
    lab.answered_call().refer(BOB)
    refer = lab.last_request()
    notify(lab, 2, "SIP/2.0 200 OK\r\n", state="terminated;reason=noresource")
    lab.answer(202, to=refer)
    assert outcomes(lab) == [(200, "OK")]


def test_a_notify_names_its_refer_by_the_number_or_not_at_all() -> None:
    lab = referred()
    number = lab.requests("REFER")[0].cseq.number
    notify(lab, 2, "SIP/2.0 180 Ringing\r\n", event=f"refer;id={number}")
    notify(lab, 3, "SIP/2.0 200 OK\r\n", event=f"refer;id={number + 1}")
    assert [r.status for r in lab.responses()] == [200, 481]
    assert lab.events() == ["TransferProgress 180"]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("rejected", 603), ("timeout", 408), ("", 408)],
)
def test_a_subscription_that_ends_without_an_outcome_is_a_failure(
    reason: str, outcome: int
) -> None:
    lab = referred()
    state = f"terminated;reason={reason}" if reason else "terminated"
    notify(lab, 2, "SIP/2.0 100 Trying\r\n", state=state)
    assert [status for status, _ in outcomes(lab)] == [outcome]


def test_the_last_notify_after_the_outcome_is_answered_and_tells_nothing_new() -> None:
    lab = referred()
    notify(lab, 2, "SIP/2.0 200 OK\r\n")
    notify(lab, 3, "SIP/2.0 200 OK\r\n", state="terminated")
    assert [r.status for r in lab.responses()] == [200, 200]
    assert len(outcomes(lab)) == 1
    notify(lab, 4, "SIP/2.0 200 OK\r\n")
    assert lab.last_response().status == 481


def test_a_peer_that_says_nothing_is_given_up_after_420_s() -> None:
    lab = referred()
    lab.run(419.9)
    assert outcomes(lab) == []
    lab.run(420)
    assert [status for status, _ in outcomes(lab)] == [408]
    assert not lab.session.is_over


def test_a_peer_that_accepted_and_hung_up_has_left_for_the_target() -> None:
    lab = referred()
    lab.in_dialog("BYE", 2)
    assert lab.events() == ["TransferEnded 200", "Ended remote bye 200"]


def test_a_peer_that_hangs_up_before_it_accepts_has_not() -> None:
    lab = Lab()
    lab.answered_call().refer(BOB)
    lab.in_dialog("BYE", 2)
    assert lab.events() == ["TransferEnded 487", "Ended remote bye 200"]


def test_our_own_hangup_ends_an_open_transfer_first() -> None:
    lab = referred()
    lab.session.hangup()
    assert lab.events() == ["TransferEnded 487", "Ended local bye 200"]


def test_a_notify_whose_body_is_no_status_line_gets_400() -> None:
    lab = referred()
    notify(lab, 2, "hello")
    assert lab.last_response().status == 400
    assert lab.events() == []


def test_events_that_nobody_knows_get_489() -> None:
    lab = referred()
    notify(lab, 2, "x", event="presence")
    lab.in_dialog("NOTIFY", 3)
    lab.in_dialog("SUBSCRIBE", 4, headers=f"{CONTACT}Event: dialog\r\n")
    assert [r.status for r in lab.responses()] == [489, 489, 489]
    assert {r.headers.get("Allow-Events") for r in lab.responses()} == {"refer"}


def test_one_transfer_at_a_time_and_only_of_an_answered_call() -> None:
    lab = referred()
    with pytest.raises(SessionStateError, match="under way already"):
        lab.session.refer(BOB)
    ringing = Lab()
    ringing.invite()
    with pytest.raises(SessionStateError, match="not answered yet"):
        ringing.session.refer(BOB)
    assert len(lab.requests("REFER")) == 1


# --- the peer's ---------------------------------------------------------------------------------


def asked(headers: str = "Refer-To: <sip:bob@example.com>\r\n", *, cseq: int = 2) -> Lab:
    """A call whose peer has sent a REFER."""
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("REFER", cseq, headers=CONTACT + headers)
    return lab


def notifies(lab: Lab) -> list[tuple[bytes, str | None]]:
    return [(r.body, r.headers.get("Subscription-State")) for r in lab.requests("NOTIFY")]


def confirm(lab: Lab, request: Request) -> None:
    lab.answer(200, to=request)


def test_a_refer_waits_for_the_owner_and_dials_nothing() -> None:
    lab = asked("Refer-To: <sip:bob@example.com>\r\nReferred-By: <sip:ann@example.com>\r\n")
    (event,) = lab.phone.events
    assert isinstance(event, TransferRequested)
    assert str(event.refer_to.uri) == "sip:bob@example.com"
    assert event.headers.get("Referred-By") == "<sip:ann@example.com>"
    assert lab.heard == []


def test_a_refer_that_the_owner_forgets_is_refused_after_8_s() -> None:
    lab = asked()
    lab.run(7.9)
    assert lab.heard == []
    lab.run(8)
    assert lab.log() == ["8 603 REFER"]


def test_a_refused_refer_says_why() -> None:
    lab = asked()
    lab.session.reject_transfer(603, why="the scenario takes no transfers")
    assert lab.last_response().status == 603
    assert "takes no transfers" in (lab.last_response().headers.get("Warning") or "")
    lab.session.accept_transfer()
    assert lab.log() == ["0 603 REFER"]


def test_an_accepted_refer_gets_202_and_the_first_notify_at_once() -> None:
    lab = asked()
    lab.session.accept_transfer()
    assert lab.log() == ["0 202 REFER", "0 NOTIFY"]
    assert lab.responses()[0].contact is not None
    (first,) = lab.requests("NOTIFY")
    assert first.headers.get("Event") == "refer"
    assert first.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    assert notifies(lab) == [(b"SIP/2.0 100 Trying\r\n", "active;expires=420")]


def test_the_last_report_ends_the_subscription() -> None:
    lab = asked()
    lab.session.accept_transfer()
    confirm(lab, lab.last_request())
    lab.run(10)
    lab.session.report_transfer(180, "Ringing")
    confirm(lab, lab.last_request())
    lab.session.report_transfer(200, "OK")
    assert notifies(lab)[1:] == [
        (b"SIP/2.0 180 Ringing\r\n", "active;expires=410"),
        (b"SIP/2.0 200 OK\r\n", "terminated;reason=noresource"),
    ]
    with pytest.raises(SessionStateError, match="asked for no transfer"):
        lab.session.report_transfer(200, "OK")


def test_a_report_waits_until_the_one_before_it_is_answered() -> None:
    lab = asked()
    lab.session.accept_transfer()
    lab.session.report_transfer(486, "Busy Here")
    assert len(notifies(lab)) == 1
    confirm(lab, lab.last_request())
    assert notifies(lab)[-1] == (b"SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource")


def test_a_report_that_waits_goes_out_before_the_bye() -> None:
    lab = asked()
    lab.session.accept_transfer()
    lab.session.report_transfer(200, "OK")
    lab.session.hangup()
    assert lab.log() == ["0 202 REFER", "0 NOTIFY", "0 NOTIFY", "0 BYE"]


def test_a_second_refer_meanwhile_gets_491_and_one_afterwards_has_an_id() -> None:
    lab = asked()
    lab.session.accept_transfer()
    confirm(lab, lab.last_request())
    again = f"{CONTACT}Refer-To: <sip:eve@example.com>\r\n"
    lab.in_dialog("REFER", 3, headers=again)
    assert lab.last_response().status == 491
    lab.session.report_transfer(503, "Service Unavailable")
    confirm(lab, lab.last_request())
    lab.in_dialog("REFER", 4, headers=again)
    lab.session.accept_transfer()
    assert lab.last_request().headers.get("Event") == "refer;id=4"


def test_an_eleventh_refer_gets_403() -> None:
    lab = asked()
    for cseq in range(3, 14):
        lab.session.reject_transfer(603, why="no")
        lab.in_dialog("REFER", cseq, headers=f"{CONTACT}Refer-To: <sip:bob@example.com>\r\n")
    assert [r.status for r in lab.responses()] == [603] * 10 + [403, 403]


def test_without_refer_sub_nobody_is_notified() -> None:
    lab = asked("Refer-To: <sip:bob@example.com>\r\nRefer-Sub: false\r\nRequire: norefersub\r\n")
    lab.session.accept_transfer()
    lab.session.report_transfer(200, "OK")
    assert lab.log() == ["0 202 REFER"]
    assert lab.last_response().headers.get("Refer-Sub") == "false"


def test_a_subscription_that_nobody_ends_runs_out_after_420_s() -> None:
    lab = asked()
    lab.session.accept_transfer()
    confirm(lab, lab.last_request())
    lab.run(420)
    assert notifies(lab)[-1] == (
        b"SIP/2.0 408 nobody said in time how the transfer ended\r\n",
        "terminated;reason=noresource",
    )


def test_the_peer_may_lengthen_or_end_its_subscription() -> None:
    lab = asked()
    lab.session.accept_transfer()
    confirm(lab, lab.last_request())
    lab.run(100)
    lab.in_dialog("SUBSCRIBE", 3, headers=f"{CONTACT}Event: refer\r\nExpires: 300\r\n")
    assert lab.last_response().headers.get("Expires") == "300"
    assert notifies(lab)[-1] == (b"SIP/2.0 100 Trying\r\n", "active;expires=300")
    confirm(lab, lab.last_request())
    lab.in_dialog("SUBSCRIBE", 4, headers=f"{CONTACT}Event: refer\r\nExpires: 0\r\n")
    lab.run(100)
    assert (notifies(lab)[-1][1] or "").startswith("terminated")
    lab.in_dialog("SUBSCRIBE", 5, headers=f"{CONTACT}Event: refer\r\n")
    assert lab.last_response().status == 481


def test_a_peer_that_does_not_know_the_subscription_is_told_nothing_more() -> None:
    lab = asked()
    lab.session.accept_transfer()
    lab.answer(481, to=lab.last_request())
    with pytest.raises(SessionStateError):
        lab.session.report_transfer(200, "OK")
    assert not lab.session.is_over


@pytest.mark.parametrize("headers", ["", "Refer-To: nobody\r\n", "Refer-To: <sip:>\r\n"])
def test_a_refer_without_a_target_gets_400(headers: str) -> None:
    lab = asked(headers)
    assert lab.last_response().status == 400
    assert lab.events() == []


def test_a_refer_with_two_targets_gets_400() -> None:
    lab = asked("Refer-To: <sip:a@example.com>\r\nRefer-To: <sip:b@example.com>\r\n")
    assert lab.last_response().status == 400
    assert lab.events() == []


def test_a_refer_before_the_answer_gets_603() -> None:
    lab = Lab()
    lab.invite()
    lab.in_dialog("REFER", 2, headers=f"{CONTACT}Refer-To: <sip:bob@example.com>\r\n")
    assert lab.last_response().status == 603
    assert lab.events() == []


def test_a_refer_that_is_open_when_the_call_ends_is_answered() -> None:
    lab = asked()
    lab.in_dialog("BYE", 3)
    assert sorted(lab.log()) == ["0 200 BYE", "0 487 REFER"]
    assert lab.events() == ["TransferRequested", "Ended remote bye 200"]


def test_a_refer_outside_a_call_gets_403_and_is_reported() -> None:
    lab = Lab()
    lab.deliver(lab.request("REFER", branch="r", headers="Refer-To: <sip:bob@example.com>\r\n"))
    assert lab.last_response().status == 403
    assert "nothing here dials" in lab.refusals[0].why
    assert len(lab.agent.sessions) == 0


def test_news_of_a_mailbox_are_taken_and_other_events_get_489() -> None:
    lab = Lab()
    for n, event in enumerate(["message-summary", "presence", "refer"]):
        lab.deliver(lab.request("NOTIFY", branch=f"n{n}", headers=f"Event: {event}\r\n"))
    lab.deliver(lab.request("SUBSCRIBE", branch="s", headers="Event: message-summary\r\n"))
    assert [r.status for r in lab.responses()] == [200, 489, 489, 489]
    assert lab.agent.layer.server_count == 0


def test_nothing_is_left_of_a_transfer_when_the_call_is_over() -> None:
    lab = asked()
    lab.session.accept_transfer()
    lab.session.refer(BOB)
    lab.session.hangup()
    for request in lab.requests():
        lab.answer(200, to=request)
    lab.run(100)
    assert len(lab.agent.sessions) == 0
    assert lab.agent.next_timeout() is None


def test_a_call_of_ours_is_referred_by_the_address_that_we_called_from() -> None:
    lab = Lab()
    lab.established_call().refer(BOB)
    assert lab.last_request().headers.get("Referred-By") == "<sip:us@example.com>"
