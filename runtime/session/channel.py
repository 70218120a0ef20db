"""The frames of one session to and from its worker: queues, rates and time-outs.

A frame goes out, or is handled, at once while nothing waits before it; else it queues for the one
writer or handler task. Every queue is bounded. The worker is hostile until proven otherwise:
whatever it sends can only end its own session, by ChannelFailed with the reason.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import trio

from runtime.decisions.allowances import TokenBucket
from runtime.decisions.failure import Cause, End
from runtime.decisions.limits import Limits
from runtime.sandbox.frames import (
    AnswerFrame,
    BodyFrame,
    CommandFrame,
    CoreFrame,
    ErrorFrame,
    PongFrame,
    WorkerFrame,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.wire import (
    MAX_CORE_FRAME,
    MAX_WORKER_FRAME,
    FrameDecoder,
    JsonObject,
    ProtocolError,
    encode_frame,
)

MAX_QUEUED_BYTES: Final = 1024 * 1024
BODY_ROOM: Final = 64 * 1024
"""Bodies of HTTP answers, requests at the access URL and messages of WebSockets wait until no more
than this is queued, so that they take their time and never the room of events."""
MAX_INBOX_BYTES: Final = 1024 * 1024
"""Beyond it the reader stops reading and the script's sends block."""
FRAME_OVERHEAD: Final = 256
"""What a waiting frame takes beside its bytes, so that many small ones count as well."""
READING: Final = 512
"""Reading costs the core as much as so many bytes of frames, however few of them come: a worker
that writes byte by byte must not keep it busy."""
MAX_WRITE: Final = 64 * 1024
"""Bytes given to one send."""
PARTIAL_S: Final = 2.0
"""A frame is written at once; one that takes longer is a slow-loris (sandbox.md 4.2)."""
LAST_FRAMES_S: Final = 2.0
"""What came before a broken frame still counts, but a flood of it is not waited for."""
BREATHER: Final = 32
"""Frames handled before other sessions get their turn."""

WORK: Final = (CommandFrame.type, ErrorFrame.type, BodyFrame.type, AnswerFrame.type)

CLOSED: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class ChannelFailed(Exception):
    """The channel cannot go on; `end` says why the session is over."""

    def __init__(self, end: End, detail: str = "") -> None:
        super().__init__(end.detail)
        self.end = end
        self.detail = detail


class WorkerGone(Exception):
    """The worker closed its end."""


SendNow = Callable[[bytes], int]
"""Non-blocking send: how much was taken; OSError when nothing was."""


