"""What a request gets that cannot become a call; nothing is remembered of it."""

from __future__ import annotations

import pytest

from sip.address import Flow, PeerAddress
from sip.agent import EndpointSettings, Refusal
from sip.dialog import warning
from sip.message import Response
from sip.transaction import Timers

from .lab import PEER, US, Lab
from .link import ANSWER, OFFER


def one_answer(lab: Lab) -> Response:
    (heard,) = lab.heard
    assert isinstance(heard.message, Response)
    return heard.message


def assert_nothing_kept(lab: Lab) -> None:
    assert lab.agent.layer.server_count == 0
    assert len(lab.agent.sessions) == 0
    assert lab.agent.next_timeout() is None


def test_options_outside_a_dialog_says_what_we_can_do() -> None:
    lab = Lab()
    lab.deliver(lab.request("OPTIONS", branch="o"))
    answer = one_answer(lab)
    assert answer.status == 200
    assert answer.headers.get("Allow") == (
        "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE"
    )
    assert answer.headers.get("Accept") == "application/sdp"
    assert answer.headers.get("Accept-Encoding") == "identity"
    assert answer.headers.get("Accept-Language") == "en"
    assert answer.headers.get("Supported") == "100rel, norefersub, replaces, timer"
    assert answer.to.tag
    assert lab.refusals == []
    assert_nothing_kept(lab)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("REFER", 403),
        ("SUBSCRIBE", 489),
        ("MESSAGE", 403),
        ("PUBLISH", 405),
        ("NOTIFY", 489),
        ("FOO", 501),
        ("invite", 501),
        ("REGISTER", 403),
        ("BYE", 481),
        ("INFO", 481),
        ("UPDATE", 481),
        ("PRACK", 481),
    ],
)
def test_methods_that_begin_no_session(method: str, status: int) -> None:
    lab = Lab()
    lab.deliver(lab.request(method, branch="m"))
    answer = one_answer(lab)
    assert answer.status == status
    assert (status in (405, 501)) == ("Allow" in answer.headers)
    assert (
        answer.headers.get(
            "Warning",
        )
        is not None
    )
    (refusal,) = lab.refusals
    assert refusal.status == status
    assert refusal.what.startswith(method)
    assert str(refusal.peer) == "udp:192.0.2.9:5060"
    assert_nothing_kept(lab)


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS", "INFO"])
def test_a_to_tag_without_its_dialog_gets_481(method: str) -> None:
    lab = Lab()
    lab.deliver(lab.request(method, branch="x", to_tag="gone"))
    assert one_answer(lab).status == 481
    assert_nothing_kept(lab)


def test_an_unknown_method_with_a_to_tag_is_an_unknown_method_first() -> None:
    lab = Lab()
    lab.deliver(lab.request("FOO", branch="x", to_tag="gone"))
    assert one_answer(lab).status == 501


def test_unknown_extensions_are_listed_in_420() -> None:
    lab = Lab()
    lab.invite("Require: 100rel, a, b\r\nRequire: timer, c\r\n")
    answer = one_answer(lab)
    assert answer.status == 420
    assert answer.headers.get("Unsupported") == "a, b, c"
    assert "a, b, c" in lab.refusals[0].why
    assert_nothing_kept(lab)


def test_a_body_that_is_no_sdp_gets_415_with_accept() -> None:
    lab = Lab()
    lab.deliver(lab.request("INVITE", branch="b", sdp=b"<xml/>", content_type="text/xml"))
    answer = one_answer(lab)
    assert (answer.status, answer.headers.get("Accept")) == (415, "application/sdp")


def test_an_encoded_body_gets_415() -> None:
    lab = Lab()
    lab.invite("Content-Encoding: gzip\r\n")
    answer = one_answer(lab)
    assert answer.status == 415
    assert answer.headers.get("Accept-Encoding") == "identity"


