"""Secrets: who may get them, how they are put in, and how they are taken out of answers."""

from __future__ import annotations

import base64
import random

import pytest

from runtime.decisions.secrets import (
    Mask,
    SecretBook,
    SecretRefused,
    Target,
    as_it_is,
    escape_of_body,
    in_json,
    in_url,
    make_secret,
    shown,
)

VALUE = 'p&"ss ä/0rd'
CRM = make_secret("crm", VALUE, ["crm.example.com", "10.0.0.5:8080", "[::1]:8443"])
OTHER = make_secret("crm-2", "other-value", ["other.example.com"])
BOOK = SecretBook([CRM, OTHER], "n0nce")
CRM_HERE = BOOK.placeholders["crm"]
HTTPS = Target("https", "crm.example.com", 443)


def test_a_placeholder_survives_urls_forms_json_and_headers() -> None:
    assert CRM_HERE == "cs-secret.n0nce.crm.end"
    assert in_url(CRM_HERE) == in_json(CRM_HERE) == CRM_HERE


def test_values_go_in_where_placeholders_stand() -> None:
    text = f"a {CRM_HERE} b {BOOK.placeholders['crm-2']}"
    with pytest.raises(SecretRefused, match=r"'crm-2' is not meant for crm\.example\.com"):
        BOOK.fill(text, HTTPS)
    assert BOOK.fill(f"a {CRM_HERE} b", HTTPS) == f"a {VALUE} b"
    assert BOOK.fill(CRM_HERE, HTTPS, in_url) == "p%26%22ss%20%C3%A4%2F0rd"


@pytest.mark.parametrize(
    "text",
    [
        "cs-secret.0ther.crm.end",  # another session's, or a caller's guess
        "cs-secret.n0nce.nothing.end",
        "cs-secret.n0nce.crm",
        "crm",
    ],
)
def test_what_only_looks_like_a_placeholder_stays_text(text: str) -> None:
    assert BOOK.fill(text, Target("https", "evil.example.com", 443)) == text


@pytest.mark.parametrize(
    "target",
    [
        HTTPS,
        Target("sip", "crm.example.com", 5060),
        Target("http", "10.0.0.5", 8080),
        Target("https", "10.0.0.5", 8080),
        Target("https", "::1", 8443),
    ],
)
def test_who_may_get_it(target: Target) -> None:
    assert BOOK.fill(CRM_HERE, target) == VALUE


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (Target("https", "evil.example.com", 443), "evil.example.com;"),
        (Target("https", "crm.example.com.evil.com", 443), "crm.example.com.evil.com;"),
        (Target("https", "example.com", 443), "example.com;"),
        (Target("https", "crm.example.com", 8443), "crm.example.com:8443;"),
        (Target("http", "crm.example.com", 80), "crm.example.com:80 over plain http;"),
        (Target("http", "crm.example.com", 443), "crm.example.com:443 over plain http;"),
        (Target("https", "10.0.0.5", 443), "10.0.0.5;"),
        (Target("sip", "crm.example.com", 5080), "crm.example.com:5080;"),
    ],
)
def test_who_may_not(target: Target, named: str) -> None:
    with pytest.raises(SecretRefused) as caught:
        BOOK.fill(CRM_HERE, target)
    assert f"the secret 'crm' is not meant for {named}" in str(caught.value)
    assert VALUE not in str(caught.value)


def test_basic_credentials_are_opened_and_closed_again() -> None:
    given = "Basic " + base64.b64encode(f"me:{CRM_HERE}".encode()).decode()
    assert BOOK.fill_header(given, HTTPS) == (
        "Basic " + base64.b64encode(f"me:{VALUE}".encode()).decode()
    )
    for odd in ("Basic", "Basic !!", "Basic /w==", "Basic bWU6eA==", "Bearer x"):
        assert BOOK.fill_header(odd, HTTPS) == odd
    with pytest.raises(SecretRefused):
        BOOK.fill_header(given, Target("https", "evil.example.com", 443))


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("application/json", 'p&\\"ss \\u00e4/0rd'),
        ("application/problem+json; charset=utf-8", 'p&\\"ss \\u00e4/0rd'),
        ("application/x-www-form-urlencoded", "p%26%22ss+%C3%A4%2F0rd"),
        ("text/plain", VALUE),
        ("", VALUE),
    ],
)
def test_a_body_stays_what_it_is(kind: str, written: str) -> None:
    body = b"\xff" + CRM_HERE.encode() + b"\x00"
    filled = BOOK.fill_bytes(body, HTTPS, escape_of_body(kind))
    assert filled == b"\xff" + written.encode() + b"\x00"


