"""What a script may put into an HTTP request."""

from __future__ import annotations

import pytest

from runtime.decisions.http import MAX_VALUE, NOT_THE_SCRIPTS, is_harmless, why_not


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Tab", "a\tb"),
        ("X-Empty", ""),
        ("X-Umlaut", "größe"),
        ("Accept-Encoding", "gzip"),
        ("Cookie", "a=b"),
    ],
)
def test_ordinary_headers_are_allowed(name: str, value: str) -> None:
    assert why_not(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("X A", "b", "cannot be a header's name"),
        ("X:A", "b", "cannot be a header's name"),
        ("X-Ä", "b", "cannot be a header's name"),
        ("", "b", "cannot be a header's name"),
        ("X\r\nY", "b", "cannot be a header's name"),
        ("X" * 257, "b", "cannot be a header's name"),
        ("X-A", "a\r\nHost: evil", "must not hold CR, LF, NUL"),
        ("X-A", "a\n b", "must not hold CR, LF, NUL"),
        ("X-A", "a\0", "must not hold CR, LF, NUL"),
        ("X-A", "a\x7f", "must not hold CR, LF, NUL"),
        ("X-A", " a", "begins or ends with a space"),
        ("X-A", "ä" * (MAX_VALUE // 2 + 1), "holds more than 8192 bytes"),
        ("Host", "evil.example", "it follows from the URL"),
        ("Transfer-Encoding", "chunked", "the runtime frames what is sent"),
        ("content-length", "5", "it follows from postData"),
    ],
)
def test_what_could_say_something_else_is_refused(name: str, value: str, why: str) -> None:
    assert why in (why_not(name, value) or "")


def test_every_header_that_is_not_the_scripts_says_why() -> None:
    for name, reason in NOT_THE_SCRIPTS.items():
        assert reason in (why_not(name.title(), "x") or "")


@pytest.mark.parametrize(
    ("name", "value", "harmless"),
    [
        ("Host", "API.example.com:8443", True),
        ("host", "other.example.com", False),
        ("Content-Length", "12", True),
        ("Content-Length", "13", False),
        ("Connection", "Keep-Alive", True),
        ("Connection", "Upgrade", False),
        ("Upgrade", "websocket", False),
    ],
)
def test_what_is_said_anyway_is_harmless(name: str, value: str, harmless: bool) -> None:
    assert is_harmless(name, value, host="api.example.com:8443", size=12) is harmless
