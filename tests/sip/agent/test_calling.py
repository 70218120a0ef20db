"""Our calls against a peer played by the test: forks, challenges, redirects, routes."""

from __future__ import annotations

import pytest

from sip.address import Flow, PeerAddress
from sip.agent import EndpointSettings, TooManySessionsError
from sip.auth import Credentials
from sip.dialog import Answered, Ended, InviteSession, SessionEvent
from sip.message import Request

from .lab import PEER, US, Lab
from .link import ANSWER, OFFER

OTHER = b"v=0\r\no=other 2 2 IN IP4 192.0.2.9\r\n"
CHALLENGE = 'Digest realm="r", nonce="n1", qop="auth", algorithm='


def test_our_invite_says_who_we_are_and_what_we_can_do() -> None:
    lab = Lab()
    lab.call("sip:bob@192.0.2.9;x=y?Subject=no", headers=[("X-Note", "hello")])
    invite = lab.last_request()
    assert invite.uri == "sip:bob@192.0.2.9;x=y"
    assert invite.headers.get("To") == "<sip:bob@192.0.2.9;x=y>"
    assert invite.headers.get("X-Note") == "hello"
    assert str(invite.contact) == "<sip:callstage@192.0.2.1:5060>"
    assert invite.headers.get("Supported") == "100rel, norefersub, replaces, timer"
    assert "UPDATE" in (invite.headers.get("Allow") or "")
    assert invite.headers.get("User-Agent") == "callstage"
    assert invite.headers.get("Max-Forwards") == "70"
    assert invite.via.has_magic_branch
    assert invite.via.wants_rport


def test_an_offerless_invite_does_not_ask_for_reliable_provisionals() -> None:
    lab = Lab()
    lab.call(sdp=None)
    assert lab.last_request().headers.get("Supported") == "norefersub, replaces, timer"


def test_every_branch_of_a_fork_is_heard_and_the_first_answer_wins() -> None:
    lab = Lab()
    lab.call()
    invite = lab.last_request()
    lab.answer(180, tag="one", sdp=OTHER)
    lab.answer(183, tag="two")
    lab.answer(200, tag="two", sdp=ANSWER)
    lab.answer(200, tag="one", to=invite, sdp=OTHER)
    assert lab.events() == ["Provisional 180", "Provisional 183", "Answered 200"]
    assert lab.log() == ["0 INVITE", "0 ACK", "0 ACK", "0 BYE"]
    won, spare, bye = (r.to.tag for r in lab.requests()[1:])
    assert (won, spare, bye) == ("two", "one", "one")


def test_repeated_answers_are_acknowledged_again_with_the_same_ack() -> None:
    lab = Lab()
    lab.call()
    invite = lab.last_request()
    lab.answer(200, tag="one", sdp=ANSWER)
    lab.answer(200, tag="two", to=invite, sdp=ANSWER)
    lab.answer(200, tag="one", to=invite, sdp=ANSWER)
    lab.answer(200, tag="two", to=invite, sdp=ANSWER)
    acks = lab.requests("ACK")
    assert [ack.to.tag for ack in acks] == ["one", "two", "one", "two"]
    assert acks[0].to_bytes() == acks[2].to_bytes()
    assert [h.retransmission for h in lab.heard] == [False, False, False, False, True, True]


def test_a_flood_of_forked_answers_is_bounded() -> None:
    lab = Lab()
    lab.call()
    invite = lab.last_request()
    for number in range(100):
        lab.answer(180, tag=f"early{number}", to=invite)
        lab.answer(200, tag=f"late{number}", to=invite, sdp=ANSWER)
    assert len(lab.requests("ACK")) < 20
    assert len(lab.requests("BYE")) < 20


