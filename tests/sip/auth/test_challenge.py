"""Challenges as servers write them, and the choice among them."""

from __future__ import annotations

import pytest

from sip.auth import Challenge, choose_challenge, parse_challenges
from sip.message import MessageError


def digest(*fields: str) -> str:
    return ", ".join(['Digest realm="r"', 'nonce="n"', *fields])


def test_every_field() -> None:
    text = digest('qop=" auth , auth-int"', "algorithm=SHA-256", 'opaque="o"', "stale=TRUE")
    assert Challenge.parse(text) == Challenge(
        realm="r",
        nonce="n",
        algorithm="SHA-256",
        qop=("auth", "auth-int"),
        opaque="o",
        stale=True,
    )


@pytest.mark.parametrize(
    "text",
    [
        'digest nonce="n",realm="r"',
        'DIGEST  realm = "r" ,\tnonce = "n"',
        'Digest realm="r", nonce="n", domain="sip:a sip:b", charset=UTF-8, new, '.replace(
            "new, ", ""
        ),
        'Digest\trealm="r", nonce=n, realm="second"',
    ],
)
def test_spellings_of_one_challenge(text: str) -> None:
    challenge = Challenge.parse(text)
    assert (challenge.realm, challenge.nonce) == ("r", "n")
    assert challenge.can_be_answered
    assert (challenge.algorithm, challenge.qop, challenge.stale) == (None, (), False)


def test_several_challenges_on_one_line_or_on_many() -> None:
    lines = [
        digest("algorithm=MD5") + ", " + digest("algorithm=SHA-256", 'qop="auth,auth-int"'),
        'Basic realm="b"',
        "Negotiate",
        digest("algorithm=SHA-512-256"),
    ]
    challenges = parse_challenges(lines)
    assert [(c.scheme, c.algorithm) for c in challenges] == [
        ("Digest", "MD5"),
        ("Digest", "SHA-256"),
        ("Basic", None),
        ("Negotiate", None),
        ("Digest", "SHA-512-256"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "realm=x",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r, nonce="n"',
        'Digest realm="r"x, nonce="n"',
        'Digest realm="r", ;=1, nonce="n"',
        "<>",
    ],
)
def test_what_is_no_challenge_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        Challenge.parse(text)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["MD5"], "MD5"),
        (["MD5", "SHA-256"], "SHA-256"),
        (["SHA-512-256", "SHA-256", "MD5"], "SHA-512-256"),
        (["MD5", "X-NEW", "sha-256-SESS"], "sha-256-SESS"),
        (["X-NEW"], None),
        ([], None),
    ],
)
def test_the_strongest_algorithm_wins(offered: list[str], chosen: str | None) -> None:
    found = choose_challenge(Challenge.parse(digest(f"algorithm={name}")) for name in offered)
    assert (found and found.algorithm) == chosen


def test_a_challenge_without_algorithm_is_md5() -> None:
    assert Challenge.parse(digest()).hash_name == "MD5"


def test_other_schemes_and_unknown_protection_are_not_chosen() -> None:
    lines = ['Basic realm="r"', digest('qop="auth-conf"')]
    assert choose_challenge(parse_challenges(lines)) is None
