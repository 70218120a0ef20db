"""What is hidden in a timeline, and how it is capped."""

from __future__ import annotations

import json
from functools import partial

import pytest

from runtime.decisions import timeline
from runtime.decisions.timeline import (
    HIDDEN,
    Cap,
    Entry,
    mask_command,
    mask_digits,
    mask_event,
    mask_sip,
    shown_url,
)
from tests.steps import Steps

MOST_STEPS = 15
"""For each character: every expression looks at it, from few places."""

SIP = (
    "INVITE sip:alice:pa55@example.com SIP/2.0\r\n"
    'Authorization: Digest username="bob",\r\n'
    ' response="s3cret"\r\n'
    "proxy-authorization : Digest s3cret\r\n"
    "X-Order: 7\r\n"
    "\r\n"
)


def test_credentials_never_show_up_folded_or_not() -> None:
    shown = mask_sip(SIP)
    assert "s3cret" not in shown
    assert "pa55" not in shown
    assert "X-Order: 7" in shown
    assert "Authorization: Digest (hidden)" in shown


def test_digits_in_info_messages_are_hidden_on_request() -> None:
    relay = "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\n"
    plain = "INFO sip:x SIP/2.0\r\nc: application/dtmf\r\n\r\n5"
    assert "Signal=5" in mask_sip(relay)
    assert "5" not in mask_digits(relay).partition("\r\n\r\n")[2]
    assert "5" not in mask_digits(plain).partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:a:b@c", "sip:a:(hidden)@c"),
        ("<SIPS:a:b:c@d>;tag=x:y", "<SIPS:a:(hidden)@d>;tag=x:y"),
        ("sip::b@c sip:d@e sip:f:g@h", "sip::(hidden)@c sip:d@e sip:f:(hidden)@h"),
        ('uri="sip:a:b@c",x', 'uri="sip:a:(hidden)@c",x'),
        ("a@sip:b:c@d", "a@sip:b:(hidden)@d"),
        ("sip:a:" + "p" * 2_000 + "@c", "sip:a:(hidden)@c"),
        ("sip:a:sip:b:c@d", "sip:a:(hidden)@d"),
        ("sip:a:5060;x=y sip:host:5060", "sip:a:5060;x=y sip:host:5060"),
    ],
)
def test_a_password_in_an_address_is_hidden_wherever_it_stands(text: str, shown: str) -> None:
    assert mask_sip(text) == shown