def test_credentials_of_a_call_go_to_plain_addresses_of_the_right_host_only() -> None:
    good = "sip:me@crm.example.com;transport=tcp"
    assert BOOK.credentials("me", CRM_HERE, (good, "")) == ("me", VALUE)
    assert BOOK.credentials("me", CRM_HERE, ("me@CRM.example.com", "sip:crm.example.com")) == (
        "me",
        VALUE,
    )
    assert BOOK.credentials("me", "plain", ("whatever", "")) == ("me", "plain")
    for address in (
        "sip:me@evil.example.com",
        "sip:me@crm.example.com:5080",
        "sip:evil.example.com;x=@crm.example.com",
        "sip:me:pw@crm.example.com",
        "sip:crm.example.com@evil.example.com",
        "sip:me@crm.example.com@evil.example.com",
        "sip:me@crm.example.com?Route=evil",
        "tel:+44",
    ):
        with pytest.raises(SecretRefused):
            BOOK.credentials("me", CRM_HERE, (address, ""))
    with pytest.raises(SecretRefused, match="evil"):
        BOOK.credentials("me", CRM_HERE, (good, "sip:evil.example.com"))


def test_for_people_a_placeholder_is_the_name_of_its_secret() -> None:
    assert shown(f"Bearer {CRM_HERE}!") == "Bearer (secret crm)!"


def test_every_spelling_of_a_value_is_masked() -> None:
    mask = Mask(BOOK.spellings())
    for escape in (as_it_is, in_url, in_json):
        assert mask.text(f"<{escape(VALUE)}>") == f"<{CRM_HERE}>"
    assert mask.text("p+%26") == "p+%26"


def test_a_mask_does_not_care_where_pieces_end() -> None:
    rng = random.Random(7)
    known = {b"secret-one": b"[1]", b"secret-one-and-more": b"[2]", b"aab": b"[3]"}
    for _ in range(500):
        parts = rng.choices([*known, b"secret-", b"a", b"aa", b"xyz", b"-and-more"], k=12)
        data = b"".join(parts)
        whole = Mask(known)
        expected = whole.feed(data) + whole.end()
        for value in (b"secret-one", b"aab"):
            assert value not in expected
        mask, at, got = Mask(known), 0, b""
        while at < len(data):
            size = rng.randint(0, 4)
            got += mask.feed(data[at : at + size])
            at += size
        assert got + mask.end() == expected


def test_a_mask_that_knows_nothing_holds_nothing_back() -> None:
    mask = Mask({})
    assert (mask.feed(b"abc"), mask.end(), mask.text("abc")) == (b"abc", b"", "abc")


@pytest.mark.parametrize(
    ("name", "value", "hosts", "why"),
    [
        ("a b", "long-enough", ["x"], "name"),
        ("", "long-enough", ["x"], "name"),
        ("a", "short", ["x"], "8 to 4096"),
        ("a", "x" * 5_000, ["x"], "8 to 4096"),
        ("a", "two\nlines-of-it", ["x"], "one line"),
        ("a", " long-enough", ["x"], "spaces"),
        ("a", "long-enough", [], "at least one host"),
        ("a", "long-enough", "x.example", "at least one host"),
        ("a", "long-enough", ["x/y"], "is not a host"),
        ("a", "long-enough", ["x:0"], "is not a host"),
        ("a", "long-enough", ["*.example.com"], "is not a host"),
    ],
)
def test_what_cannot_be_a_secret(name: str, value: str, hosts: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        make_secret(name, value, hosts)
    assert value not in str(caught.value)
