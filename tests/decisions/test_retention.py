"""How long recordings are kept for whom their scripts ask."""

from __future__ import annotations

import pytest

from runtime import RecordExpireTime
from runtime.decisions.retention import DAY_S, DAYS, kept_s, recording_name


def test_every_time_of_voxengine_is_known() -> None:
    named = [value for name, value in vars(RecordExpireTime).items() if name.isupper()]
    assert sorted(named) == sorted(DAYS)


@pytest.mark.parametrize(
    ("expire", "days"), [("-6m", 183), ("-1y", 365), ("-2y", 730), ("-5y", 1_826)]
)
def test_a_time_is_counted_in_days(expire: str, days: int) -> None:
    assert kept_s(expire) == days * DAY_S


def test_the_default_is_the_operators_own() -> None:
    assert kept_s(RecordExpireTime.THREEMONTHS) is None


def test_the_name_begins_with_what_the_script_wants() -> None:
    assert recording_name("shop/", "s1", 2, "mp3") == "shop/s1-2.mp3"
