"""401 and 407 to every kind of request that we send in a call (RFC 3261 22, RFC 8760)."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import pytest

from sip.address import PeerAddress
from sip.auth import Credentials
from sip.dialog import InviteSession
from sip.message import NameAddr, Request, response_to

from .lab import Lab
from .link import ANSWER, OFFER

OTHER = b"v=0\r\no=other 1 2 IN IP4 192.0.2.1\r\n"
Send = Callable[[InviteSession], None]

SENT: dict[str, Send] = {
    "BYE": lambda session: session.hangup(),
    "INFO": lambda session: session.info("text/plain", b"x"),
    "INVITE": lambda session: session.reinvite(OTHER),
    "MESSAGE": lambda session: session.message("x"),
    "REFER": lambda session: session.refer(NameAddr.parse("<sip:bob@example.com>")),
}


def established(*, headers: str = "") -> Lab:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    lab.answer(200, sdp=ANSWER, headers=headers)
    lab.forget_what_was_heard()
    return lab


def challenge(lab: Lab, status: int, nonce: str, *, more: str = "") -> None:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    value = f'{name}: Digest realm="r", nonce="{nonce}", qop="auth,auth-int"{more}\r\n'
    lab.answer(status, headers=value, to=lab.requests()[-1], contact=False)


def answers(request: Request) -> str:
    return request.headers.get("Authorization") or request.headers.get("Proxy-Authorization") or ""


def count_of(request: Request) -> str:
    found = re.search(r"nc=([0-9a-f]{8})", answers(request))
    return found[1] if found else ""


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("method", SENT)
def test_a_challenged_request_is_sent_once_more_with_the_next_number(
    method: str, status: int
) -> None:
    lab = established()
    SENT[method](lab.session)
    challenge(lab, status, "n1")
    first, second = lab.requests(method)
    assert answers(first) == ""
    assert 'username="us"' in answers(second)
    assert f'uri="{second.uri}"' in answers(second)
    assert second.cseq.number == first.cseq.number + 1
    assert second.via.branch != first.via.branch
    assert second.body == first.body
    challenge(lab, status, "n2")
    assert len(lab.requests(method)) == 2


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_every_algorithm_in_a_dialog(algorithm: str) -> None:
    lab = established()
    lab.session.info("text/plain", b"x")
    challenge(lab, 407, "n1", more=f", algorithm={algorithm}")
    assert f"algorithm={algorithm}" in answers(lab.last_request())
    digits = re.search(r'response="([0-9a-f]+)"', answers(lab.last_request()))
    assert digits is not None
    assert len(digits[1]) == (32 if algorithm == "MD5" else 64)


def test_the_count_of_a_nonce_goes_on_through_the_requests_of_a_call() -> None:
    lab = established()
    lab.session.info("text/plain", b"x")
    challenge(lab, 401, "n1")
    lab.session.message("x")
    lab.session.hangup()
    assert [count_of(r) for r in lab.requests()] == ["", "00000001", "00000002", "00000003"]
    assert all('nonce="n1"' in answers(r) for r in lab.requests()[1:])


def test_a_stale_nonce_is_replaced_in_a_dialog() -> None:
    lab = established()
    lab.session.info("text/plain", b"x")
    challenge(lab, 401, "n1")
    challenge(lab, 401, "n2", more=", stale=true")
    assert [count_of(r) for r in lab.requests()] == ["", "00000001", "00000001"]
    assert 'nonce="n2"' in answers(lab.last_request())


def test_a_challenged_refresh_by_update_is_sent_once_more() -> None:
    lab = established(headers="Session-Expires: 100;refresher=uac\r\nAllow: UPDATE, INVITE\r\n")
    lab.run(50)
    assert lab.last_request().method == "UPDATE"
    challenge(lab, 401, "n1")
    assert [r.method for r in lab.requests()] == ["UPDATE", "UPDATE"]
    assert count_of(lab.last_request()) == "00000001"


def test_a_challenged_prack_is_sent_once_more_and_the_call_goes_on() -> None:
    lab = Lab()
    lab.call(credentials=Credentials("us", "secret"))
    invite = lab.last_request()
    lab.answer(183, sdp=ANSWER, headers="Require: 100rel\r\nRSeq: 7\r\n")
    challenge(lab, 407, "n1")
    pracks = lab.requests("PRACK")
    assert [r.headers.get("RAck") for r in pracks] == [f"7 {invite.cseq.number} INVITE"] * 2
    assert [count_of(r) for r in pracks] == ["", "00000001"]
    lab.answer(200, to=invite, sdp=ANSWER)
    assert lab.events()[-1] == "Answered 200"


def test_a_notify_of_a_transfer_is_sent_once_more() -> None:
    lab = established()
    tag = lab.our_tag
    lab.deliver(
        lab.request(
            "REFER",
            branch="r",
            to_tag=tag,
            call_id=lab.session.call_id,
            from_tag="theirs",
            headers="Contact: <sip:peer@192.0.2.9>\r\nRefer-To: <sip:bob@example.com>\r\n",
        )
    )
    lab.session.accept_transfer()
    challenge(lab, 401, "n1")
    assert [count_of(r) for r in lab.requests("NOTIFY")] == ["", "00000001"]


def test_without_credentials_a_challenge_is_the_outcome() -> None:
    lab = Lab()
    lab.answered_call().message("x")
    challenge(lab, 401, "n1")
    assert len(lab.requests("MESSAGE")) == 1
    assert lab.events() == ["MessageRefused 401"]


def test_the_ack_carries_the_credentials_of_its_invite() -> None:
    lab = Lab()
    lab.call(sdp=OFFER, credentials=Credentials("us", "secret"))
    challenge(lab, 407, "n1")
    lab.answer(200, sdp=ANSWER, to=lab.requests("INVITE")[-1])
    ack = lab.requests("ACK")[-1]
    assert answers(ack) == answers(lab.requests("INVITE")[-1])


@pytest.mark.parametrize("method", SENT)
def test_a_request_in_a_call_of_the_peers_is_answered_for_with_its_trunks_credentials(
    method: str,
) -> None:
    lab = Lab()
    lab.invite()
    lab.session.use_credentials(Credentials("us", "secret"))
    lab.session.accept(ANSWER)
    lab.in_dialog("ACK", 1)
    lab.forget_what_was_heard()
    SENT[method](lab.session)
    challenge(lab, 407, "n1")
    assert [bool(answers(request)) for request in lab.requests(method)] == [False, True]


def test_a_challenge_from_elsewhere_than_the_invite_is_not_answered() -> None:
    lab = Lab()
    lab.invite()
    lab.session.use_credentials(Credentials("us", "secret"))
    lab.session.accept(ANSWER)
    lab.in_dialog("ACK", 1)
    lab.forget_what_was_heard()
    lab.session.message("x")
    elsewhere = PeerAddress(transport="udp", host="203.0.113.66", port=5060)
    value = 'Digest realm="r", nonce="n1", qop="auth"'
    asked = response_to(lab.last_request(), 401, to_tag="peer")
    asked.headers.add("WWW-Authenticate", value)
    lab.deliver(asked, attrs.evolve(lab.flow, peer=elsewhere))
    assert len(lab.requests("MESSAGE")) == 1
    assert lab.events() == ["MessageRefused 401"]
