"""What the phone is asked for, and the object that it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.legs.leg import Ended
from runtime.media.listening import HeardInterval
from runtime.media.port import LegStatistics
from runtime.phone.dialling import local_address, phone_route
from runtime.phone.plan import (
    DEFAULT_CALL_S,
    MAX_CALL_S,
    CallPlan,
    CallReport,
    PlanError,
    verdict,
)
from sip.auth import Credentials


@pytest.mark.parametrize(
    ("digits", "keys"),
    [("123", "123"), ("1,2", "1pp2"), ("p9p#", "p9p#"), ("a*B d", "A*BD"), ("", "")],
)
def test_digits_are_keys_and_pauses(digits: str, keys: str) -> None:
    assert CallPlan(digits=digits).keys() == keys


def test_what_is_no_key_is_named() -> None:
    with pytest.raises(PlanError, match="'x' is no key"):
        CallPlan(digits="12x").keys()


def test_a_call_always_has_an_end() -> None:
    assert CallPlan().talk_s == DEFAULT_CALL_S
    assert CallPlan(for_s=2.5).talk_s == 2.5
    assert CallPlan(for_s=1e9).talk_s == MAX_CALL_S


@pytest.mark.parametrize(
    ("ended", "answered", "ok", "code"),
    [
        (Ended(code=200, reason="BYE", by="us"), True, True, 200),
        (Ended(code=200, reason="BYE", by="peer"), True, True, 200),
        (Ended(code=16, reason="Normal call clearing", by="peer"), True, True, 200),
        (Ended(code=41, reason="Temporary failure", by="peer"), True, False, 41),
        (Ended(code=408, reason="session expired", by="network"), True, False, 408),
        (Ended(code=486, reason="Busy Here", by="peer"), False, False, 486),
        (Ended(code=408, reason="no answer", by="us"), False, False, 408),
    ],
)
def test_a_call_is_ok_when_it_was_answered_and_ended_normally(
    ended: Ended, answered: bool, ok: bool, code: int
) -> None:
    assert verdict(ended, answered=answered)[:2] == (ok, code)


def test_the_report_is_one_json_object_with_the_agreed_keys() -> None:
    report = CallReport(
        ok=True,
        code=200,
        reason="hung up",
        duration_s=2.0004,
        heard=(
            HeardInterval(kind="silence", start_s=0.0, end_s=0.1),
            HeardInterval(kind="tone", start_s=0.1, end_s=2.0, frequencies_hz=(440.0,)),
        ),
        digits="12",
        recording=Path("heard.wav"),
        rtp=LegStatistics(packets_sent=100, packets_received=99, packets_lost=1, jitter_ms=0.25),
    )
    document = json.loads(json.dumps(report.to_json()))
    assert {"ok", "code", "reason", "duration_s", "heard", "digits", "recording", "rtp"} <= set(
        document
    )
    assert document["rtp"] == {
        "sent": 100,
        "received": 99,
        "lost": 1,
        "jitter_ms": 0.25,
        "max_gap_ms": 0.0,
    }
    assert document["heard"][0]["kind"] == "silence"
    assert document["heard"][0]["frequency_hz"] is None
    assert document["heard"][1]["frequency_hz"] == 440.0
    assert document["recording"] == "heard.wav"


def test_the_route_has_caller_headers_proxy_and_credentials() -> None:
    plan = CallPlan(
        target="bob@127.0.0.1:5070",
        callerid="100",
        display_name="Ann",
        auth_user="u",
        password="p",
        out_proxy="127.0.0.1:5090",
        headers={"X-A": "1"},
    )
    route = phone_route(plan, "127.0.0.1")
    assert str(route.target) == "sip:bob@127.0.0.1:5070"
    assert str(route.from_) == '"Ann" <sip:100@127.0.0.1>'
    assert str(route.next_hop) == "sip:127.0.0.1:5090"
    assert route.credentials == Credentials("u", "p")
    assert route.headers == (("X-A", "1"),)


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (CallPlan(target="alice"), "no host"),
        (CallPlan(target="tel:+44"), "no trunk"),
        (CallPlan(target="a@127.0.0.1", headers={"Via": "x"}), "Via"),
        (CallPlan(target="a@127.0.0.1", out_proxy="mailto:p"), "out_proxy"),
    ],
)
def test_what_cannot_be_called_is_said_before_calling(plan: CallPlan, word: str) -> None:
    with pytest.raises(PlanError, match=word):
        phone_route(plan, "127.0.0.1")


@pytest.mark.parametrize(
    ("target", "address"),
    [("a@127.0.0.9", "127.0.0.1"), ("a@[::1]", "::1"), ("a@203.0.113.1", None), ("a@h", None)],
)
def test_loopback_is_called_from_loopback(target: str, address: str | None) -> None:
    assert local_address(phone_route(CallPlan(target=target), "h").next_hop) == address