def test_an_optional_body_is_ignored() -> None:
    lab = Lab()
    lab.deliver(
        lab.request(
            "INVITE",
            branch="b",
            sdp=b"<xml/>",
            content_type="text/xml",
            headers="Content-Disposition: session;handling=optional\r\n",
        )
    )
    assert lab.session.remote_offer is None


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("application/sdp", True),
        ("text/plain, application/sdp;level=1", True),
        ("application/*", True),
        ("*/*", True),
        ("text/nobodyKnowsThis", False),
        ("application/sdp;q=0", False),
    ],
)
def test_accept_must_let_sdp_through(accept: str, taken: bool) -> None:
    lab = Lab()
    lab.invite(f"Accept: {accept}\r\n")
    assert one_answer(lab).status == (100 if taken else 406)


@pytest.mark.parametrize("uri", ["foo:bar", "soap.beep://192.0.2.103:3002", "sips:us@192.0.2.1"])
def test_other_schemes_get_416(uri: str) -> None:
    lab = Lab()
    lab.deliver(lab.request("INVITE", branch="s", uri=uri, sdp=OFFER))
    assert one_answer(lab).status == 416


def test_a_tel_uri_is_taken() -> None:
    lab = Lab()
    lab.deliver(lab.request("INVITE", branch="t", uri="tel:+12125551212", sdp=OFFER))
    assert one_answer(lab).status == 100
    assert lab.session.request.uri == "tel:+12125551212"


def test_max_forwards_zero_is_no_matter_for_the_last_hop() -> None:
    lab = Lab()
    text = lab.request("INVITE", branch="t", sdp=OFFER)
    lab.deliver(text.replace("Max-Forwards: 70", "Max-Forwards: 0"))
    assert one_answer(lab).status == 100


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("CSeq: 1 INVITE", "CSeq: 1 BYE", 400),
        ("CSeq: 1 INVITE", "CSeq: x INVITE", 400),
        ("Call-ID: call-1\r\n", "", 400),
        ("Max-Forwards: 70", "Max-Forwards: 300", 400),
        ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505),
        ("sip:us@192.0.2.1 SIP", "<sip:us@192.0.2.1> SIP", 400),
        ("Contact: <sip:peer@192.0.2.9>", "Contact: <sip:peer@192.0.2.9", 400),
        ("Contact:", "Record-Route: <\r\nContact:", 400),
        ("Session-Expires: 90", "Session-Expires: soon", 400),
    ],
)
def test_what_is_wrong_is_named_in_the_refusal(old: str, new: str, status: int) -> None:
    lab = Lab(settings=EndpointSettings(number_of="E{}".format))
    headers = "Contact: <sip:peer@192.0.2.9>\r\nSession-Expires: 90\r\n"
    text = lab.request("INVITE", branch="bad", sdp=OFFER, headers=headers)
    assert old in text
    lab.deliver(text.replace(old, new))
    answer = one_answer(lab)
    assert answer.status == status
    why = lab.refusals[0].why
    assert answer.headers.get("Warning") == str(warning(f"E{status} {why}")[1])
    assert_nothing_kept(lab)


def test_a_session_interval_below_90_gets_422() -> None:
    lab = Lab()
    lab.invite("Session-Expires: 60\r\nSupported: timer\r\n")
    answer = one_answer(lab)
    assert (answer.status, answer.headers.get("Min-SE")) == (422, "90")
    assert_nothing_kept(lab)


def test_a_refused_request_gets_the_same_answer_each_time_it_comes() -> None:
    lab = Lab()
    for _ in range(2):
        lab.invite("Require: magic\r\n")
    first, second = (heard.message.to_bytes() for heard in lab.heard)
    assert first == second
    lab.deliver(lab.request("ACK", branch="inv", to_tag=lab.responses()[0].to.tag or ""))
    assert len(lab.heard) == 2
    assert_nothing_kept(lab)


