"""Digest as a server, with our own client at the other end: what proves a user and what not."""

from __future__ import annotations

import hashlib

import pytest

from sip.auth import (
    Credentials,
    DigestAnswer,
    DigestServer,
    Proof,
    answer_in,
    authorization,
    parse_challenges,
    secret_of,
)
from sip.auth.nonces import MAX_USED, WINDOW, Nonces, NonceState
from sip.message import Headers, MessageError, Request

REALM = "callstage"
HERE = "192.0.2.9"
SECRETS = {name: secret_of(name, "bob", REALM, "secret") for name in ("MD5", "SHA-256")}


@pytest.fixture
def server() -> DigestServer:
    return DigestServer(REALM, b"key", lifetime_s=60)


def challenge_lines(server: DigestServer, now: float = 0.0, source: str = HERE) -> list[str]:
    return [value for _, value in server.challenges(source, "salt", now)]


def answered(
    line: str,
    *,
    nc: int = 1,
    password: str = "secret",
    method: str = "REGISTER",
    uri: str = "sip:callstage",
    body: bytes = b"",
    sent_to: str | None = None,
) -> Request:
    """A request with the answer to one challenge line."""
    [challenge] = parse_challenges([line])
    value = authorization(challenge, Credentials("bob", password), method, uri, "c", nc, body)
    return Request(method, sent_to or uri, Headers([("Authorization", value)]), body)


def checked(server: DigestServer, request: Request, now: float = 0.0, source: str = HERE) -> Proof:
    answer = answer_in(request, REALM)
    assert answer is not None
    return server.check(request, answer, SECRETS, source, now)


def test_md5_is_offered_first_because_old_phones_look_no_further(server: DigestServer) -> None:
    first, second = parse_challenges(challenge_lines(server))
    assert (first.algorithm, second.algorithm) == ("MD5", "SHA-256")
    assert first.nonce == second.nonce
    assert first.qop == ("auth",)
    assert not first.stale


def test_a_phone_that_gives_up_on_anything_else_is_offered_md5_alone() -> None:
    old = "baresip v1.0.0 (x86_64/linux)"
    for offered, expected in ((("MD5", "SHA-256"), ["MD5"]), (("SHA-256",), ["SHA-256"])):
        server = DigestServer(REALM, b"key", algorithms=offered)
        lines = [value for _, value in server.challenges(HERE, "salt", 0.0, user_agent=old)]
        assert [one.algorithm for one in parse_challenges(lines)] == expected


@pytest.mark.parametrize("which", [0, 1])
def test_a_right_answer_to_either_proves_the_user(server: DigestServer, which: int) -> None:
    assert checked(server, answered(challenge_lines(server)[which])) is Proof.RIGHT


@pytest.mark.parametrize(
    "offered", ['qop="auth,auth-int"', 'qop="auth-int"', ""], ids=["list", "auth-int", "no qop"]
)
def test_every_protection_that_a_client_may_choose_is_understood(
    server: DigestServer, offered: str
) -> None:
    line = challenge_lines(server)[0].replace('qop="auth"', offered).rstrip(", ")
    assert checked(server, answered(line, body=b"v=0")) is Proof.RIGHT


def test_auth_int_protects_the_body(server: DigestServer) -> None:
    line = challenge_lines(server)[0].replace('qop="auth"', 'qop="auth-int"')
    request = answered(line, body=b"v=0")
    request.body = b"v=1"
    assert checked(server, request) is Proof.WRONG


def test_a_wrong_password_and_an_unknown_user_are_the_same(server: DigestServer) -> None:
    request = answered(challenge_lines(server)[1], password="guess")
    assert checked(server, request) is Proof.WRONG
    answer = answer_in(request, REALM)
    assert answer is not None
    assert server.check(request, answer, None, HERE, 0.0) is Proof.WRONG


def test_the_secret_of_nobody_opens_nothing(server: DigestServer) -> None:
    """Somebody who knows our stand-in for users that do not exist gains nothing by it."""
    line = challenge_lines(server)[0]
    [challenge] = parse_challenges([line])
    action = hashlib.md5(b"REGISTER:sip:callstage").hexdigest()
    text = f"{'0' * 64}:{challenge.nonce}:00000001:c:auth:{action}"
    response = hashlib.md5(text.encode()).hexdigest()
    value = (
        f'Digest username="nobody", realm="{REALM}", nonce="{challenge.nonce}",'
        f' uri="sip:callstage", response="{response}", cnonce="c", qop=auth, nc=00000001'
    )
    request = Request("REGISTER", "sip:callstage", Headers([("Authorization", value)]))
    answer = DigestAnswer.parse(value)
    assert server.check(request, answer, None, HERE, 0.0) is Proof.WRONG


def test_the_same_answer_does_not_work_twice(server: DigestServer) -> None:
    request = answered(challenge_lines(server)[1])
    assert checked(server, request) is Proof.RIGHT
    assert checked(server, request) is Proof.STALE


