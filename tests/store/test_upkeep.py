"""Index and disk say the same, and what is too old goes: files first, then their rows."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from runtime.media.recording.recording_disk import RecordingDisk
from runtime.store import Database
from runtime.store.search import find_one
from runtime.store.upkeep import DAY_S, Upkeep
from tests.store.pictures import BEGIN, recording, session
from tests.store.test_history import written


def a_recording(folder: Path, session_id: str, number: int, at: float) -> Path:
    path = folder / "recordings" / session_id / f"{number}.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    os.utime(path, (at, at))
    return path


def upkeep(
    store: Database,
    folder: Path,
    *,
    most: int | None = None,
    told: list[str] | None = None,
    **days: float,
) -> Upkeep:
    (folder / "recordings").mkdir(exist_ok=True)
    return Upkeep(
        store=store,
        timelines=folder / "sessions",
        recordings=folder / "recordings",
        find=RecordingDisk(folder / "recordings", 10**9).find,
        recordings_days=days.get("recordings_days", 0),
        history_days=days.get("history_days", 0),
        recordings_most=most,
        wall_time=lambda: BEGIN,
        warn=lambda text: None,
        tell=(told if told is not None else []).append,
    )


async def recordings_of(store: Database, session_id: str) -> list[dict[str, Any]]:
    found = await store.read(partial(find_one, session_id=session_id))
    assert found is not None
    parts: list[dict[str, Any]] = found["recordings"]
    return parts


async def test_files_without_a_row_get_one_and_rows_without_a_file_go(tmp_path: Path) -> None:
    async with written(tmp_path, session("s1")) as store:
        for number in range(1, 451):
            path = a_recording(tmp_path, "s1", number, BEGIN - 10)
        growing = a_recording(tmp_path, "s1", 451, BEGIN + 10)
        keeper = upkeep(store, tmp_path)
        await keeper.index(BEGIN)
        assert len(await recordings_of(store, "s1")) == 450
        assert growing.exists()
        path.unlink()
        await keeper.index(BEGIN)
        rows = await recordings_of(store, "s1")
        assert [row["number"] for row in rows] == list(range(1, 450))
        assert (rows[0]["size_bytes"], rows[0]["finished_at"]) == (5, BEGIN - 10)


async def test_recordings_that_are_too_old_go_with_their_rows(tmp_path: Path) -> None:
    async with written(tmp_path, session("s1"), session("s2")) as store:
        old = a_recording(tmp_path, "s1", 1, BEGIN - 8 * DAY_S)
        young = a_recording(tmp_path, "s2", 1, BEGIN - 6 * DAY_S)
        keeper = upkeep(store, tmp_path, recordings_days=7)
        await keeper.index(BEGIN)
        await keeper.throw_away(BEGIN)
        assert (old.parent.exists(), young.exists()) == (False, True)
        assert await recordings_of(store, "s1") == []
        assert len(await recordings_of(store, "s2")) == 1


async def test_a_recording_goes_when_its_script_wanted_it_no_longer(tmp_path: Path) -> None:
    pictures = [
        session("s1"),
        session("live", duration_s=None, end_cause=None),
        *(
            attrs.evolve(recording(of, number), keep_s=keep_s)
            for of, number, keep_s in (
                ("s1", 1, None),
                ("s1", 2, 2 * DAY_S),
                ("s1", 3, 4 * DAY_S),
                ("live", 1, 2 * DAY_S),
            )
        ),
    ]
    told: list[str] = []
    async with written(tmp_path, *pictures) as store:
        for of, number in (("s1", 1), ("s1", 2), ("s1", 3), ("live", 1)):
            a_recording(tmp_path, of, number, BEGIN)
        keeper = upkeep(store, tmp_path, told=told)
        await keeper.throw_away(BEGIN + DAY_S)
        assert told == []
        await keeper.throw_away(BEGIN + 3 * DAY_S)
        assert [row["number"] for row in await recordings_of(store, "s1")] == [1, 3]
        assert len(await recordings_of(store, "live")) == 1
        assert told == ["1 recordings were deleted: kept as long as their scripts asked"]
        await upkeep(store, tmp_path, recordings_days=1).throw_away(BEGIN + 3 * DAY_S)
        assert await recordings_of(store, "s1") == []


async def test_old_sessions_go_with_their_timelines_but_not_while_a_recording_is_kept(
    tmp_path: Path,
) -> None:
    pictures = [
        session("old", -40 * DAY_S),
        session("kept", -40 * DAY_S),
        session("live", -40 * DAY_S, duration_s=None, end_cause=None),
        session("young", -1 * DAY_S),
    ]
    async with written(tmp_path, *pictures) as store:
        a_recording(tmp_path, "kept", 1, BEGIN - 40 * DAY_S)
        for name in ("old", "kept", "live", "young"):
            (tmp_path / "sessions" / name).mkdir(parents=True)
            (tmp_path / "sessions" / name / "timeline.jsonl").write_text("{}\n")
        keeper = upkeep(store, tmp_path, history_days=30)
        await keeper.index(BEGIN)
        await keeper.throw_away(BEGIN)
        left = sorted(path.name for path in (tmp_path / "sessions").iterdir())
        assert left == ["kept", "live", "young"]
        assert await store.read(partial(find_one, session_id="old")) is None
        assert await store.read(partial(find_one, session_id="kept")) is not None


async def test_the_oldest_recordings_make_room_and_those_of_live_sessions_stay(
    tmp_path: Path,
) -> None:
    live = session("live", duration_s=None, end_cause=None)
    async with written(tmp_path, live, session("s1")) as store:
        of_live = a_recording(tmp_path, "live", 1, BEGIN - 900)
        files = [a_recording(tmp_path, "s1", n, BEGIN - 100 + n) for n in range(1, 21)]
        told: list[str] = []
        keeper = upkeep(store, tmp_path, most=100, told=told)  # twenty-one have 105 bytes
        await keeper.index(BEGIN)
        await keeper.make_room(BEGIN)
        left = [path.exists() for path in files]
        assert (of_live.exists(), left) == (True, [False] * 3 + [True] * 17)
        assert [row["number"] for row in await recordings_of(store, "s1")] == list(range(4, 21))
        assert told == [
            "3 recordings (15 bytes, up to 2023-11-14T22:11:43+00:00) were deleted to make room "
            "([data] recordings_full)"
        ]
        await keeper.make_room(BEGIN)
        assert len(told) == 1


async def test_nothing_is_deleted_to_make_room_unless_the_operator_says_so(tmp_path: Path) -> None:
    async with written(tmp_path, session("s1")) as store:
        file = a_recording(tmp_path, "s1", 1, BEGIN - 100)
        keeper = upkeep(store, tmp_path)
        await keeper.index(BEGIN)
        await keeper.make_room(BEGIN)
        assert file.exists()


async def test_when_only_live_sessions_have_recordings_none_goes(tmp_path: Path) -> None:
    live = session("live", duration_s=None, end_cause=None)
    async with written(tmp_path, live) as store:
        file = a_recording(tmp_path, "live", 1, BEGIN - 9 * DAY_S)
        told: list[str] = []
        keeper = upkeep(store, tmp_path, most=1, told=told, recordings_days=1)
        await keeper.index(BEGIN)
        await keeper.make_room(BEGIN)
        await keeper.throw_away(BEGIN)
        assert (file.exists(), told) == (True, [])
