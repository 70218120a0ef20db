"""Timeline files: one JSON object a line, soon, whatever the disk does."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import trio

from runtime.decisions.timeline import Entry
from runtime.session import timeline_file
from runtime.session.timeline_file import MAX_WAITING, MAX_WAITING_BYTES, TimelineFiles


def entry(what: str) -> Entry:
    return Entry(t=1.0, kind="log", what=what)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - a thread writes; bounded above
            await trio.sleep(0.01)


def lines(folder: Path, session_id: str) -> list[str]:
    text = (folder / session_id / "timeline.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["what"] for line in text.splitlines()]


async def test_entries_are_on_disk_within_half_a_second(tmp_path: Path) -> None:
    trouble: list[str] = []
    files = TimelineFiles(tmp_path, trouble.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        sink = files.open("s1")
        sink.write(entry("one"))
        sink.write(entry("zwei \u20ac\nlines"))
        files.open("s2").write(entry("other"))
        await until(lambda: (tmp_path / "s2" / "timeline.jsonl").exists())
        assert timeline_file.FLUSH_S < 0.5
        assert lines(tmp_path, "s1") == ["one", "zwei \u20ac\nlines"]
        nursery.cancel_scope.cancel()
    assert trouble == []


async def test_what_waits_at_the_end_is_still_written(tmp_path: Path) -> None:
    files = TimelineFiles(tmp_path, print)
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        sink = files.open("s1")
        for number in range(100):
            sink.write(entry(str(number)))
        sink.close()
        nursery.cancel_scope.cancel()
    assert lines(tmp_path, "s1") == [str(number) for number in range(100)]


async def test_more_sessions_than_open_files(tmp_path: Path) -> None:
    files = TimelineFiles(tmp_path, print)
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        for turn in range(2):
            for number in range(timeline_file.MAX_OPEN_FILES + 20):
                files.open(f"s{number}").write(entry(str(turn)))
        nursery.cancel_scope.cancel()
    assert lines(tmp_path, "s0") == ["0", "1"]
    assert lines(tmp_path, f"s{timeline_file.MAX_OPEN_FILES}") == ["0", "1"]


async def test_a_broken_disk_is_reported_once_and_costs_entries_only(tmp_path: Path) -> None:
    trouble: list[str] = []
    (tmp_path / "s1").write_text("a file where a folder should be")
    files = TimelineFiles(tmp_path, trouble.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        sink = files.open("s1")
        sink.write(entry("lost"))
        await until(lambda: len(trouble) == 1)
        assert "calls go on" in trouble[0]
        sink.write(entry("lost too"))
        await trio.sleep(2 * timeline_file.FLUSH_S)
        (tmp_path / "s1").unlink()
        sink.write(entry("kept"))
        await until(lambda: len(trouble) == 2)
        nursery.cancel_scope.cancel()
    assert trouble[1] == "timelines: the disk takes entries again"
    assert lines(tmp_path, "s1")[-1] == "kept"


async def test_a_disk_that_fills_up_leaves_no_half_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(FileIO):
        def write(self, data: Any) -> int:
            if self.tell() > 50:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(memoryview(data)[:20])

    monkeypatch.setattr(timeline_file, "FileIO", Full)
    trouble: list[str] = []
    files = TimelineFiles(tmp_path, trouble.append)
    files.open("s1").write(entry("x" * 100))
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        nursery.cancel_scope.cancel()
    assert "No space left" in trouble[0]
    assert (tmp_path / "s1" / "timeline.jsonl").read_bytes() == b""


async def test_a_disk_that_is_hopelessly_behind_costs_entries_not_memory(tmp_path: Path) -> None:
    trouble: list[str] = []
    files = TimelineFiles(tmp_path, trouble.append)
    sink = files.open("s1")
    for _ in range(MAX_WAITING + 5):
        sink.write(entry("x"))
    sink.close()
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        nursery.cancel_scope.cancel()
    assert len(lines(tmp_path, "s1")) == MAX_WAITING
    assert trouble == ["timelines: 5 entries were not written: the disk is too slow; calls go on"]


async def test_long_entries_fill_the_queue_sooner(tmp_path: Path) -> None:
    trouble: list[str] = []
    files = TimelineFiles(tmp_path, trouble.append)
    sink = files.open("s1")
    for _ in range(2 * MAX_WAITING_BYTES // 15_000):
        sink.write(entry("x" * 15_000))
    sink.close()
    async with trio.open_nursery() as nursery:
        await nursery.start(files.run)
        await until(lambda: bool(trouble))
        nursery.cancel_scope.cancel()
    written = (tmp_path / "s1" / "timeline.jsonl").stat().st_size
    assert MAX_WAITING_BYTES * 0.99 < written < MAX_WAITING_BYTES * 1.01
