"""The history over HTTP: searches, pages, and what a wrong search is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from runtime.control.history import read_time
from runtime.testing import Sim
from tests.control.test_app import client_of
from tests.store.pictures import BEGIN, call, session
from tests.store.test_history import written

SEARCH = "/api/v1/history"


async def ids(client: httpx.AsyncClient, **parameters: str) -> list[str]:
    answer = await client.get(SEARCH, params=parameters)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["sessions"]]


async def test_a_search_finds_sessions_with_their_calls(sim: Sim, tmp_path: Path) -> None:
    pictures = [session("s1", 1), call("c1", "s1"), session("s2", 2, custom_data="order 7")]
    async with written(tmp_path, *pictures), client_of(sim, tmp_path) as client:
        assert await ids(client) == ["s2", "s1"]
        assert await ids(client, number="100", result="answered") == ["s1"]
        assert await ids(client, custom_data="order 7") == ["s2"]
        assert await ids(client, since="2023-11-14T22:13:22Z") == ["s2"]
        assert await ids(client, until=str(BEGIN + 2)) == ["s1"]
        first = (await client.get(SEARCH, params={"limit": "1"})).json()
        assert await ids(client, after=first["next"]) == ["s1"]
        one = (await client.get(f"{SEARCH}/s1")).json()
        assert (one["calls"][0]["number"], one["scenario"]) == ("100", "ivr")
        missing = await client.get(f"{SEARCH}/s9")
        assert missing.status_code == 404


async def test_everything_that_is_wrong_with_a_search_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        wrong = {
            "limit": "0",
            "since": "soon",
            "result": "lost",
            "numbr": "1",
            "until": "x" * 9_000,
        }
        answer = await client.get(SEARCH, params=wrong)
        assert answer.status_code == 400
        told = {each["field"]: each["detail"] for each in answer.json()["errors"]}
        assert set(told) == set(wrong)
        assert told["since"] == "must be a time such as 2026-05-01T08:00:00Z, or seconds since 1970"
        endless = await client.get(SEARCH, params={"limit": "0000000010000"})
        assert [each["field"] for each in endless.json()["errors"]] == ["limit"]
        assert told["result"] == "must be one of live, answered, failed, interrupted"
        cursor = await client.get(SEARCH, params={"after": "s1"})
        assert cursor.json()["errors"][0]["field"] == "after"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:01:00", 60.0), ("1970-01-01T01:00:00+01:00", 0.0), ("60.5", 60.5)],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert read_time(text) == seconds
