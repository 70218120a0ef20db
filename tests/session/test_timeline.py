"""The timeline in memory: what is kept, and how it is followed."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.session.timeline import ENTRY_BYTES, FOLLOWER_ENTRIES, KEPT_BYTES, Timeline, seconds
from tests.session.bench import MemorySink


def made(limits: Limits | None = None, now: float = 5.0) -> tuple[Timeline, MemorySink]:
    sink = MemorySink()
    return Timeline(limits or Limits(), sink, lambda: now, began=3.0), sink


def test_entries_are_stamped_from_the_begin_of_the_session() -> None:
    timeline, sink = made()
    timeline.record("log", "now")
    timeline.record("sip", "at", at=4.5)
    timeline.record("sip", "before", at=1.0)
    assert [entry.t for entry in sink.entries] == [2.0, 1.5, 0.0]
    assert sink.entries == timeline.entries


def test_details_that_are_none_are_left_out() -> None:
    timeline, sink = made()
    timeline.record("log", "x", where=None, a=1)
    assert sink.entries[0].detail == {"a": 1}


def test_memory_keeps_the_newest_part_only() -> None:
    timeline, sink = made()
    for number in range(10_000):
        timeline.record("log", str(number))
    assert 700 < len(timeline.entries) < KEPT_BYTES / ENTRY_BYTES
    assert timeline.entries[-1].what == "9999"
    for _ in range(100):
        timeline.record("log", "x" * 10_000)
    assert sum(len(entry.what) for entry in timeline.entries) <= KEPT_BYTES
    assert len(sink.entries) == 10_100


def test_a_full_timeline_says_how_much_is_missing() -> None:
    timeline, sink = made(Limits(timeline_entries=3))
    for number in range(10):
        timeline.record("log", str(number))
    timeline.close()
    assert [entry.what for entry in sink.entries] == [
        "0",
        "1",
        "2",
        "7 timeline entries over the limit left out",
    ]
    timeline.record("log", "too late")
    timeline.close()
    assert sink.closed


async def test_a_follower_gets_what_was_and_what_comes(autojump_clock: MockClock) -> None:
    timeline, _ = made()
    timeline.record("log", "before")
    heard: list[str] = []

    async def follow() -> None:
        async with timeline.follow() as entries:
            async for entry in entries:
                heard.append(entry.what)  # noqa: PERF401 - looked at while it grows

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        timeline.record("log", "after")
        await trio.testing.wait_all_tasks_blocked()
        assert heard == ["before", "after"]
        timeline.close()
    heard.clear()
    await follow()
    assert heard == ["before", "after"]


async def test_a_slow_follower_misses_entries_and_is_told(autojump_clock: MockClock) -> None:
    timeline, _ = made()
    async with timeline.follow() as entries:
        for number in range(FOLLOWER_ENTRIES + 7):
            timeline.record("log", str(number))
        async for entry in entries:
            if entry.what == "1":
                break
        timeline.record("log", "again")
        timeline.close()
        rest = [entry.what async for entry in entries]
    assert rest[-2:] == ["7 entries left out: the reader was too slow", "again"]


async def test_a_follower_that_leaves_is_forgotten(autojump_clock: MockClock) -> None:
    timeline, _ = made()
    async with timeline.follow():
        pass
    timeline.record("log", "x")
    assert timeline._followers == {}


@pytest.mark.parametrize(("length", "shown"), [(0.0, 0), (3.9, 4), (104.9, 105), (2.5, 3)])
def test_seconds_are_whole(length: float, shown: int) -> None:
    assert seconds(length) == shown
