"""Session timers (RFC 4028) on a clock of our own."""

from __future__ import annotations

import pytest

from sip.agent import EndpointSettings
from sip.dialog import Ended

from .lab import Lab
from .link import ANSWER, OFFER

ASKED = "Session-Expires: 1800;refresher=uac\r\nSupported: timer\r\n"
ALLOW = "Allow: INVITE, ACK, BYE, UPDATE\r\n"


def test_the_peers_interval_is_accepted_and_it_refreshes() -> None:
    lab = Lab()
    lab.invite(ASKED)
    lab.session.accept(ANSWER)
    answer = lab.last_response()
    assert answer.headers.get("Session-Expires") == "1800;refresher=uac"
    assert answer.headers.get("Require") == "timer"
    lab.in_dialog("ACK", 1)
    lab.run(1700)
    lab.in_dialog("UPDATE", 2, headers=ASKED)
    assert lab.last_response().headers.get("Session-Expires") == "1800;refresher=uac"
    lab.run(1700 + 1767)
    assert lab.events() == ["Acknowledged"]
    lab.run(1700 + 1768)
    ended = lab.phone.events[-1]
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind) == ("timeout", "session-expired")
    assert lab.last_request().method == "BYE"


@pytest.mark.parametrize(("can", "required"), [("Supported: timer\r\n", "timer"), ("", None)])
def test_a_peer_that_waits_for_our_refresh_has_to_know_how(can: str, required: str | None) -> None:
    """RFC 4028 9: it hangs up when none comes, if it understands timers at all."""
    lab = Lab()
    lab.invite(f"Session-Expires: 1800;refresher=uas\r\n{can}")
    lab.session.accept(ANSWER)
    assert lab.last_response().headers.get("Session-Expires") == "1800;refresher=uas"
    assert lab.last_response().headers.get("Require") == required


def test_a_peer_that_cannot_refresh_is_refreshed_by_us() -> None:
    lab = Lab()
    lab.answered_call(headers=f"Session-Expires: 600\r\n{ALLOW}")
    lab.run(300)
    (update,) = lab.requests("UPDATE")
    assert update.headers.get("Session-Expires") == "600;refresher=uac"
    assert update.body == b""
    lab.answer(200, headers="Session-Expires: 600;refresher=uac\r\n")
    lab.run(599)
    assert len(lab.requests("UPDATE")) == 1
    lab.run(600)
    assert len(lab.requests("UPDATE")) == 2


def test_a_peer_without_update_is_refreshed_by_a_reinvite_that_changes_nothing() -> None:
    lab = Lab()
    lab.answered_call(headers="Session-Expires: 600;refresher=uas\r\nSupported: timer\r\n")
    lab.run(300)
    (invite,) = lab.requests("INVITE")
    assert invite.body == ANSWER
    lab.answer(200, sdp=OFFER, headers="Session-Expires: 600;refresher=uac\r\n")
    assert lab.last_request().method == "ACK"
    assert lab.events() == []


@pytest.mark.parametrize(("can", "method"), [(ALLOW, "UPDATE"), ("", "INVITE")])
def test_a_refresh_takes_the_route_through_the_proxies(can: str, method: str) -> None:
    lab = Lab()
    routes = "Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.7:5070;lr>\r\n"
    timer = "Session-Expires: 600;refresher=uas\r\nSupported: timer\r\n"
    lab.answered_call(headers=f"{routes}{timer}{can}")
    lab.run(300)
    (refresh,) = lab.requests()
    assert (refresh.method, refresh.uri) == (method, "sip:peer@192.0.2.9")
    assert refresh.headers.values("Route") == ["<sip:192.0.2.8;lr>", "<sip:192.0.2.7:5070;lr>"]
    assert lab.heard[-1].destination.host == "192.0.2.8"


def test_an_answer_that_changes_with_the_refresh_is_reported() -> None:
    lab = Lab()
    lab.answered_call(headers="Session-Expires: 600;refresher=uas\r\nSupported: timer\r\n")
    lab.run(300)
    lab.answer(200, sdp=ANSWER)
    assert lab.events() == ["ReinviteAnswered"]


def test_an_update_that_is_refused_falls_back_to_a_reinvite() -> None:
    lab = Lab()
    lab.answered_call(headers=f"Session-Expires: 600\r\n{ALLOW}")
    lab.run(300)
    lab.answer(405)
    assert [r.method for r in lab.requests()] == ["UPDATE", "INVITE"]


def test_a_refresh_that_fails_is_tried_again_until_the_session_expires() -> None:
    lab = Lab()
    lab.answered_call(headers=f"Session-Expires: 90\r\n{ALLOW}")
    lab.run(45)
    lab.answer(500)
    lab.run(77)
    lab.answer(500)
    lab.run(89.9)
    assert [h.at for h in lab.heard] == [45, 77]
    assert lab.events() == []
    lab.run(90)
    assert lab.events() == ["Ended timeout session-expired 408"]


