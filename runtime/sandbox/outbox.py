"""Frames on their way to the core: in order, at once when the socket takes them, never without end.

A frame is written straight to the socket when nothing waits, so that a log line before an endless
loop still arrives. What the socket does not take waits for one writer task; the script is refused
when too much waits.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from runtime.api.errors import LimitReached
from runtime.decisions.limits import Limits
from runtime.sandbox.frames import (
    AnswerFrame,
    BodyFrame,
    CommandFrame,
    ErrorFrame,
    LogFrame,
    PongFrame,
    WorkerFrame,
    worker_frame_to_json,
)
from runtime.sandbox.wire import MAX_WORKER_FRAME, encode_frame

DEFAULTS: Final = Limits()
MAX_WAITING_BYTES: Final = 1024 * 1024
"""The core reads as much in a second: an answer to its ping, which waits behind all this, is in
time."""
SPARE_ERRORS: Final = 16
"""Errors that still go out when nothing else does: the first says what went wrong, LimitReached."""
MAX_BATCH: Final = 64 * 1024
"""Bytes handed to the socket at once."""

SendNow = Callable[[bytes], int]
"""Non-blocking send of a socket: how much it took; BlockingIOError when it takes nothing."""


class Outbox:
    """The one writer of the session's stream."""

    def __init__(self, stream: trio.abc.SendStream, send_now: SendNow | None = None) -> None:
        self._stream = stream
        self._send_now = send_now
        self.most = DEFAULTS.commands_in_arrears
        """Frames that may wait. The core ends a session that is this many commands in arrears; the
        script hears of it first."""
        self._waiting: deque[tuple[bytes, int]] = deque()
        """Each with what it counts for in `_waiting_bytes`."""
        self._waiting_bytes = 0
        self._begun = False
        """The first that waits is the rest of a frame."""
        self._sending = False
        self._gone = False
        self._dropped = 0
        self._wake = trio.Event()
        self._empty = trio.Event()
        self._empty.set()

    def put(self, frame: WorkerFrame) -> None:
        """Send a frame; ValueError when it cannot be sent, LimitReached when too much waits."""
        full = len(self._waiting) >= self.most or self._waiting_bytes >= MAX_WAITING_BYTES
        if full and self._is_missed(frame):
            self._dropped += 1
            return
        if full and isinstance(frame, CommandFrame):
            raise LimitReached(
                f"{len(self._waiting)} commands wait to be carried out; give fewer, or await them"
            )
        if self._dropped and isinstance(frame, LogFrame | ErrorFrame):
            lost, self._dropped = self._dropped, 0
            text = f"{lost} log lines or errors were dropped: too many at once"
            self._append(_encode(LogFrame(text=text)))
        if isinstance(frame, PongFrame):
            self._append(_encode(frame), first=True)
            return
        # Bodies of HTTP requests, and answers, have limits of their own, which are higher.
        self._append(_encode(frame), counted=not isinstance(frame, BodyFrame | AnswerFrame))

    def _is_missed(self, frame: WorkerFrame) -> bool:
        """When too much waits: lines, and after some of them errors, but never the one error that
        tells why the session did not get ready."""
        if isinstance(frame, ErrorFrame):
            return frame.kind != "import" and len(self._waiting) >= self.most + SPARE_ERRORS
        return isinstance(frame, LogFrame)

    async def run(self) -> None:
        """Write what waits; ends when the peer is gone."""
        while not self._gone:
            await self._wake.wait()
            self._wake = trio.Event()
            self._sending = True
            try:
                while self._waiting:
                    await self._stream.send_all(self._batch())
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._lose()
            finally:
                self._sending = False
            self._empty.set()

    async def flushed(self) -> None:
        """Return when nothing waits any more."""
        await self._empty.wait()

    def _append(self, data: bytes, *, counted: bool = True, first: bool = False) -> None:
        """Send it, or queue what is left of it. `first`: before all frames that are not begun."""
        if self._gone:
            return
        size = len(data)
        if self._send_now is not None and not self._waiting and not self._sending:
            try:
                data = data[self._send_now(data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._lose()
                return
        if data:
            weight = len(data) if counted else 0
            self._begun |= len(data) < size
            place = int(self._begun) if first else len(self._waiting)
            self._waiting.insert(place, (data, weight))
            self._waiting_bytes += weight
            self._empty = trio.Event() if self._empty.is_set() else self._empty
            self._wake.set()

    def _batch(self) -> bytes:
        parts, size = [], 0
        self._begun = False
        while self._waiting and size < MAX_BATCH:
            part, weight = self._waiting.popleft()
            parts.append(part)
            size += len(part)
            self._waiting_bytes -= weight
        return b"".join(parts)

    def _lose(self) -> None:
        """The core is gone: the reader will see it; until then nothing is kept."""
        self._gone = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._empty.set()


def _encode(frame: WorkerFrame) -> bytes:
    data = encode_frame(worker_frame_to_json(frame), MAX_WORKER_FRAME)
    if b"\\ud" in data and _has_lone_surrogate(frame):
        raise ValueError("the text holds a lone surrogate (half a character) and cannot be sent")
    return data


def _has_lone_surrogate(frame: WorkerFrame) -> bool:
    try:
        json.dumps(worker_frame_to_json(frame), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
