"""The client over the life of a dialog: one answer per challenge, counts, stale nonces."""

from __future__ import annotations

import pytest

from sip.auth import Credentials, DigestClient
from sip.auth.client import MAX_REALMS, MAX_TRIES
from sip.message import Headers, Request, Response


def challenge(
    *texts: str, nonce: str = "n1", realm: str = "r", status: int = 401, more: str = ""
) -> Response:
    lines = texts or (f'Digest realm="{realm}", nonce="{nonce}", qop="auth"{more}',)
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "Unauthorized", Headers([(name, line) for line in lines]))


def invite() -> Request:
    return Request("INVITE", "sip:b@h", Headers())


@pytest.fixture
def client() -> DigestClient:
    return DigestClient(Credentials("u", "p"))


def retry(client: DigestClient, request: Request, response: Response) -> bool:
    """What a user agent does with a 401 or 407; False when it gives up."""
    if not client.challenged(request, response):
        return False
    client.authorize(request, "c")
    return True


def test_a_request_is_tried_again_once_and_a_wrong_password_ends_it(client: DigestClient) -> None:
    request = invite()
    assert retry(client, request, challenge())
    [value] = request.headers.lines("Authorization")
    assert 'username="u"' in value
    assert "nc=00000001" in value
    assert not retry(client, request, challenge(nonce="n2"))


def test_a_proxy_is_answered_in_its_own_header(client: DigestClient) -> None:
    request = invite()
    assert retry(client, request, challenge(status=407))
    assert "Proxy-Authorization" in request.headers
    assert "Authorization" not in request.headers


def test_a_proxy_and_the_server_behind_it_are_both_answered(client: DigestClient) -> None:
    request = invite()
    assert retry(client, request, challenge(status=407, realm="proxy"))
    assert retry(client, request, challenge(status=401, realm="server"))
    assert len(request.headers.lines("Proxy-Authorization")) == 1
    assert len(request.headers.lines("Authorization")) == 1
    assert not retry(client, request, challenge(status=401, realm="server", nonce="n2"))


def test_a_proxy_and_a_server_cannot_play_ball_with_us(client: DigestClient) -> None:
    request, tries = invite(), 0
    while retry(client, request, challenge(status=(401, 407)[tries % 2], nonce=f"n{tries}")):
        tries += 1
    assert tries == MAX_TRIES


def test_two_proxies_are_answered_together(client: DigestClient) -> None:
    request = invite()
    texts = [f'Digest realm="{realm}", nonce="n"' for realm in ("one", "two")]
    assert retry(client, request, challenge(*texts, status=407))
    assert len(request.headers.lines("Proxy-Authorization")) == 2


def test_the_strongest_of_several_challenges_is_answered(client: DigestClient) -> None:
    request = invite()
    texts = [f'Digest realm="r", nonce="n", algorithm={name}' for name in ("MD5", "SHA-256")]
    assert retry(client, request, challenge(*texts))
    [value] = request.headers.lines("Authorization")
    assert "algorithm=SHA-256" in value


def test_the_next_request_is_authorized_without_being_asked(client: DigestClient) -> None:
    retry(client, invite(), challenge())
    bye = Request("BYE", "sip:b@h")
    client.authorize(bye, "c2")
    assert "nc=00000002" in (bye.headers.get("Authorization") or "")


def test_a_nonce_of_an_earlier_request_may_have_run_out(client: DigestClient) -> None:
    retry(client, invite(), challenge())
    bye = Request("BYE", "sip:b@h")
    client.authorize(bye, "c2")
    assert retry(client, bye, challenge(nonce="n2"))
    value = bye.headers.get("Authorization") or ""
    assert 'nonce="n2"' in value
    assert "nc=00000001" in value
    assert not retry(client, bye, challenge(nonce="n3"))


def test_a_stale_nonce_is_replaced_but_not_for_ever(client: DigestClient) -> None:
    request = invite()
    assert retry(client, request, challenge())
    for number in range(MAX_TRIES - 1):
        assert retry(client, request, challenge(nonce=f"s{number}", more=", stale=true"))
    assert not retry(client, request, challenge(nonce="more", more=", stale=true"))


def test_the_same_nonce_again_means_refused_even_if_called_stale(client: DigestClient) -> None:
    request = invite()
    assert retry(client, request, challenge())
    assert not retry(client, request, challenge(more=", stale=true"))


def test_a_server_cannot_lead_us_through_realm_after_realm(client: DigestClient) -> None:
    request = invite()
    tries = 0
    while retry(client, request, challenge(realm=f"r{tries}")):
        tries += 1
    assert tries == MAX_TRIES


def test_only_so_many_realms_are_remembered(client: DigestClient) -> None:
    request = invite()
    texts = [f'Digest realm="r{number}", nonce="n"' for number in range(MAX_REALMS + 5)]
    assert retry(client, request, challenge(*texts))
    assert len(request.headers.lines("Authorization")) == MAX_REALMS


def test_the_tries_of_one_request_do_not_count_for_the_next(client: DigestClient) -> None:
    for number in range(3 * MAX_TRIES):
        assert retry(client, invite(), challenge(nonce=f"n{number}"))
    for number in range(3 * MAX_TRIES):
        bye = Request("BYE", "sip:b@h")
        client.authorize(bye, "c")
        assert retry(client, bye, challenge(nonce=f"m{number}"))


@pytest.mark.parametrize(
    "text", ["", "Basic realm=x", "Digest realm=x", 'Digest realm="r", nonce="n", algorithm=X']
)
def test_challenges_that_cannot_be_answered_end_it(client: DigestClient, text: str) -> None:
    assert not retry(client, invite(), challenge(text))


def test_a_foreign_authorization_in_the_request_is_replaced(client: DigestClient) -> None:
    for foreign in ("nonsense", "Digest nc=zz, realm=r", 'Digest "'):
        request = invite()
        request.headers.add("Authorization", foreign)
        assert DigestClient(Credentials("u", "p")).challenged(request, challenge())
    assert retry(client, request, challenge())
    assert foreign not in request.headers.lines("Authorization")