def test_a_peer_that_lost_the_dialog_is_found_out_by_the_refresh() -> None:
    lab = Lab()
    lab.answered_call(headers=f"Session-Expires: 600\r\n{ALLOW}")
    lab.run(300)
    lab.answer(481)
    assert lab.events() == ["Ended remote failure 481"]


def test_no_timer_runs_when_nobody_asks_for_one() -> None:
    lab = Lab()
    lab.answered_call()
    lab.run(64)
    assert lab.agent.next_timeout() is None


@pytest.mark.parametrize(("refresher", "ours"), [("uac", True), ("uas", False), (None, True)])
def test_the_answer_to_our_call_says_who_refreshes(refresher: str | None, ours: bool) -> None:
    lab = Lab()
    suffix = f";refresher={refresher}" if refresher else ""
    lab.established_call(headers=f"{ALLOW}Session-Expires: 600{suffix}\r\n")
    lab.run(310)
    assert bool(lab.requests("UPDATE")) == ours
    if ours:
        lab.answer(200)
    lab.run(600)
    assert (lab.events() == []) == ours


def test_our_calls_ask_for_an_interval_when_the_operator_wants_one() -> None:
    lab = Lab(settings=EndpointSettings(session_expires_s=900))
    lab.call()
    assert lab.last_request().headers.get("Session-Expires") == "900"
    lab.answer(422, headers="Min-SE: 1200\r\n")
    again = lab.last_request()
    assert again.headers.get("Session-Expires") == "1200"
    assert again.headers.get("Min-SE") == "1200"
    lab.answer(422, headers="Min-SE: 1200\r\n")
    assert lab.events() == ["Ended remote failure 422"]


@pytest.mark.parametrize("value", ["soon", "-1", "10", "99999999999999"])
def test_a_silly_interval_in_an_answer_is_ignored(value: str) -> None:
    lab = Lab()
    lab.established_call(headers=f"Session-Expires: {value}\r\n")
    lab.run(40)
    assert lab.agent.next_timeout() is None


def test_a_reinvite_keeps_the_interval() -> None:
    lab = Lab()
    session = lab.established_call(headers="Session-Expires: 600;refresher=uas\r\n")
    session.reinvite(OFFER)
    assert lab.last_request().headers.get("Session-Expires") == "600;refresher=uas"


@pytest.mark.parametrize("allow", ["UPDATE, INVITE", "INVITE"])
def test_a_refresh_that_is_too_short_for_a_proxy_is_sent_again_with_a_longer_interval(
    allow: str,
) -> None:
    lab = Lab()
    lab.established_call(headers=f"Session-Expires: 100;refresher=uac\r\nAllow: {allow}\r\n")
    method = allow.partition(",")[0]
    lab.run(50)
    lab.answer(422, headers="Min-SE: 200\r\n", to=lab.requests(method)[-1])
    first, second = lab.requests(method)
    assert first.headers.get("Session-Expires") == "100;refresher=uac"
    assert second.headers.get("Session-Expires") == "200;refresher=uac"
    assert second.headers.get("Min-SE") == "200"
    lab.answer(
        200,
        to=second,
        headers="Session-Expires: 200;refresher=uac\r\n",
        sdp=ANSWER if method == "INVITE" else None,
    )
    lab.run(149)
    assert len(lab.requests(method)) == 2
    lab.run(150)
    assert len(lab.requests(method)) == 3


@pytest.mark.parametrize("header", ["Min-SE: 100\r\n", "Min-SE: x\r\n", ""])
def test_a_422_that_says_nothing_new_is_a_failed_refresh(header: str) -> None:
    lab = Lab()
    lab.established_call(headers="Session-Expires: 100;refresher=uac\r\nAllow: UPDATE\r\n")
    lab.run(50)
    lab.answer(422, headers=header, to=lab.last_request())
    assert len(lab.requests("UPDATE")) == 1
    lab.run(82)
    assert len(lab.requests("UPDATE")) == 2
    lab.run(100)
    assert lab.events()[-1] == "Ended timeout session-expired 408"


def test_a_peer_that_wants_ever_longer_intervals_is_answered_four_times() -> None:
    lab = Lab()
    lab.established_call(headers="Session-Expires: 100;refresher=uac\r\nAllow: UPDATE\r\n")
    lab.run(50)
    for wanted in range(101, 120):
        lab.answer(422, headers=f"Min-SE: {wanted}\r\n", to=lab.last_request())
    assert len(lab.requests("UPDATE")) == 5
    lab.run(100)
    assert lab.events()[-1] == "Ended timeout session-expired 408"