@pytest.mark.parametrize(
    "piece", ["sip::", "sip:a:", "x@", "a", "sip:", "sip:a:b@", "a=crypto:1 A_"]
)
def test_a_body_full_of_addresses_is_masked_in_as_many_steps_as_it_is_long(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script may send a hundred such bodies a second, and the core masks them all."""
    steps = Steps(monkeypatch, timeline)
    for size in (100, 1_600):
        body = piece * (size // len(piece))
        assert steps.of(partial(mask_sip, body)) <= MOST_STEPS * size


def test_passwords_and_custom_data_are_hidden_in_commands() -> None:
    dial = {"to": "sip:bob:pa55@x", "password": "s3cret", "callerid": ""}
    assert mask_command("call.create", dial, hide_tones=False) == {
        "to": "sip:bob:(hidden)@x",
        "password": "(hidden)",
    }
    data = mask_command("session.custom_data", {"value": "s3cret"}, hide_tones=False)
    assert data == {"value": "(hidden, 6 characters)"}


def test_digits_are_hidden_only_while_the_script_wants_it() -> None:
    assert mask_event("Call.ToneReceived", {"tone": "5"}, hide_tones=False) == {"tone": "5"}
    assert mask_event("Call.ToneReceived", {"tone": "5"}, hide_tones=True) == {"tone": "(hidden)"}
    digits = mask_command("call.digits", {"digits": "123"}, hide_tones=True)
    assert digits == {"digits": "(hidden)"}


def test_custom_data_is_hidden_in_events_and_in_the_call_they_carry() -> None:
    fields = {"customData": "s3cret", "call": {"unit": 2, "custom_data": "s3cret"}}
    assert "s3cret" not in str(mask_event("Application.CallAlerting", fields, hide_tones=False))


def test_an_entry_is_one_line_of_json() -> None:
    entry = Entry(t=1.23456789, kind="log", what="line one\nline two", detail={"where": "a.py:1"})
    line = entry.to_json()
    assert "\n" not in line
    assert json.loads(line) == {
        "t": 1.234568,
        "kind": "log",
        "what": "line one\nline two",
        "leg": None,
        "detail": {"where": "a.py:1"},
    }


def test_a_full_timeline_still_takes_the_sessions_own_lines() -> None:
    cap = Cap(max_entries=2, max_bytes=1_000)
    log = Entry(t=0, kind="log", what="x")
    assert cap.admit(log, 10)
    assert cap.admit(log, 10)
    assert not cap.admit(log, 10)
    assert cap.admit(Entry(t=0, kind="session", what="over"), 10)
    assert cap.dropped == 1


def test_a_timeline_is_capped_by_its_bytes_too() -> None:
    cap = Cap(max_entries=100, max_bytes=50)
    assert cap.admit(Entry(t=0, kind="log", what="x"), 40)
    assert not cap.admit(Entry(t=0, kind="log", what="x"), 40)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.example/x?q=1", "https://a.example/x?q=1"),
        (
            "https://a.example/x?q=1&access_token=abc&API-Key=d#part",
            "https://a.example/x?q=1&access_token=(hidden)&API-Key=(hidden)",
        ),
        ("https://me:pw@a.example/x", "https://a.example/x"),
        ("https://me:p@w@a.example/x@y", "https://a.example/x@y"),
        ("https://a.example/cs-secret.n1.crm.end/x", "https://a.example/(secret crm)/x"),
        ("https://a.example/x?sig=a;b=c", "https://a.example/x?sig=(hidden);b=c"),
        ("no url at all", "no url at all"),
    ],
)
def test_urls_are_shown_without_credentials(url: str, told: str) -> None:
    assert shown_url(url) == told


def test_of_a_request_that_is_not_to_be_logged_only_the_host_is_shown() -> None:
    assert shown_url("https://a.example/x/y?z=1", whole=False) == "https://a.example/..."
    args = {"url": "https://a.example/x", "headers": [("X-A", "b")], "shown": False}
    shown = mask_command("http.request", args, hide_tones=False)
    assert (shown["url"], shown["headers"]) == ("https://a.example/...", {})


def test_headers_that_carry_credentials_are_hidden() -> None:
    headers = [
        ("Authorization", "Bearer abc"),
        ("X-Api-Key", "abc"),
        ("Accept", "text/plain"),
        ("X-Odd", "cs-secret.n1.crm.end"),
    ]
    args = {"url": "https://a.example/", "headers": headers, "shown": True}
    assert mask_command("http.request", args, hide_tones=False)["headers"] == {
        "Authorization": HIDDEN,
        "X-Api-Key": HIDDEN,
        "Accept": "text/plain",
        "X-Odd": "(secret crm)",
    }


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:4",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 (hidden)",
        ),
        ("a=crypto:2 c2VjcmV0 AES_CM_128_HMAC_SHA1_80", "a=crypto: (hidden)"),
        ("a=crypto:1 inline:c2VjcmV0", "a=crypto: (hidden)"),
        ("a= crypto : c2VjcmV0", "a= crypto : (hidden)"),
        ("a=x\ra=crypto:1 AEAD_AES_128_GCM inline:c2VjcmV0", "a=x\ra=crypto:1 AEAD_AES_128_GCM"),
        (" a=crypto:1 AEAD_AES_128_GCM inline:c2VjcmV0", " a=crypto:1 AEAD_AES_128_GCM (hidden)"),
        ("inline:c2VjcmV0|2^20", "inline:(hidden)"),
        ("a=cryptography:none", "a=cryptography:none"),
    ],
)
def test_keys_of_encrypted_audio_are_never_shown(line: str, shown: str) -> None:
    text = f"INVITE sip:a@b SIP/2.0\r\n\r\nv=0\r\n{line}\r\na=sendrecv\r\n"
    masked = mask_sip(text)
    assert shown in masked
    assert "c2VjcmV0" not in masked
    assert masked.endswith("\r\na=sendrecv\r\n")


def test_a_description_full_of_keys_is_masked_in_linear_time() -> None:
    text = "a=crypto:1 A_" + "A" * 31_000
    assert mask_sip(text) == "a=crypto: (hidden)"


def test_the_urls_of_players_are_shown_without_what_they_hold() -> None:
    url = "https://ann:pa55@a.example/hold.wav?token=s3cret&lang=en"
    shown = "https://a.example/hold.wav?token=(hidden)&lang=en"
    assert mask_command("player.create", {"url": url}, hide_tones=False)["url"] == shown
    segments = (("url", url), ("text", "one", "", "", "", ""))
    masked = mask_command("player.create_sequence", {"segments": segments}, hide_tones=False)
    assert masked["segments"] == [("url", shown), segments[1]]


@pytest.mark.parametrize("piece", ["?", "?a", "&", ";=", "/request/", "a@", "%2Frequest%2F"])
def test_no_url_takes_more_than_its_length_to_be_shown(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch, timeline)
    for size in (100, 1_600):
        url = "http://a.example/" + piece * (size // len(piece))
        assert steps.of(partial(shown_url, url)) <= MOST_STEPS * len(url)


def test_a_key_behind_a_second_question_mark_is_hidden_too() -> None:
    assert shown_url("http://a/?b?token=s3cret&c=1") == "http://a/?b?token=(hidden)&c=1"