def test_acks_and_responses_are_never_answered() -> None:
    lab = Lab()
    lab.deliver(lab.request("ACK", branch="a"))
    lab.deliver("ACK sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9\r\n\r\n")
    lab.deliver("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n\r\n")
    lab.deliver("SIP/2.0 999 Odd\r\n\r\n")
    lab.deliver(b"\xff\xfe garbage")
    assert lab.heard == []
    assert_nothing_kept(lab)


def test_a_reply_is_never_much_longer_than_the_request() -> None:
    lab = Lab()
    tiny = (
        "FOO sip:u SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\nt: <sip:c@d>\r\n"
        "i: 1\r\nCSeq: 1 FOO\r\n\r\n"
    )
    lab.deliver(tiny)
    assert len(one_answer(lab).to_bytes()) <= 2 * len(tiny)
    assert "Warning" not in one_answer(lab).headers


def test_merged_requests_get_482_while_the_first_is_in_progress() -> None:
    lab = Lab()
    lab.invite()
    lab.invite(branch="other-branch")
    assert lab.log() == ["0 100 INVITE", "0 482 INVITE"]
    assert len(lab.phone.sessions) == 1


def test_our_own_request_that_comes_back_gets_482() -> None:
    lab = Lab()
    lab.call("sip:loop@192.0.2.9")
    invite = lab.last_request()
    looped = invite.headers.copy()
    looped.prepend("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKproxy")
    invite.headers = looped
    lab.deliver(invite)
    assert lab.last_response().status == 482


def test_our_own_call_may_come_back_to_another_user() -> None:
    lab = Lab()
    lab.call("sip:loop@192.0.2.9")
    invite = lab.last_request()
    invite.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKproxy")
    invite.uri = "sip:us@192.0.2.1"
    lab.deliver(invite)
    assert lab.last_response().status == 100


def test_the_gate_refuses_strangers_without_keeping_anything() -> None:
    lab = Lab()
    lab.gate = lambda peer: Refusal(status=403, reason=f"{peer.host} is not allowed to call")
    lab.invite()
    assert one_answer(lab).status == 403
    assert lab.refusals[0].why == "192.0.2.9 is not allowed to call"
    assert_nothing_kept(lab)


def test_the_gate_may_stay_silent_and_is_still_reported() -> None:
    lab = Lab()
    lab.gate = lambda peer: Refusal(status=0, reason="scanner")
    lab.invite()
    lab.deliver(lab.request("OPTIONS", branch="o"))
    lab.deliver("INVITE broken\r\n\r\n")
    assert lab.heard == []
    assert [(r.status, r.why) for r in lab.refusals[:2]] == [(0, "scanner")] * 2
    assert_nothing_kept(lab)


def test_the_gate_is_not_asked_inside_a_dialog() -> None:
    lab = Lab()
    lab.answered_call()
    lab.gate = lambda peer: Refusal(status=403, reason="closed")
    lab.in_dialog("BYE", 2)
    assert one_answer(lab).status == 200


def test_draining_refuses_new_calls_only() -> None:
    lab = Lab()
    lab.answered_call()
    lab.agent.drain(30)
    lab.deliver(lab.request("INVITE", branch="new", call_id="other", sdp=OFFER))
    assert one_answer(lab).status == 503
    assert one_answer(lab).headers.get("Retry-After") == "30"
    lab.in_dialog("INFO", 2)
    assert lab.last_response().status == 200


def test_the_limit_of_sessions_is_a_503() -> None:
    lab = Lab(settings=EndpointSettings(max_sessions=1))
    lab.invite()
    lab.deliver(lab.request("INVITE", branch="new", call_id="other", sdp=OFFER))
    assert lab.last_response().status == 503
    assert lab.last_response().headers.get("Retry-After") == "5"


def test_the_limit_of_transactions_is_a_503() -> None:
    lab = Lab(settings=EndpointSettings(max_server_transactions=1))
    lab.invite()
    lab.deliver(lab.request("INVITE", branch="new", call_id="other", sdp=OFFER))
    assert lab.last_response().status == 503


