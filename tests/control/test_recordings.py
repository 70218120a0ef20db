"""Recordings over HTTP: by range as players ask, listed, deleted, and never while still needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from runtime.testing import Sim
from tests.control.test_app import client_of
from tests.store.pictures import recording, session
from tests.store.test_history import written

URL = "/api/v1/sessions/s1/recordings"
CONTENT = bytes(range(256)) * 8


@asynccontextmanager
async def recorded(sim: Sim, folder: Path, *pictures: Any) -> AsyncIterator[httpx.AsyncClient]:
    """`s1` is over and has a recording."""
    async with written(folder, session("s1"), recording("s1", 1), *pictures):
        await trio.Path(folder / "s1-1.wav").write_bytes(CONTENT)
    async with client_of(sim, folder) as client:
        yield client


async def test_a_recording_is_sent_whole_and_its_head_alone(sim: Sim, tmp_path: Path) -> None:
    async with recorded(sim, tmp_path) as client:
        whole = await client.get(f"{URL}/1")
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-type"] == "audio/wav"
        assert whole.headers["accept-ranges"] == "bytes"
        head = await client.head(f"{URL}/1", headers={"range": "bytes=0-9"})
        # RFC 9110 14.2: ranges are for GET alone.
        told = (head.status_code, head.content, int(head.headers["content-length"]))
        assert told == (200, b"", len(CONTENT))
        for known in (whole.headers["etag"], f'"x", W/{whole.headers["etag"]}', "*"):
            same = await client.get(f"{URL}/1", headers={"if-none-match": known})
            assert (same.status_code, same.content) == (304, b""), known


async def test_a_range_is_sent_with_its_place(sim: Sim, tmp_path: Path) -> None:
    async with recorded(sim, tmp_path) as client:
        part = await client.get(f"{URL}/1", headers={"range": "bytes=-48"})
        assert (part.status_code, part.content) == (206, CONTENT[-48:])
        assert part.headers["content-range"] == f"bytes 2000-2047/{len(CONTENT)}"
        many = await client.get(f"{URL}/1", headers={"range": "bytes=0-0,5-5"})
        assert (many.status_code, many.content) == (200, CONTENT)
        none = await client.get(f"{URL}/1", headers={"range": "bytes=2048-"})
        assert (none.status_code, none.headers["content-range"]) == (416, "bytes */2048")
        assert none.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
async def test_if_range_sends_a_part_of_the_same_and_the_whole_of_another(
    sim: Sim, tmp_path: Path, validator: str
) -> None:
    async with recorded(sim, tmp_path) as client:
        known = (await client.head(f"{URL}/1")).headers[validator]
        asked = {"range": "bytes=0-3", "if-range": known}
        assert (await client.get(f"{URL}/1", headers=asked)).status_code == 206
        asked["if-range"] = '"another"'
        whole = await client.get(f"{URL}/1", headers=asked)
        assert (whole.status_code, len(whole.content)) == (200, len(CONTENT))


async def test_what_grows_meanwhile_is_sent_as_long_as_was_said(sim: Sim, tmp_path: Path) -> None:
    async with recorded(sim, tmp_path) as client, client.stream("GET", f"{URL}/1") as answer:
        async with await trio.open_file(tmp_path / "s1-1.wav", "ab") as growing:
            await growing.write(b"more")
        body = b"".join([piece async for piece in answer.aiter_bytes()])
        assert len(body) == int(answer.headers["content-length"])


async def test_recordings_are_listed_by_session_and_page_by_page(sim: Sim, tmp_path: Path) -> None:
    others = [recording("s1", 2), session("s2"), recording("s2", 1)]
    async with recorded(sim, tmp_path, *others) as client:
        listed = (await client.get(URL)).json()["recordings"]
        assert [row["path"] for row in listed] == [f"{URL}/1", f"{URL}/2"]
        seen: list[tuple[str, int]] = []
        after = ""
        while True:
            query = {"limit": "1", **({"after": after} if after else {})}
            page = (await client.get("/api/v1/recordings", params=query)).json()
            seen += [(row["session_id"], row["number"]) for row in page["recordings"]]
            after = page["next"]
            if not after:
                break
        assert seen == [("s2", 1), ("s1", 2), ("s1", 1)]
        bad = await client.get("/api/v1/recordings", params={"limit": "0", "x": "", "since": "y"})
        assert [each["field"] for each in bad.json()["errors"]] == ["limit", "x", "since"]
        bad = await client.get("/api/v1/recordings", params={"after": "1~2"})
        assert [each["field"] for each in bad.json()["errors"]] == ["after"]


async def test_a_recording_is_deleted_but_not_while_its_session_lives(
    sim: Sim, tmp_path: Path
) -> None:
    live = session("s2", duration_s=None, end_cause=None)
    async with recorded(sim, tmp_path, live, recording("s2", 1)) as client:
        needed = await client.delete("/api/v1/sessions/s2/recordings/1")
        assert (needed.status_code, needed.json()["detail"]) == (
            409,
            "session s2 lives, and its script may still use it",
        )
        assert (await client.delete(f"{URL}/1")).status_code == 204
        assert (await client.get(f"{URL}/1")).status_code == 404
        assert (await client.get(URL)).json() == {"recordings": []}
        assert (await client.delete(f"{URL}/1")).status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "9" * 5_000, "%00"])
async def test_what_is_no_number_is_no_recording(sim: Sim, tmp_path: Path, number: str) -> None:
    async with client_of(sim, tmp_path) as client:
        for method in ("GET", "DELETE"):
            refused = await client.request(method, f"{URL}/{number}")
            assert refused.status_code == 404
            assert "session s1 has no recording number" in refused.json()["detail"]
