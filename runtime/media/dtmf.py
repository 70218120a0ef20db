"""RFC 4733 telephone events of one leg: key presses out of packets, and packets out of digits.

Receiving: one press per event, at its first end packet or 120 ms after its last packet when the end
was lost; repeated, reordered and half-lost events, and long presses cut into segments, count once.
Sending: marker on the first packet, one timestamp, a growing duration, three end packets.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

import attrs

from runtime.media.frames import FRAME, FRAME_MS, RATE_HZ

DIGITS: Final = "0123456789*#ABCD"
"""RFC 4733 section 3.2: event codes 0 to 15."""
END_TIMEOUT_S: Final = 0.120
MAX_DURATION: Final = 0xFFFF
"""Timestamp units; a longer press is sent in segments (RFC 4733 2.5.1.3)."""
REMEMBERED: Final = 8
"""Reported events whose stragglers are still recognised; older ones are over a second old."""
PRESS_RATE: Final = 25.0
"""Presses per second that are believed; 40 ms on, 40 ms off gives 12.5."""
PRESS_BURST: Final = 32
"""A stalled network may deliver so many presses at once."""
SEGMENT_SLACK_MS: Final = 100

_EVENT: Final = struct.Struct(">BBH")
_END: Final = 0x80
_VOLUME: Final = 10
"""-10 dBm0, what most telephones send."""


# --- receiving ----------------------------------------------------------------------------------


@attrs.frozen
class PressStarted:
    """A key went down."""

    digit: str


@attrs.frozen
class PressEnded:
    """The key came up (or stayed silent for 120 ms)."""

    digit: str
    duration_ms: int


@attrs.define
class _Press:
    """The event that is being received."""

    code: int
    timestamp: int
    duration: int
    started: int
    """Timestamp of the first segment."""
    heard_at: float
    sequence: int
    clock_hz: int
    ended: bool = False

    @property
    def duration_ms(self) -> int:
        total = ((self.timestamp - self.started) & 0xFFFFFFFF) + self.duration
        return total * 1000 // self.clock_hz


class EventReceiver:
    """Turns the telephone-event packets of one leg into presses."""

    def __init__(self) -> None:
        self.clock_hz = RATE_HZ
        """Of durations and timestamps."""
        self._press: _Press | None = None
        self._reported: deque[int] = deque(maxlen=REMEMBERED)
        self._budget = float(PRESS_BURST)
        self._budget_at = 0.0
        self.ignored = 0
        """Packets that are malformed, unknown events, or presses nobody could make."""

    def on_packet(
        self, payload: bytes, timestamp: int, sequence: int, now: float
    ) -> list[PressStarted | PressEnded]:
        """One packet; `sequence` is extended, so that stragglers can be told."""
        if len(payload) < _EVENT.size or payload[0] >= len(DIGITS):
            self.ignored += 1
            return []
        code, flags, duration = _EVENT.unpack_from(payload)
        press = self._press
        if press is not None and self._belongs(press, code, timestamp, sequence, duration):
            out: list[PressStarted | PressEnded] = []
        elif timestamp in self._reported and not self._pressed_again(
            timestamp, sequence, bool(flags & _END), duration
        ):
            return []
        elif not self._afford(now):
            self.ignored += 1
            return []
        else:
            out = self._finish()
            press = _Press(code, timestamp, 0, timestamp, now, sequence, self.clock_hz)
            self._press = press
            out.append(PressStarted(DIGITS[code]))
        assert press is not None
        press.heard_at = now
        press.sequence = max(press.sequence, sequence)
        press.duration = max(press.duration, duration)
        if flags & _END:
            out += self._finish()
        return out

    def on_time(self, now: float) -> list[PressStarted | PressEnded]:
        """End a press whose end packets were lost."""
        if self._press and not self._press.ended and now - self._press.heard_at >= END_TIMEOUT_S:
            return self._finish()
        return []

    @property
    def pressed(self) -> bool:
        """Whether a key is down."""
        return self._press is not None and not self._press.ended

    def _belongs(
        self, press: _Press, code: int, timestamp: int, sequence: int, duration: int
    ) -> bool:
        """Whether the packet goes on with the press that is being received."""
        if press.ended or code != press.code:
            return False
        if timestamp == press.timestamp:
            return True
        # RFC 4733 2.5.1.3: the next segment of a long press begins where the last one was full.
        slack = SEGMENT_SLACK_MS * press.clock_hz // 1000
        full = press.duration >= MAX_DURATION - slack
        step = (timestamp - press.timestamp) & 0xFFFFFFFF
        if not full or sequence <= press.sequence or abs(step - press.duration) > slack:
            return False
        self._reported.append(press.timestamp)
        press.timestamp, press.duration = timestamp, 0
        return True

    def _pressed_again(self, timestamp: int, sequence: int, end: bool, duration: int) -> bool:
        """Some senders never change the timestamp: a shorter, newer packet is a new press."""
        press = self._press
        return (
            press is not None
            and press.ended
            and timestamp == press.timestamp
            and sequence > press.sequence
            and not end
            and duration < press.duration
        )

    def _finish(self) -> list[PressStarted | PressEnded]:
        press = self._press
        if press is None or press.ended:
            return []
        press.ended = True
        self._reported.append(press.timestamp)
        return [PressEnded(DIGITS[press.code], press.duration_ms)]

    def _afford(self, now: float) -> bool:
        earned = (now - self._budget_at) * PRESS_RATE
        self._budget = min(float(PRESS_BURST), self._budget + earned)
        self._budget_at = now
        if self._budget < 1.0:
            return False
        self._budget -= 1.0
        return True


# --- sending ------------------------------------------------------------------------------------

TONE_FRAMES: Final = 100 // FRAME_MS
GAP_FRAMES: Final = 100 // FRAME_MS
PAUSE_FRAMES: Final = 500 // FRAME_MS
"""`p` in a string of digits."""
MIN_FRAMES: Final = 40 // FRAME_MS
"""A press that is passed on lasts at least this long: the shortest that everybody recognises."""
END_PACKETS: Final = 3
"""RFC 4733 2.5.1.4: the last packet is sent three times."""
MAX_QUEUED: Final = 512
"""Twice what one `sendDigits` may hold; more is refused and counted."""
PAUSE: Final = "p"


@attrs.frozen(kw_only=True)
class EventPacket:
    """One telephone-event packet, sent instead of a frame of audio."""

    payload: bytes
    timestamp: int
    marker: bool


@attrs.define
class _Sending:
    """The digit (or pause) that is being sent."""

    digit: str
    frames: int | None
    """Length of the tone; None while the key is still down."""
    gap: int
    timestamp: int = 0
    sent: int = 0
    """Frames since the start."""
    ended_at: int = 0


class EventSender:
    """Turns digits into telephone-event packets, one per 20 ms tick. In-band: into frames to play.

    `on_frame` is asked each tick with the leg's timestamp; what it returns replaces the audio.
    """

    def __init__(self) -> None:
        self._queue: deque[_Sending] = deque()
        self._current: _Sending | None = None
        self._announced = True
        self._step = self._event_step = FRAME
        self.refused = 0

    def pace(self, clock_hz: int, event_clock_hz: int) -> None:
        """The clocks of the leg's timestamps and of the events' durations, usually the same."""
        self._step = clock_hz * FRAME_MS // 1000
        self._event_step = event_clock_hz * FRAME_MS // 1000

    @property
    def busy(self) -> bool:
        return self._current is not None or bool(self._queue)

    def queue(self, digits: str) -> None:
        """100 ms of tone and 100 ms of gap for each digit, 0.5 s for each `p`."""
        for symbol in digits.upper():
            if symbol == PAUSE.upper():
                self._append(_Sending(PAUSE, 0, PAUSE_FRAMES))
            elif symbol in DIGITS:
                self._append(_Sending(symbol, TONE_FRAMES, GAP_FRAMES))
            else:
                self.refused += 1
        self._announced = False

    def press(self, digit: str) -> None:
        """Another leg's key went down; it is passed on until `release`."""
        self._append(_Sending(digit, None, END_PACKETS - 1))

    def release(self, digit: str) -> None:
        """The key came up."""
        for item in (self._current, *self._queue):
            if item is not None and item.frames is None and item.digit == digit:
                # The next packet is the first one with the end bit.
                item.frames = max(MIN_FRAMES, item.sent + 1)
                return

    def release_all(self) -> None:
        """Whoever held keys down is gone."""
        for item in (self._current, *self._queue):
            if item is not None and item.frames is None:
                item.frames = max(MIN_FRAMES, item.sent + 1)

    def take_announcement(self) -> bool:
        """True once, when everything given to `queue` is on the wire."""
        if self._announced or self.busy:
            return False
        self._announced = True
        return True

    def on_frame(self, timestamp: int) -> EventPacket | None:
        """The packet for this tick, or None when audio (or a gap) is sent."""
        item = self._next(timestamp)
        if item is None:
            return None
        item.sent += 1
        packet = None if item.digit == PAUSE else self._packet(item)
        if item.frames is not None and item.sent >= item.frames + item.gap:
            self._current = None
        return packet

    def on_frame_in_band(self) -> tuple[str, int, bool] | None:
        """(digit, samples since its start, whether this is its last frame); None for no tone."""
        item = self._next(0)
        if item is None:
            return None
        item.sent += 1
        frames = item.frames
        if frames is not None and item.sent >= frames + max(item.gap, GAP_FRAMES):
            self._current = None
        if item.digit == PAUSE or (frames is not None and item.sent > frames):
            return None
        return item.digit, (item.sent - 1) * FRAME, item.sent == frames

    def _next(self, timestamp: int) -> _Sending | None:
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._current.timestamp = timestamp
        return self._current

    def _packet(self, item: _Sending) -> EventPacket | None:
        if item.frames is not None and item.sent >= item.frames + END_PACKETS:
            return None
        length = item.sent if item.frames is None else min(item.sent, item.frames)
        ended = item.frames is not None and item.sent >= item.frames
        # RFC 4733 2.5.1.3: a full segment is followed by the next one, without a marker.
        full = MAX_DURATION // self._event_step
        segment, rest = divmod(length - 1, full)
        duration = (rest + 1) * self._event_step
        code = DIGITS.index(item.digit)
        return EventPacket(
            payload=_EVENT.pack(code, (_END if ended else 0) | _VOLUME, duration),
            timestamp=(item.timestamp + segment * full * self._step) & 0xFFFFFFFF,
            marker=item.sent == 1,
        )

    def _append(self, item: _Sending) -> None:
        if len(self._queue) >= MAX_QUEUED:
            self.refused += 1
            return
        self._queue.append(item)
