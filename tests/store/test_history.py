"""The history: what is pictured is written, found again, and survives what happens to a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import text
from trio.testing import MockClock

from runtime.store import Database, StoreError
from runtime.store import history as history_module
from runtime.store.history import HistoryWriter, close_interrupted
from runtime.store.runs import is_alive, this_run
from runtime.store.search import BadCursor, Wanted, find, find_one
from tests.store.pictures import BEGIN, call, recording, session


@asynccontextmanager
async def written(
    folder: Path, *pictures: Any, run: str = "1:1", warnings: list[str] | None = None
) -> AsyncIterator[Database]:
    """A database that holds these pictures; the writer ended as the runtime ends it."""
    store = Database.open(folder)
    said = [] if warnings is None else warnings
    writer = HistoryWriter(store, run, lambda: BEGIN + 50, said.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        for picture in pictures:
            kind = type(picture).__name__.removesuffix("Picture").lower()
            getattr(writer, kind)(picture)
        nursery.cancel_scope.cancel()
    yield store
    store.close()


async def ids(store: Database, **wanted: Any) -> list[str]:
    page = await store.read(partial(find, wanted=Wanted(**wanted)))
    return [each["id"] for each in page.sessions]


async def test_a_session_is_shown_with_its_calls_and_recordings(tmp_path: Path) -> None:
    live = session("s1", duration_s=None, end_cause=None)
    pictures = [live, call("c1", "s1", result="live"), session("s1"), call("c1", "s1")]
    async with written(tmp_path, *pictures, recording("s1", 1)) as store:
        found = await store.read(partial(find_one, session_id="s1"))
        assert found is not None
        assert (found["duration_s"], found["end_cause"]) == (10.0, "terminated")
        assert [(c["id"], c["result"], c["code"]) for c in found["calls"]] == [
            ("c1", "answered", 200)
        ]
        assert [(r["number"], r["size_bytes"]) for r in found["recordings"]] == [(1, 1_000)]
        assert await store.read(partial(find_one, session_id="s2")) is None


async def test_what_somebody_waited_for_is_there(tmp_path: Path) -> None:
    store, said = Database.open(tmp_path), list[str]()
    writer = HistoryWriter(store, "1:1", lambda: BEGIN, said.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        await writer.caught_up()  # with nothing
        for number in range(history_module.BATCH + 3):
            writer.session(session(f"s{number}", duration_s=None, end_cause=None))
        await writer.caught_up()
        last = f"s{history_module.BATCH + 2}"
        assert await store.read(partial(find_one, session_id=last)) is not None
        nursery.cancel_scope.cancel()
    store.close()
    assert said == []


async def test_nobody_waits_for_a_disk_that_takes_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    store = Database.open(tmp_path)
    store.write_sync(lambda connection: connection.execute(text("DROP TABLE sessions")))
    writer = HistoryWriter(store, "1:1", lambda: BEGIN, [].append)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        writer.session(session("s1"))
        await writer.caught_up()
        writer.session(session("s2"))
        before = trio.current_time()
        await writer.caught_up()
        assert trio.current_time() - before <= history_module.CATCH_UP_S
        nursery.cancel_scope.cancel()
    store.close()


async def test_sessions_are_found_by_what_people_know_of_them(tmp_path: Path) -> None:
    async with written(
        tmp_path,
        session("s1", 1, custom_data='{"order": 17}'),
        call("c1", "s1", number="+442079460111", callerid="+15551234"),
        session("s2", 2, application="shop", end_cause="script-error"),
        call("c2", "s2", number="100", callerid="+442079460111", result="failed", code=486),
        session("s3", 3, scenario="sales"),
        call("c3", "s3", custom_data='{"order": 17}', number="300"),
    ) as store:
        for wanted, expected in (
            ({}, ["s3", "s2", "s1"]),
            ({"number": "+442079460111"}, ["s2", "s1"]),
            ({"custom_data": '{"order": 17}'}, ["s3", "s1"]),
            ({"custom_data": "17"}, []),
            ({"custom_data_contains": ": 17"}, ["s3", "s1"]),
            ({"custom_data_contains": "%"}, []),
            ({"result": "failed"}, ["s2"]),
            ({"end_cause": "script-error"}, ["s2"]),
            ({"application": "shop"}, ["s2"]),
            ({"scenario": "sales"}, ["s3"]),
            ({"since": BEGIN + 2}, ["s3", "s2"]),
            ({"until": BEGIN + 2}, ["s1"]),
            ({"number": "+442079460111", "result": "answered"}, ["s1"]),
        ):
            assert await ids(store, **wanted) == expected, wanted


async def test_pages_follow_each_other_also_among_equal_times(tmp_path: Path) -> None:
    pictures = [session(f"s{number}", number // 3) for number in range(10)]
    async with written(tmp_path, *pictures) as store:
        seen: list[str] = []
        after = ""
        while True:
            page = await store.read(partial(find, wanted=Wanted(limit=3, after=after)))
            seen += [each["id"] for each in page.sessions]
            after = page.next
            if not after:
                break
        assert seen == [f"s{number}" for number in reversed(range(10))]
        with pytest.raises(BadCursor, match="unchanged"):
            await store.read(partial(find, wanted=Wanted(after="nonsense")))


async def test_text_that_is_no_text_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    broken = session("s1", custom_data="half \ud800", end_detail="x" * 5_000)
    async with written(tmp_path, broken) as store:
        found = await store.read(partial(find_one, session_id="s1"))
        assert found is not None
        assert found["custom_data"] == "half ?"
        assert len(found["end_detail"]) == 1_000


async def test_a_disk_that_fails_costs_no_picture_when_it_is_back(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    store, said, broken = Database.open(tmp_path), list[str](), True

    class Failing(Database):
        async def write(self, work: Any) -> Any:
            if broken:
                raise StoreError("callstage.db: the disk is full")
            return self.write_sync(work)

    failing = Failing(store.file, store._engine)
    writer = HistoryWriter(failing, "1:1", lambda: BEGIN, said.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        writer.session(session("s1"))
        await trio.sleep(5)
        assert said == ["history is not written: callstage.db: the disk is full; calls go on"]
        broken = False
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert said[1:] == ["history is written again; 0 pictures were lost"]
    assert store.write_sync(partial(find_one, session_id="s1")) is not None
    store.close()


async def test_a_disk_that_stays_broken_is_not_allowed_to_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MAX_WAITING", 3)
    async with written(tmp_path, *[session(f"s{n}") for n in range(5)]) as store:
        assert await ids(store) == ["s2", "s1", "s0"]


async def test_what_a_killed_process_left_open_is_interrupted(tmp_path: Path) -> None:
    lost = session("s1", duration_s=None, end_cause=None)
    pictures = [lost, call("c1", "s1", result="live"), call("c0", "s1", result="failed")]
    async with written(tmp_path, *pictures, run="999999999:1") as store:
        assert await store.write(partial(close_interrupted, alive=is_alive)) == 1
        found = await store.read(partial(find_one, session_id="s1"))
        assert found is not None
        assert (found["end_cause"], found["end_detail"]) == (
            "interrupted",
            "the runtime was killed",
        )
        assert {c["id"]: c["result"] for c in found["calls"]} == {
            "c1": "interrupted",
            "c0": "failed",
        }
        assert await store.write(partial(close_interrupted, alive=is_alive)) == 0


async def test_what_a_living_process_has_open_is_left_alone(tmp_path: Path) -> None:
    lives = session("s1", duration_s=None, end_cause=None)
    async with written(tmp_path, lives, run=this_run()) as store:
        assert await store.write(partial(close_interrupted, alive=is_alive)) == 0


async def test_a_rare_result_is_found_by_an_index(tmp_path: Path) -> None:
    """A search from the newest session on would read all of a history without one."""
    async with written(tmp_path, session("s1"), call("c1", "s1", result="failed")) as store:
        assert await ids(store, result="failed") == ["s1"]
        query = "EXPLAIN QUERY PLAN SELECT session_id FROM calls WHERE result = 'failed'"
        plan = await store.read(lambda c: c.execute(text(query)).all())
        assert "calls_by_result" in str(plan)