def test_the_answer_of_a_provisional_counts_when_the_200_repeats_none() -> None:
    lab = Lab()
    lab.call()
    lab.answer(183, sdp=ANSWER)
    lab.answer(200)
    answered = lab.phone.events[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == ANSWER


@pytest.mark.parametrize("status", [300, 301, 302, 305])
def test_redirects_are_not_followed_and_say_so(status: int) -> None:
    lab = Lab()
    lab.call()
    lab.answer(status)
    (ended,) = lab.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("remote", "failure", status)
    assert "redirects are not followed" in ended.reason
    assert lab.last_request().method == "ACK"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize(
    ("status", "asks", "answers"),
    [
        (401, "WWW-Authenticate", "Authorization"),
        (407, "Proxy-Authenticate", "Proxy-Authorization"),
    ],
)
def test_a_challenge_is_answered_once(status: int, asks: str, answers: str, algorithm: str) -> None:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    first = lab.last_request()
    challenge = f"{asks}: {CHALLENGE}{algorithm}\r\n"
    lab.answer(status, headers=challenge)
    second = lab.last_request()
    assert lab.log() == ["0 INVITE", "0 ACK", "0 INVITE"]
    assert second.cseq.number == first.cseq.number + 1
    assert (second.call_id, second.from_.tag) == (first.call_id, first.from_.tag)
    assert second.via.branch != first.via.branch
    assert algorithm in (second.headers.get(answers) or "")
    assert len(second.headers.lines("Contact")) == 1
    lab.answer(status, headers=challenge)
    assert lab.events() == [f"Ended remote failure {status}"]
    assert lab.log() == ["0 ACK"]


def test_the_strongest_challenge_is_taken() -> None:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    lines = "".join(
        f"WWW-Authenticate: {CHALLENGE}{name}\r\n" for name in ("MD5", "SHA-512-256", "SHA-256")
    )
    lab.answer(401, headers=lines)
    assert "SHA-512-256" in (lab.last_request().headers.get("Authorization") or "")


def test_a_stale_nonce_is_answered_again() -> None:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    lab.answer(401, headers=f"WWW-Authenticate: {CHALLENGE}MD5\r\n")
    stale = CHALLENGE.replace("n1", "n2") + "MD5, stale=true"
    lab.answer(401, headers=f"WWW-Authenticate: {stale}\r\n")
    assert 'nonce="n2"' in (lab.last_request().headers.get("Authorization") or "")
    lab.answer(200, sdp=ANSWER)
    assert lab.events() == ["Answered 200"]
    assert 'nonce="n2"' in (lab.last_request().headers.get("Authorization") or "")


def test_endless_stale_challenges_end() -> None:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    for number in range(20):
        if lab.events():
            break
        stale = CHALLENGE.replace("n1", f"n{number}") + "MD5, stale=true"
        lab.answer(401, to=lab.requests("INVITE")[-1], headers=f"WWW-Authenticate: {stale}\r\n")
    assert lab.events() == ["Ended remote failure 401"]
    assert len(lab.requests("INVITE")) <= 5


def test_a_challenge_without_credentials_is_a_failure() -> None:
    lab = Lab()
    lab.call()
    lab.answer(401, headers=f"WWW-Authenticate: {CHALLENGE}MD5\r\n")
    assert lab.events() == ["Ended remote failure 401"]


def test_a_challenged_bye_is_sent_again_with_credentials() -> None:
    lab = Lab()
    session = lab.call(credentials=Credentials("us", "secret"))
    lab.answer(200, sdp=ANSWER)
    session.hangup()
    lab.answer(407, headers=f"Proxy-Authenticate: {CHALLENGE}MD5\r\n")
    first, second = lab.requests("BYE")
    assert second.cseq.number == first.cseq.number + 1
    assert "Proxy-Authorization" in second.headers
    lab.answer(200, to=second)
    assert len(lab.agent.sessions) == 0


def test_hanging_up_while_challenged_sends_no_further_invite() -> None:
    lab = Lab()
    session = lab.call(credentials=Credentials("us", "secret"))
    lab.answer(100, tag="")
    session.hangup()
    lab.answer(401, to=lab.requests("INVITE")[0], headers=f"WWW-Authenticate: {CHALLENGE}MD5\r\n")
    assert lab.log() == ["0 INVITE", "0 CANCEL", "0 ACK"]
    assert len(lab.agent.sessions) == 0


def test_after_a_challenge_the_cancel_is_for_the_second_invite() -> None:
    lab = Lab()
    session = lab.call(credentials=Credentials("us", "secret"))
    lab.answer(100, tag="")
    lab.answer(401, headers=f"WWW-Authenticate: {CHALLENGE}MD5\r\n")
    session.hangup()
    assert lab.requests("CANCEL") == []
    second = lab.requests("INVITE")[1]
    lab.answer(180, to=second)
    (cancel,) = lab.requests("CANCEL")
    assert cancel.via.branch == second.via.branch
    assert cancel.cseq.number == second.cseq.number


def test_an_outbound_proxy_is_the_first_route_and_the_next_hop() -> None:
    lab = Lab()
    lab.call("sip:+49301234567@carrier.example", route="<sip:192.0.2.8:5080;lr>")
    invite = lab.last_request()
    assert invite.uri == "sip:+49301234567@carrier.example"
    assert invite.headers.get("Route") == "<sip:192.0.2.8:5080;lr>"
    where = lab.heard[0].destination
    assert (where.host, where.port) == ("192.0.2.8", 5080)
    lab.answer(486)
    assert lab.last_request().headers.get("Route") == "<sip:192.0.2.8:5080;lr>"


def test_the_record_route_of_the_answer_is_followed_backwards() -> None:
    lab = Lab()
    session = lab.call()
    routes = "Record-Route: <sip:192.0.2.7;lr>\r\nRecord-Route: <sip:192.0.2.8;lr>\r\n"
    lab.answer(200, sdp=ANSWER, headers=routes)
    ack = lab.last_request()
    assert ack.headers.values("Route") == ["<sip:192.0.2.8;lr>", "<sip:192.0.2.7;lr>"]
    assert ack.uri == "sip:peer@192.0.2.9"
    session.hangup()
    assert lab.heard[-1].destination.host == "192.0.2.8"


def test_requests_on_a_broken_connection_fail_with_503() -> None:
    lab = Lab(transport="tcp")
    lab.call(f"sip:bob@{PEER};transport=tcp")
    (key,) = lab.agent.layer._clients
    lab.agent.sent_on(key, 50)
    lab._carry_out(lab.agent.flow_closed(50, "reset by peer", 0))
    (ended,) = lab.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status, ended.reason) == ("transport", 503, "reset by peer")