def test_an_invite_that_the_owner_forgets_is_refused_in_the_end() -> None:
    lab = Lab()
    lab.invite()
    lab.run(301)
    assert lab.last_response().status == 480
    assert lab.events() == ["Ended timeout failure 480"]


def test_an_invite_that_expires_is_refused_with_487() -> None:
    lab = Lab()
    lab.invite("Expires: 20\r\n")
    lab.run(20)
    assert lab.last_response().status == 487
    assert lab.events() == ["Ended timeout failure 487"]


@pytest.mark.parametrize("expires", ["never", "99999999999", ""])
def test_an_expiry_that_cannot_be_read_sets_no_limit(expires: str) -> None:
    lab = Lab()
    lab.invite(f"Expires: {expires}\r\n")
    lab.run(60)
    assert lab.events() == []


def test_the_owner_may_redirect_with_a_contact() -> None:
    lab = Lab()
    lab.invite()
    lab.session.reject(302, headers=[("Contact", "<sip:elsewhere@h>")])
    assert lab.last_response().headers.get("Contact") == "<sip:elsewhere@h>"


def test_a_provisional_response_is_repeated_each_minute() -> None:
    lab = Lab(settings=EndpointSettings(timers=Timers()))
    lab.phone.on_invite = lambda session: session.provisional(183, sdp=ANSWER)
    lab.invite()
    lab.run(130)
    assert lab.log() == ["0 100 INVITE", "0 183 INVITE", "60 183 INVITE", "120 183 INVITE"]


def test_responses_go_back_where_the_request_came_from() -> None:
    lab = Lab()
    peer = PeerAddress(transport="udp", host="198.51.100.7", port=40_000)
    flow = Flow(id=1, local=US, peer=peer)
    text = lab.request("OPTIONS", branch="nat")
    lab.deliver(text, flow)
    lab.deliver(text.replace(";branch", ";rport;branch"), flow)
    lab.deliver(lab.request("OPTIONS", branch="direct"))
    where = [(h.destination.host, h.destination.port) for h in lab.heard]
    assert where == [("198.51.100.7", 40_000), ("198.51.100.7", 40_000), (PEER, 5060)]
    first, second, third = (r.via for r in lab.responses())
    assert (first.received, first.rport) == ("198.51.100.7", None)
    assert (second.received, second.rport) == ("198.51.100.7", 40_000)
    assert third.received is None


@pytest.mark.parametrize("broken", [("CSeq: 1", "CSeq: x"), ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia")])
def test_a_refusal_of_what_cannot_be_read_says_where_it_came_from(broken: tuple[str, str]) -> None:
    lab = Lab()
    peer = PeerAddress(transport="udp", host="198.51.100.7", port=40_000)
    text = lab.request("OPTIONS", branch="nat").replace(";branch", ";rport;branch")
    lab.deliver(text.replace(*broken), Flow(id=1, local=US, peer=peer))
    via = one_answer(lab).via
    assert (via.received, via.rport) == ("198.51.100.7", 40_000)


def test_every_message_is_traced_with_its_repetitions() -> None:
    lab = Lab()
    lab.invite()
    lab.invite()
    lab.deliver("nonsense\r\n\r\n")
    assert [(t.summary.split(" sip:")[0], t.retransmission) for t in lab.traces] == [
        ("INVITE", False),
        ("INVITE", True),
        ("unusable: not a SIP start line: 'nonsense'", False),
    ]


def test_a_peer_that_is_too_fast_is_told_when_to_come_again() -> None:
    lab = Lab()
    lab.gate = lambda peer: Refusal(status=503, reason="too many requests", retry_after_s=5)
    lab.invite()
    answer = lab.last_response()
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "5")
    assert "too many requests" in (answer.headers.get("Warning") or "")
    assert [report.why for report in lab.refusals] == ["too many requests"]
    assert lab.agent.layer.server_count == 0
