"""Writes timelines to DATA/sessions/ID/timeline.jsonl, for all sessions, beside the calls.

Entries wait in one bounded queue; one task hands batches to a thread at least twice a second. A
full or broken disk costs entries, which are counted and reported, and never a call.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from typing import Final

import trio

from runtime.decisions.timeline import Entry

FLUSH_S: Final = 0.2
"""A batch is written this long after its first entry; well under the promised 0.5 s."""
MAX_WAITING: Final = 50_000
"""Entries of all sessions; a disk that is so far behind will not catch up."""
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Of their text: scripts choose how long an entry is."""
MAX_OPEN_FILES: Final = 256
LAST_FLUSH_S: Final = 5.0
"""How long the end of the program waits for the disk."""

Batch = list[tuple[str, Entry | None]]
"""Session id and entry; None closes the session's file."""


class TimelineFiles:
    """The timeline files of a runtime. `open` is the registry's `timelines` factory."""

    def __init__(self, folder: Path, on_trouble: Callable[[str], None]) -> None:
        self._on_trouble = on_trouble
        self._waiting: Batch = []
        self._waiting_bytes = 0
        self._lost = 0
        self._filled = trio.Event()
        self._writer = _Writer(folder)
        self._in_trouble = False

    def open(self, session_id: str) -> TimelineFile:
        return TimelineFile(self, session_id)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled, then what is still waiting."""
        task_status.started()
        try:
            while True:
                await self._filled.wait()
                await trio.sleep(FLUSH_S)
                await self._flush()
        finally:
            with trio.move_on_after(LAST_FLUSH_S, shield=True) as patience:
                await self._flush()
            if not patience.cancelled_caught:
                self._writer.close()

    def put(self, session_id: str, entry: Entry | None) -> None:
        """Queue one entry; dropped and counted when the disk is hopelessly behind."""
        if entry is not None:
            full = self._waiting_bytes >= MAX_WAITING_BYTES or len(self._waiting) >= MAX_WAITING
            if full:
                self._lost += 1
                return
            self._waiting_bytes += entry.size
        self._waiting.append((session_id, entry))
        self._filled.set()

    async def _flush(self) -> None:
        self._filled = trio.Event()
        batch, self._waiting = self._waiting, []
        self._waiting_bytes = 0
        lost, self._lost = self._lost, 0
        if batch:
            # A disk that hangs must not hold the end of the program.
            error, unwritten = await trio.to_thread.run_sync(
                self._writer.write, batch, abandon_on_cancel=True
            )
            self._report(error, lost + unwritten)

    def _report(self, error: str, lost: int) -> None:
        """Once when it begins and once when it is over, not ten times a second."""
        trouble = bool(error or lost)
        if trouble and not self._in_trouble:
            why = error or "the disk is too slow"
            self._on_trouble(f"timelines: {lost} entries were not written: {why}; calls go on")
        elif self._in_trouble and not trouble:
            self._on_trouble("timelines: the disk takes entries again")
        self._in_trouble = trouble


class TimelineFile:
    """The sink of one session."""

    def __init__(self, files: TimelineFiles, session_id: str) -> None:
        self._files = files
        self._session_id = session_id

    def write(self, entry: Entry) -> None:
        self._files.put(self._session_id, entry)

    def close(self) -> None:
        self._files.put(self._session_id, None)


class _Writer:
    """Runs in a thread, one call at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, FileIO] = OrderedDict()

    def write(self, batch: Batch) -> tuple[str, int]:
        """The first error, if any, and how many entries it cost."""
        error, unwritten = "", 0
        for session_id, entries, closed in _by_session(batch):
            if entries:
                try:
                    self._append(session_id, entries)
                except OSError as exc:
                    error = error or f"{exc.strerror or exc}"
                    unwritten += len(entries)
                    self._close(session_id)
            if closed:
                self._close(session_id)
        return error, unwritten

    def close(self) -> None:
        for session_id in list(self._open):
            self._close(session_id)

    def _append(self, session_id: str, entries: list[Entry]) -> None:
        """All lines or none: a full disk must not leave half of one."""
        file = self._file(session_id)
        before = os.fstat(file.fileno()).st_size
        lines = memoryview(b"".join(_line(entry) for entry in entries))
        try:
            while lines:
                lines = lines[file.write(lines) :]
        except OSError:
            file.truncate(before)
            raise

    def _file(self, session_id: str) -> FileIO:
        file = self._open.pop(session_id, None)
        if file is None:
            path = self._folder / session_id / "timeline.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            file = FileIO(path, "ab")
        self._open[session_id] = file
        while len(self._open) > MAX_OPEN_FILES:
            _, oldest = self._open.popitem(last=False)
            oldest.close()
        return file

    def _close(self, session_id: str) -> None:
        file = self._open.pop(session_id, None)
        if file is not None:
            file.close()


def _by_session(batch: Batch) -> Iterable[tuple[str, list[Entry], bool]]:
    grouped: dict[str, tuple[list[Entry], bool]] = {}
    for session_id, entry in batch:
        entries, closed = grouped.get(session_id, ([], False))
        if entry is not None:
            entries.append(entry)
        grouped[session_id] = (entries, closed or entry is None)
    return [(session_id, *rest) for session_id, rest in grouped.items()]


def _line(entry: Entry) -> bytes:
    return entry.to_json().encode("utf-8", "replace") + b"\n"