def test_a_datagram_that_came_back_fails_its_request_only() -> None:
    lab = Lab()
    lab.call()
    lab.call()
    data = lab.requests()[0].to_bytes()
    lab._carry_out(lab.agent.returned(data[:200], "Connection refused", 0))
    assert lab.events() == ["Ended transport failure 503"]
    for junk in (b"", b"\xff" * 700, b"INVITE x", data[:20], b"SIP/2.0 200 OK\r\n\r\n"):
        lab._carry_out(lab.agent.returned(junk, "Connection refused", 0))
    assert lab.events() == ["Ended transport failure 503"]


def test_responses_with_two_vias_or_a_foreign_branch_are_dropped() -> None:
    lab = Lab()
    lab.call()
    invite = lab.last_request()
    doubled = Request(invite.method, invite.uri, invite.headers.copy())
    doubled.headers.add("Via", "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKbcast")
    lab.answer(200, to=doubled, sdp=ANSWER)
    foreign = Request(invite.method, invite.uri, invite.headers.copy())
    foreign.headers.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKforeign")
    lab.answer(200, to=foreign, sdp=ANSWER)
    assert lab.events() == []
    assert lab.agent.dropped["stray response"] == 2


def test_a_call_that_rings_for_ever_is_cancelled() -> None:
    lab = Lab()
    lab.call()
    lab.answer(180)
    lab.run(300)
    assert lab.log() == ["0 INVITE", "300 CANCEL"]
    assert lab.events() == ["Provisional 180", "Ended timeout failure 408"]


def test_the_limit_of_sessions_holds_for_our_calls_too() -> None:
    lab = Lab(settings=EndpointSettings(max_sessions=1))
    lab.call()
    with pytest.raises(TooManySessionsError, match="limit of 1 calls"):
        lab.call()


def test_a_reinvite_is_tried_again_after_491_four_times() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    for _ in range(5):
        lab.answer(491, to=lab.requests("INVITE")[-1])
        lab.run(lab.now + 5)
    assert len({invite.via.branch for invite in lab.requests("INVITE")}) == 5
    assert lab.events() == ["ReinviteFailed 491"]


def test_the_latest_wish_replaces_one_that_waits() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OFFER)
    session.reinvite(ANSWER)
    session.reinvite(OTHER)
    assert len(lab.requests("INVITE")) == 1
    lab.answer(200, sdp=ANSWER)
    bodies = [invite.body for invite in lab.requests("INVITE")]
    assert bodies == [OFFER, OTHER]


def test_a_reinvite_that_is_kept_waiting_is_cancelled_and_given_up() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    lab.answer(100)
    lab.run(60)
    assert lab.log() == ["0 INVITE", "60 CANCEL"]
    lab.run(92)
    assert lab.events() == ["Ended timeout failure 408"]
    assert lab.requests()[-1].method in ("CANCEL", "BYE")


