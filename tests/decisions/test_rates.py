"""What things cost: prefixes, increments, minima, and what is free."""

from __future__ import annotations

import pytest

from runtime.decisions.rates import Charge, Rate, RateTable

TABLE = RateTable(
    (
        Rate(name="Anywhere", per_minute=1),
        Rate(name="UK", prefix="+44", per_minute=0.01, increment_s=60),
        Rate(name="UK mobile", prefix="447", per_minute=0.06, increment_s=6, minimum_s=30),
        Rate(name="Toll free", prefix="+44800", way="in", client="pstn", per_minute=0.03),
        Rate(what="recording", per_minute=0.002, increment_s=60),
        Rate(what="recognition", per_use=0.015),
    )
)


def charge(number: str, seconds: float, *, incoming: bool = False, client: str = "pstn") -> Charge:
    return TABLE.call(incoming=incoming, client=client, number=number, seconds=seconds)


@pytest.mark.parametrize(
    ("number", "seconds", "cost", "direction"),
    [
        ("+442079460001", 1, 0.01, "UK"),
        ("+442079460001", 60, 0.01, "UK"),
        ("+442079460001", 60.4, 0.02, "UK"),
        ("442079460001", 61, 0.02, "UK"),
        ("+447700900123", 1, 0.03, "UK mobile"),
        ("+447700900123", 31, 0.036, "UK mobile"),
        ("+15551234", 90, 1.5, "Anywhere"),
        ("+442079460001", 0, 0.0, "UK"),
    ],
)
def test_the_longest_prefix_counts_in_whole_increments(
    number: str, seconds: float, cost: float, direction: str
) -> None:
    assert charge(number, seconds) == Charge(cost=cost, direction=direction)


def test_a_clock_s_noise_begins_no_new_increment() -> None:
    assert charge("+442079460001", 60.0000001).cost == 0.01
    assert charge("+442079460001", 120.00000000000003).cost == 0.02


def test_a_way_and_a_kind_of_client_have_rates_of_their_own() -> None:
    assert charge("+448001234567", 60, incoming=True) == Charge(cost=0.03, direction="Toll free")
    assert charge("+448001234567", 60, incoming=True, client="sip").cost == 0
    assert charge("+442079460001", 60, incoming=True).cost == 0


@pytest.mark.parametrize(
    ("client", "incoming", "direction"),
    [
        ("pstn", True, "PSTN to SIP"),
        ("pstn", False, "SIP to PSTN"),
        ("sip", True, "SIP Call"),
        ("user", False, "SIP Call"),
    ],
)
def test_without_rates_all_is_free_and_has_its_usual_direction(
    client: str, incoming: bool, direction: str
) -> None:
    table = RateTable()
    found = table.call(incoming=incoming, client=client, number="+4420", seconds=3_600)
    assert found == Charge(cost=0.0, direction=direction)
    assert table.recording(3_600) == "0"
    assert table.recognition(3_600) == "0"


def test_of_equal_prefixes_the_first_counts() -> None:
    table = RateTable((Rate(name="a", per_minute=1), Rate(name="b", per_minute=2)))
    assert table.call(incoming=False, client="sip", number="1", seconds=60).direction == "a"


def test_recordings_cost_a_text_and_recognition_a_number() -> None:
    assert TABLE.recording(61) == "0.004"
    assert TABLE.recognition(500) == "0.015"
    assert RateTable((Rate(what="recording", per_minute=600),)).recording(60) == "600"
    assert RateTable((Rate(what="recording", per_minute=0.00006),)).recording(1) == "0.000001"


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_minute": -1.0},
        {"per_use": float("nan")},
        {"per_minute": float("inf")},
        {"increment_s": 0},
        {"minimum_s": -1},
        {"prefix": "1" * 33},
        {"name": "x" * 101},
    ],
)
def test_what_is_no_price_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be from|characters"):
        Rate(**wrong)  # type: ignore[arg-type]