class Outbox:
    """What waits to be sent to the worker: so many events at most, and a megabyte."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._filled = trio.Event()
        self._taken = trio.Event()
        self.send_now: SendNow | None = None
        """How a frame that nothing waits before goes out at once; None: it waits for `take`."""

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: CoreFrame) -> None:
        """Queue one frame. ChannelFailed when the worker is too far behind, ValueError when the
        frame is too big for the wire."""
        data = encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)
        if self.send_now is not None and not self._frames:
            data = self._unsent(data, self.send_now)
            if not data:
                return
        self._frames.append(data)
        self._bytes += len(data)
        if len(self._frames) > self._most or self._bytes > MAX_QUEUED_BYTES:
            text = f"the script is {len(self._frames)} events behind"
            raise ChannelFailed(End(Cause.EVENTS, text))
        self._filled.set()

    async def room(self) -> None:
        """Return when what can wait may be put; whoever puts it does so without awaiting."""
        while self._bytes > BODY_ROOM or len(self._frames) > self._most // 2:
            await self._taken.wait()

    @staticmethod
    def _unsent(data: bytes, send_now: SendNow) -> bytes:
        try:
            return data[send_now(data) :]
        except OSError:  # no room, or a worker that has left: the writer task finds out which
            return data

    async def take(self) -> bytes:
        """The next bytes to write, as many frames as fit."""
        while not self._frames:
            self._filled = trio.Event()
            await self._filled.wait()
        batch = [self._frames.popleft()]
        size = len(batch[0])
        while self._frames and size + len(self._frames[0]) <= MAX_WRITE:
            batch.append(self._frames.popleft())
            size += len(batch[-1])
        self._bytes -= size
        self._taken.set()
        self._taken = trio.Event()
        return b"".join(batch)


class Channel:
    """Both directions of one session's stream."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        limits: Limits,
        on_frame: Callable[[WorkerFrame], None],
        *,
        taking: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`taking` goes on while the worker has not taken what is sent to it: who gives it bounds
        that time, and ends the session."""
        self._stream = stream
        self._limits = limits
        self._on_frame = on_frame
        self._taking = taking
        self._decoder = FrameDecoder(MAX_WORKER_FRAME)
        self._inbox: deque[tuple[JsonObject, int]] = deque()
        self._inbox_bytes = 0
        self._arrears = 0
        self._changed = trio.Event()
        self._commands = TokenBucket(limits.commands_per_s, limits.commands_burst)
        self._all_frames = TokenBucket(limits.frames_per_s, limits.frames_burst)
        self._all_bytes = TokenBucket(limits.bytes_per_s, limits.bytes_burst)

    async def send(self, script: bytes, start: CoreFrame) -> None:
        """Write a script's frames and the start directly; only before `write` runs (the script is
        too big to queue)."""
        await self._send(script + encode_frame(core_frame_to_json(start), MAX_CORE_FRAME))

    async def write(self, outbox: Outbox) -> None:
        """Send what the outbox holds until cancelled; the only task that writes."""
        send_now = _non_blocking(self._stream)
        while True:
            if not outbox:
                outbox.send_now = send_now
            data = await outbox.take()
            outbox.send_now = None
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        with self._taking():
            try:
                await self._stream.send_all(data)
            except CLOSED as exc:
                raise WorkerGone from exc

    async def read(self) -> None:
        """Decode what the worker sends until it closes its end (WorkerGone)."""
        partial_since: float | None = None
        while True:
            if await self._wait_for_room() and partial_since is not None:
                partial_since = trio.current_time()  # the rest may be there; nobody has looked
            if partial_since is None:
                data = await self._receive()
            else:
                with trio.move_on_at(partial_since + PARTIAL_S) as scope:
                    data = await self._receive()
                if scope.cancelled_caught:
                    raise _protocol(f"a frame was not finished after {PARTIAL_S:g} s")
            await self._wait_for_bytes(max(len(data), READING))
            whole, broken = self._decode(data)
            if broken is not None:
                with trio.move_on_after(LAST_FRAMES_S):
                    await self.drained()
                raise _protocol(str(broken)) from broken
            if not self._decoder.partial:
                partial_since = None
            elif whole or partial_since is None:
                partial_since = trio.current_time()

    async def _receive(self) -> bytes:
        try:
            data = await self._stream.receive_some(MAX_WRITE)
        except CLOSED as exc:
            raise WorkerGone from exc
        if not data:
            raise WorkerGone
        return bytes(data)

    def _decode(self, data: bytes) -> tuple[bool, ProtocolError | None]:
        """Handle or queue whole frames; whether there were any, and what is wrong after them."""
        frames, broken = list[JsonObject](), None
        try:
            frames.extend(self._decoder.feed(data))
        except ProtocolError as exc:
            broken = exc
        size = len(data) // len(frames) + FRAME_OVERHEAD if frames else 0
        for number, frame in enumerate(frames):
            # A script that is throttled is not stuck: its pong overtakes its commands. One to no
            # ping ends the session, so there is never more than one.
            if frame.get("type") == PongFrame.type or self._goes_at_once(number, frame):
                self._hand_on(frame)
                continue
            self._inbox.append((frame, size))
            self._inbox_bytes += size
            self._arrears += _is_work(frame)
        if self._arrears > self._limits.commands_in_arrears:
            text = f"the script is {self._arrears} commands in arrears"
            raise ChannelFailed(End(Cause.COMMANDS, text))
        if self._inbox:
            self._changed.set()
        return bool(frames), broken

    def _goes_at_once(self, number: int, frame: JsonObject) -> bool:
        """Whether frame `number` of a reading needs no turn: nothing waits, and it is not many."""
        if self._inbox or number >= BREATHER:
            return False
        now = trio.current_time()
        buckets = self._buckets(frame)
        if any(bucket.wait_s(now) > 0 for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.take(now)
        return True

    async def _wait_for_room(self) -> bool:
        """Whether there was none at first."""
        full = self._inbox_bytes > MAX_INBOX_BYTES
        while self._inbox_bytes > MAX_INBOX_BYTES:
            await self._wait_for_change()
        return full

    async def _wait_for_bytes(self, size: int) -> None:
        """A script that sends too much is read later, and so blocks in its sends."""
        if not self._all_bytes.take(trio.current_time(), size):
            await trio.sleep(self._all_bytes.wait_s(trio.current_time(), size))
            self._all_bytes.take(trio.current_time(), size)

    async def _wait_for_change(self) -> None:
        self._changed = trio.Event()
        await self._changed.wait()

    async def drained(self) -> None:
        """Return when everything that was read has been handled."""
        while self._inbox:
            await self._wait_for_change()

    async def handle(self) -> None:
        """Hand frames on, in order and no faster than the script may work."""
        handled = 0
        while True:
            while not self._inbox:
                await self._wait_for_change()
            frame, size = self._inbox[0]
            await self._wait_for_tokens(frame)
            self._inbox.popleft()
            self._inbox_bytes -= size
            self._arrears -= _is_work(frame)
            self._changed.set()
            self._hand_on(frame)
            handled += 1
            if handled % BREATHER == 0:
                await trio.lowlevel.checkpoint()

    def _buckets(self, frame: JsonObject) -> tuple[TokenBucket, ...]:
        return (self._all_frames, self._commands) if _is_work(frame) else (self._all_frames,)

    async def _wait_for_tokens(self, frame: JsonObject) -> None:
        for bucket in self._buckets(frame):
            # Nothing else takes from these buckets, so one sleep is enough.
            if not bucket.take(trio.current_time()):
                await trio.sleep(bucket.wait_s(trio.current_time()))
                bucket.take(trio.current_time())

    def _hand_on(self, frame: JsonObject) -> None:
        try:
            self._on_frame(parse_worker_frame(frame))
        except ProtocolError as exc:
            raise _protocol(str(exc)) from exc
        except ChannelFailed:
            raise
        except Exception as exc:
            text = f"a frame could not be handled: {type(exc).__name__}: {str(exc)[:200]}"
            raise ChannelFailed(End(Cause.PROTOCOL, text), traceback.format_exc()) from exc


def _non_blocking(stream: trio.abc.Stream) -> SendNow | None:
    """The socket's own send, if there is one; its number is -1 once the stream is closed."""
    if not isinstance(stream, trio.SocketStream):
        return None
    sock = stream.socket
    return lambda data: os.write(sock.fileno(), data)


def _is_work(frame: dict[str, Any]) -> bool:
    """Commands, errors, answers and pieces of bodies cost the core work; all are metered as
    commands."""
    return frame.get("type") in WORK


def _protocol(text: str) -> ChannelFailed:
    return ChannelFailed(End(Cause.PROTOCOL, f"the script's process broke the protocol: {text}"))