@pytest.mark.parametrize("status", [481, 408])
def test_a_peer_that_lost_the_dialog_ends_the_session(status: int) -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    lab.answer(status)
    assert lab.events() == [f"Ended remote failure {status}"]
    assert lab.last_request().method == "BYE"


def test_an_info_answered_with_481_ends_the_session_and_with_500_does_not() -> None:
    lab = Lab()
    session = lab.established_call()
    session.info("text/plain", b"1")
    lab.answer(500)
    session.info("text/plain", b"2")
    lab.answer(481)
    assert lab.events() == ["Ended remote failure 481"]


def test_a_2xx_to_a_reinvite_is_acknowledged_as_often_as_it_comes() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    invite = lab.last_request()
    lab.answer(200, sdp=ANSWER)
    lab.answer(200, to=invite, sdp=ANSWER)
    assert lab.log() == ["0 INVITE", "0 ACK", "0 ACK"]
    assert lab.events() == ["ReinviteAnswered"]


def test_a_reinvite_moves_the_target_by_its_answer() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    lab.answer(200, sdp=ANSWER, contact=False, headers="Contact: <sip:new@192.0.2.10>\r\n")
    assert lab.last_request().uri == "sip:new@192.0.2.10"


def test_hanging_up_inside_a_reinvite_still_acknowledges_its_answer() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    invite = lab.last_request()
    session.hangup()
    lab.answer(200, to=invite, sdp=ANSWER)
    assert lab.log() == ["0 INVITE", "0 BYE", "0 ACK"]
    assert lab.events() == ["Ended local bye 200"]


def test_answering_an_early_callback_from_inside_an_event_works() -> None:
    lab = Lab()

    def react(session: InviteSession, event: SessionEvent) -> None:
        if isinstance(event, Answered):
            session.hangup()

    lab.phone.on_event = react
    lab.call()
    lab.answer(200, sdp=ANSWER)
    assert lab.log() == ["0 INVITE", "0 ACK", "0 BYE"]


def test_the_dialog_keeps_to_the_connection_it_came_by() -> None:
    lab = Lab(transport="tcp")
    lab.agent.flow_opened(lab.flow)
    lab.answered_call().hangup()
    where = lab.heard[-1].destination
    assert (where.transport, where.flow) == ("tcp", 50)
    assert lab.last_request().via.transport == "TCP"


def test_a_contact_behind_a_nat_is_reached_at_its_source() -> None:
    lab = Lab()
    peer = PeerAddress(transport="udp", host="198.51.100.7", port=40_000)
    flow = Flow(id=1, local=US, peer=peer)
    private = "Contact: <sip:peer@10.0.0.5:5062>\r\n"
    lab.deliver(lab.request("INVITE", branch="n", sdp=OFFER, headers=private), flow)
    lab.session.accept(ANSWER)
    lab.deliver(lab.request("ACK", branch="a", to_tag=lab.our_tag), flow)
    lab.session.hangup()
    where = lab.heard[-1].destination
    assert lab.last_request().uri == "sip:peer@10.0.0.5:5062"
    assert (where.host, where.port) == ("198.51.100.7", 40_000)


def test_a_reinvite_that_is_never_answered_is_forgotten_with_its_session() -> None:
    lab = Lab()
    session = lab.established_call()
    session.reinvite(OTHER)
    lab.answer(100)
    session.hangup()
    lab.answer(200, to=lab.requests("BYE")[0])
    lab.run(100)
    assert lab.agent.layer.client_count == 0


def test_a_peer_that_says_nothing_is_given_up_after_the_owners_patience() -> None:
    lab = Lab()
    lab.call(first_response_s=5)
    lab.run(4.9)
    assert lab.events() == []
    lab.run(5)
    [ended] = lab.phone.events
    assert isinstance(ended, Ended)
    assert (ended.by, ended.kind, ended.status) == ("timeout", "failure", 408)
    assert ended.reason == "no response within 5 s"
    lab.run(40)
    assert lab.log()[-1] == "31.5 INVITE"
    assert lab.agent.is_idle


def test_a_peer_that_speaks_after_the_owners_patience_is_cancelled() -> None:
    lab = Lab()
    lab.call(first_response_s=5)
    lab.run(6)
    invite = lab.last_request()
    lab.forget_what_was_heard()
    lab.answer(100, to=invite)
    assert lab.log() == ["6 CANCEL"]


def test_one_response_in_time_is_enough() -> None:
    lab = Lab()
    lab.call(first_response_s=5)
    lab.answer(100)
    lab.run(30)
    assert lab.events() == []
