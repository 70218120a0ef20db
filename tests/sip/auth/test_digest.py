"""The digest against the examples of its RFCs, and the shape of the header."""

from __future__ import annotations

import hashlib

import pytest

from sip.auth import Challenge, Credentials, authorization
from sip.auth.challenge import parse_parameter
from sip.message import Headers
from sip.message.scan import split_outside_quotes

MUFASA_2617 = Credentials("Mufasa", "Circle Of Life")
MUFASA_7616 = Credentials("Mufasa", "Circle of Life")
RFC2617 = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
RFC7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def fields(value: str) -> dict[str, str]:
    scheme, _, rest = value.partition(" ")
    assert scheme == "Digest"
    return dict(parse_parameter(part) for part in split_outside_quotes(rest, ","))


def answer(
    text: str,
    credentials: Credentials = MUFASA_2617,
    *,
    method: str = "GET",
    cnonce: str = "0a4f113b",
    nc: int = 1,
    body: bytes = b"",
) -> dict[str, str]:
    challenge = Challenge.parse(text)
    return fields(
        authorization(challenge, credentials, method, "/dir/index.html", cnonce, nc, body)
    )


def test_the_example_of_rfc_2617() -> None:
    found = answer(RFC2617 + ', qop="auth,auth-int", opaque="5ccc069c403ebaf9f0171e9517f40e41"')
    assert found == {
        "username": "Mufasa",
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "response": "6629fae49393a05397450978507c4ef1",
        "opaque": "5ccc069c403ebaf9f0171e9517f40e41",
        "cnonce": "0a4f113b",
        "qop": "auth",
        "nc": "00000001",
    }


def test_the_original_form_without_qop() -> None:
    found = answer(RFC2617)
    assert found["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert not {"qop", "nc", "cnonce", "algorithm", "opaque"} & found.keys()


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    found = answer(f"{RFC7616}, algorithm={algorithm}", MUFASA_7616, cnonce=cnonce)
    assert found["response"] == response
    assert found["algorithm"] == algorithm


def test_sha_512_256_with_a_name_outside_ascii() -> None:
    # RFC 7616 3.9.2 as corrected by erratum 4897.
    challenge = Challenge.parse(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"'
    )
    credentials = Credentials("J\u00e4s\u00f8n Doe", "Secret, or not?")
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    value = authorization(challenge, credentials, "GET", "/doe.json", cnonce, 1)
    assert fields(value)["response"] == (
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )


def test_auth_int_covers_the_body_when_nothing_else_is_offered() -> None:
    text = RFC2617 + ', qop="auth-int"'
    found, other = answer(text, body=b"v=0"), answer(text, body=b"v=1")
    assert found["qop"] == "auth-int"
    assert found["response"] != other["response"]
    secret = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").hexdigest()
    action = hashlib.md5(
        f"GET:/dir/index.html:{hashlib.md5(b'v=0').hexdigest()}".encode()
    ).hexdigest()
    expected = f"{secret}:{found['nonce']}:00000001:0a4f113b:auth-int:{action}"
    assert found["response"] == hashlib.md5(expected.encode()).hexdigest()


def test_the_session_variant_binds_the_secret_to_both_nonces() -> None:
    found = answer(RFC2617 + ", qop=auth, algorithm=md5-sess")
    assert found["algorithm"] == "md5-sess"
    secret = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").hexdigest()
    secret = hashlib.md5(f"{secret}:{found['nonce']}:0a4f113b".encode()).hexdigest()
    action = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    expected = f"{secret}:{found['nonce']}:00000001:0a4f113b:auth:{action}"
    assert found["response"] == hashlib.md5(expected.encode()).hexdigest()


def test_the_session_variant_without_qop_still_says_its_cnonce() -> None:
    assert answer(RFC2617 + ", algorithm=MD5-sess")["cnonce"] == "0a4f113b"


def test_the_count_is_eight_hexadecimal_digits() -> None:
    assert answer(RFC2617 + ", qop=auth", nc=4095)["nc"] == "00000fff"


def test_quotes_and_backslashes_are_escaped_and_nothing_breaks_out() -> None:
    text = 'Digest realm="a \\"b\\", c", nonce="n\\\\", opaque="\\\x00"'
    value = authorization(Challenge.parse(text), Credentials('u"x', "p"), "INVITE", "sip:h", "c", 1)
    found = fields(value)
    assert (found["realm"], found["nonce"], found["opaque"]) == ('a "b", c', "n\\", "\x00")
    assert found["username"] == 'u"x'
    assert Headers([("Authorization", value)]).get("Authorization") == value


@pytest.mark.parametrize("text", ["Basic realm=x", RFC2617 + ", algorithm=X", RFC2617 + ", qop=x"])
def test_what_cannot_be_answered_is_not_answered(text: str) -> None:
    with pytest.raises(ValueError, match="choose_challenge"):
        authorization(Challenge.parse(text), MUFASA_2617, "GET", "/", "c", 1)


def test_the_password_is_in_no_repr() -> None:
    assert "Circle" not in repr(MUFASA_2617)
