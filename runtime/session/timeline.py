"""The timeline of one session: stamps, caps and keeps what happened, and hands it on.

Recording never blocks and never fails: a sink is a plain function call, followers have bounded
queues, and the newest part stays in memory for HTTP and `callstage tail`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import trio

from runtime.decisions.limits import Limits
from runtime.decisions.problems import KnownProblem
from runtime.decisions.timeline import Cap, Entry

KEPT_BYTES: Final = 512 * 1024
"""In memory, per session, with what entries take besides their text (two hundred ended sessions are
kept as well): some 800 entries. The file has everything."""
ENTRY_BYTES: Final = 512
"""An entry, its numbers and its dictionary, as measured."""
FOLLOWER_ENTRIES: Final = 1_000
"""Lines that a slow reader may be behind; beyond it, it misses lines and is told how many."""


class TimelineSink(Protocol):
    """Where a session's timeline goes besides memory: a file, the log, both."""

    def write(self, entry: Entry) -> None:
        """Take one entry; must not block or raise."""

    def close(self) -> None:
        """The session is over."""


TimelineSinkFactory = Callable[[str], TimelineSink]
"""Makes the sink of the session with this id."""


class NoSink:
    """A sink that keeps nothing; the memory of the session is enough."""

    def write(self, entry: Entry) -> None:
        """Kept in memory only."""

    def close(self) -> None:
        """Nothing to close."""


class Timeline:
    """What happened in one session."""

    def __init__(
        self, limits: Limits, sink: TimelineSink, now: Callable[[], float], *, began: float
    ) -> None:
        self.hide_tones = False
        self.ended = False
        self._sink = sink
        self._now = now
        self._began = began
        self._cap = Cap(limits.timeline_entries, limits.timeline_bytes)
        self._kept: deque[tuple[Entry, int]] = deque()
        self._kept_bytes = 0
        self._followers: dict[trio.MemorySendChannel[Entry], int] = {}

    @property
    def entries(self) -> list[Entry]:
        """The newest part, oldest first."""
        return [entry for entry, _ in self._kept]

    def record(
        self,
        kind: str,
        what: str,
        *,
        leg: str | None = None,
        at: float | None = None,
        **detail: Any,
    ) -> None:
        """One thing happened; details that are None are left out."""
        if self.ended:
            return
        # What a leg kept from before its session existed is stamped with the session's begin.
        since = max(0.0, (self._now() if at is None else at) - self._began)
        shown = {name: value for name, value in detail.items() if value is not None}
        self._add(Entry(t=since, kind=kind, what=what, leg=leg, detail=shown))

    def refuse(
        self, kind: KnownProblem, what: str, *, leg: str | None = None, **detail: Any
    ) -> None:
        """Something was not done, and why; `problem` is the number of its kind."""
        self.record("refusal", what, leg=leg, problem=kind.number, **detail)

    def close(self) -> None:
        """The session is over: followers reach the end of the stream."""
        if self.ended:
            return
        if self._cap.dropped:
            self.record("session", f"{self._cap.dropped} timeline entries over the limit left out")
        self.ended = True
        self._sink.close()
        for follower in list(self._followers):
            follower.close()
        self._followers.clear()

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[AsyncIterator[Entry]]:
        """All entries from the oldest one kept, then live until the session is over."""
        send, receive = trio.open_memory_channel[Entry](FOLLOWER_ENTRIES)
        before = self.entries
        if self.ended:
            send.close()
        else:
            self._followers[send] = 0
        try:
            yield _Chain(before, receive)
        finally:
            self._followers.pop(send, None)
            send.close()
            receive.close()

    def _add(self, entry: Entry) -> None:
        size = entry.size
        if not self._cap.admit(entry, size):
            return
        self._sink.write(entry)
        size += ENTRY_BYTES
        self._kept.append((entry, size))
        self._kept_bytes += size
        while self._kept_bytes > KEPT_BYTES > size:
            _, gone = self._kept.popleft()
            self._kept_bytes -= gone
        for follower in list(self._followers):
            self._pass_on(follower, entry)

    def _pass_on(self, follower: trio.MemorySendChannel[Entry], entry: Entry) -> None:
        missed = self._followers[follower]
        try:
            if missed:
                text = f"{missed} entries left out: the reader was too slow"
                follower.send_nowait(Entry(t=entry.t, kind="session", what=text))
                self._followers[follower] = 0
            follower.send_nowait(entry)
        except trio.WouldBlock:
            self._followers[follower] += 1
        except trio.BrokenResourceError:
            self._followers.pop(follower, None)


class _Chain(AsyncIterator[Entry]):
    """First what was, then what comes; a wait may be cancelled and begun again."""

    def __init__(self, before: list[Entry], live: trio.MemoryReceiveChannel[Entry]) -> None:
        self._before = deque(before)
        self._live = live

    async def __anext__(self) -> Entry:
        if self._before:
            return self._before.popleft()
        return await anext(self._live)


def seconds(duration_s: float) -> int:
    """Whole seconds as VoxEngine reports them: 3.9 s is 4."""
    return math.floor(duration_s + 0.5)
