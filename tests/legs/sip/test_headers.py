"""Scripts set X-* and User-to-User, and see nothing else of a peer."""

from __future__ import annotations

import pytest

from runtime.legs.sip.headers import (
    MAX_SEEN,
    MAX_SEEN_CHARS,
    script_headers,
    seen_by_script,
)
from sip.message import Headers


def test_extension_headers_pass_and_platform_ones_stay_here() -> None:
    sorted_out = script_headers({"X-Order": "7", "User-to-User": "ab", "VI-CallTimeout": "20"})
    assert sorted_out.written == (("X-Order", "7"), ("User-to-User", "ab"))
    assert sorted_out.complaint == ""


@pytest.mark.parametrize("name", ["From", "Contact", "via", "Route", "Content-Length", "Reason"])
def test_headers_of_the_stack_are_refused_by_name(name: str) -> None:
    sorted_out = script_headers({name: "x", "X-A": "1"})
    assert sorted_out.refused == (name,)
    assert sorted_out.written == (("X-A", "1"),)
    assert f"may not set {name}" in sorted_out.complaint


def test_a_script_sees_extension_headers_with_their_names_as_sent() -> None:
    headers = Headers([("x-CoLour", "blue"), ("Via", "SIP/2.0/UDP h"), ("User-To-User", "00ff")])
    assert seen_by_script(headers) == {"x-CoLour": "blue", "User-To-User": "00ff"}


def test_repeated_headers_are_joined_under_the_first_spelling() -> None:
    headers = Headers([("X-A", "1"), ("x-a", "2")])
    assert seen_by_script(headers) == {"X-A": "1, 2"}


def test_the_reason_is_seen_on_an_end_only() -> None:
    headers = Headers([("Reason", "Q.850;cause=16")])
    assert seen_by_script(headers) == {}
    assert seen_by_script(headers, with_reason=True) == {"Reason": "Q.850;cause=16"}


def test_bytes_that_are_no_text_never_reach_a_script() -> None:
    headers = Headers([("X-Name", b"J\xfcrgen".decode("utf-8", "surrogateescape"))])
    assert seen_by_script(headers) == {"X-Name": "J\ufffdrgen"}


def test_a_flood_of_headers_is_cut() -> None:
    headers = Headers([(f"X-{n}", "v" * 10_000) for n in range(200)])
    seen = seen_by_script(headers)
    assert len(seen) == MAX_SEEN
    assert max(len(value) for value in seen.values()) == MAX_SEEN_CHARS


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("Q.850;cause=17", True),
        ('q.850 ; cause=17 ; text="user busy"', True),
        ('SIP;cause=200;text="Call completed elsewhere"', True),
        ("Q.850", False),
        ("Q.850;cause=many", False),
        ("Q.850;cause=17, SIP;cause=600", False),
        ('Q.850;cause=17;text="a"b"', False),
        ('Q.850;cause=17;text="a\r\nEvil: 1"', False),
        ("Preemption;cause=1", False),
    ],
)
def test_an_end_may_say_its_reason(value: str, taken: bool) -> None:
    sorted_out = script_headers({"Reason": value, "X-A": "1"}, ending=True)
    assert (("Reason", value) in sorted_out.written) is taken
    assert sorted_out.refused == (() if taken else ("Reason",))