def test_a_nonce_serves_several_requests_by_its_count_in_any_order(server: DigestServer) -> None:
    line = challenge_lines(server)[1]
    proofs = [checked(server, answered(line, nc=nc)) for nc in (1, 3, 2, 2, 3)]
    assert proofs == [Proof.RIGHT] * 3 + [Proof.STALE] * 2


def test_a_nonce_without_qop_works_once(server: DigestServer) -> None:
    line = challenge_lines(server)[0].replace(', qop="auth"', "")
    assert checked(server, answered(line)) is Proof.RIGHT
    assert checked(server, answered(line, uri="sip:other")) is Proof.STALE


def test_a_right_answer_to_an_old_nonce_is_stale(server: DigestServer) -> None:
    line = challenge_lines(server)[1]
    assert checked(server, answered(line), now=60.0) is Proof.RIGHT
    assert checked(server, answered(line, nc=2), now=60.1) is Proof.STALE


def test_a_nonce_works_only_from_the_address_it_was_given_to(server: DigestServer) -> None:
    request = answered(challenge_lines(server)[1])
    assert checked(server, request, source="198.51.100.1") is Proof.STALE


def test_an_invented_nonce_is_stale_at_best(server: DigestServer) -> None:
    line = 'Digest realm="callstage", nonce="0.salt.00", algorithm=MD5, qop="auth"'
    assert checked(server, answered(line)) is Proof.STALE


def test_the_answer_to_another_request_proves_nothing(server: DigestServer) -> None:
    moved = answered(challenge_lines(server)[1])
    moved.method = "INVITE"
    assert checked(server, moved) is Proof.WRONG


@pytest.mark.parametrize(
    ("uri", "sent_to"),
    [
        ("sip:b@HOST", "sip:b@host"),
        ("sip:192.0.2.1:5060", "sip:service@192.0.2.1:5060"),
        ("sip:service@pbx.example.com", "sip:service@192.0.2.1:5070;transport=tcp"),
    ],
)
def test_an_answer_may_name_the_uri_as_its_phone_knew_it(
    server: DigestServer, uri: str, sent_to: str
) -> None:
    """SIPp names the host alone, and proxies rewrite the Request-URI on the way."""
    line = challenge_lines(server)[1]
    assert checked(server, answered(line, uri=uri, sent_to=sent_to)) is Proof.RIGHT
    assert checked(server, answered(line, uri=uri, sent_to=sent_to)) is Proof.STALE


def test_a_stale_challenge_says_so(server: DigestServer) -> None:
    lines = [value for _, value in server.challenges(HERE, "salt", 0.0, stale=True)]
    assert all(challenge.stale for challenge in parse_challenges(lines))


@pytest.mark.parametrize(
    "line",
    [
        "Basic dTpw",
        "Digest",
        'Digest username="b", realm="callstage", nonce="n", uri="sip:h"',
        'Digest realm="callstage", nonce="n", uri="sip:h", response="r"',
        'Digest username="b", realm="callstage", nonce="n", uri="sip:h", response="r", qop=auth',
        'Digest username="b", realm="callstage", nonce="n", uri="sip:h", response="r", qop=auth,'
        ' cnonce="c", nc=123456789',
        'Digest username="b", realm="callstage", nonce="n", uri="u", response="r", qop=x',
        'Digest username*=latin\'\'b, realm="callstage", nonce="n", uri="u", response="r"',
    ],
)
def test_what_is_no_answer_is_a_remote_fault(line: str) -> None:
    with pytest.raises(MessageError):
        DigestAnswer.parse(line)


def test_answers_to_other_realms_are_not_ours() -> None:
    headers = Headers(
        [("Proxy-Authorization", 'Digest realm="x", nonsense'), ("Authorization", "")]
    )
    assert answer_in(Request("INVITE", "sip:a@b", headers), REALM) is None


def test_a_name_beyond_ascii_is_read() -> None:
    line = 'Digest username*=UTF-8\'\'J%C3%A4, realm="r", nonce="n", uri="u", response="r"'
    assert DigestAnswer.parse(line).username == "Jä"


def test_the_table_of_used_nonces_is_bounded_and_what_it_forgets_is_old() -> None:
    nonces = Nonces(b"key", lifetime_s=1000)
    made = [nonces.issue(HERE, f"s{n}", n / 1000) for n in range(MAX_USED + 10)]
    for nonce in made:
        assert nonces.spend(nonce, 1, HERE, 20.0)
    assert len(nonces) == MAX_USED
    assert nonces.state(made[0], HERE, 20.0) is NonceState.OLD
    assert not nonces.spend(made[0], 2, HERE, 20.0)
    assert nonces.state(made[-1], HERE, 20.0) is NonceState.GOOD


def test_counts_far_apart_cost_nothing_and_old_ones_are_gone() -> None:
    nonces = Nonces(b"key")
    nonce = nonces.issue(HERE, "s", 0.0)
    assert nonces.spend(nonce, 1, HERE, 0.0)
    assert nonces.spend(nonce, 0xFFFFFFFF, HERE, 0.0)
    assert not nonces.spend(nonce, 0xFFFFFFFF - WINDOW, HERE, 0.0)
    assert nonces.spend(nonce, 0xFFFFFFFF - WINDOW + 1, HERE, 0.0)
