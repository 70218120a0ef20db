"""Audio in the text messages of a WebSocket: VoxEngine's media stream format, both ways.

A stream is "start" (its format), "media" (base64 audio with number and timestamp) and "stop". What
is no such message is the script's. Pure: the owner calls `Inbound.tick` every 20 ms while
`Inbound.running`. Source: voxengine.md 1.10.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from runtime.decisions.encodings import ENCODINGS, TICKS_PER_S, Encoding, find_encoding
from runtime.decisions.media_buffer import Buffer, buffer_of

SILENCE_TICKS: Final = TICKS_PER_S
"""A second without audio ends what is being played (voxengine.md 1.10)."""
MAX_TAG: Final = 256
MAX_CUSTOM: Final = 2_000
"""Characters of customParameters as JSON; they are for a few identifiers."""


# --- outputs ------------------------------------------------------------------------------------


@attrs.frozen
class Text:
    """A message of the script's."""

    text: str


@attrs.frozen(kw_only=True)
class Began:
    """The peer's audio begins to be played."""

    tag: str
    encoding: str
    custom: str
    """customParameters as JSON, or empty."""


@attrs.frozen(kw_only=True)
class Play:
    """The next piece of the peer's audio, in its encoding: 20 ms, or a packet."""

    encoding: Encoding
    payload: bytes


@attrs.frozen(kw_only=True)
class Ended:
    """Nothing came for a second, or the buffer was cleared. `duration_s` of the whole stream."""

    tag: str
    duration_s: float


@attrs.frozen
class Refused:
    """A message that is no proper part of a stream; says why."""

    why: str


Output = Text | Began | Play | Ended | Refused


# --- what comes ---------------------------------------------------------------------------------


class Inbound:
    """What a peer sends."""

    def __init__(self) -> None:
        self.dropped_s = 0.0
        """Audio that was too far ahead."""
        self.running = False
        """Whether `tick` is to be called."""
        self.encoding: Encoding | None = None
        """Of the stream that has begun."""
        self._tag = self._custom = ""
        self._buffer: Buffer | None = None
        self._stopped = False
        self._began = False
        self._silent = 0
        self._played = 0

    @property
    def busy(self) -> bool:
        """Whether a packet that was played is longer than 20 ms and still sounds."""
        return self._buffer is not None and self._buffer.busy

    def on_text(self, text: str) -> list[Output]:
        """One text message."""
        try:
            message: Any = json.loads(text) if text.lstrip()[:1] == "{" else None
        except (ValueError, RecursionError):
            return [Text(text)]
        match message:
            case {
                "event": "start",
                "start": {"mediaFormat": {"encoding": str(name)} as form} as start,
            }:
                return self._start(message, start, name, form.get("sampleRate"))
            case {"event": "media", "media": {"payload": str(payload)}}:
                return self._media(payload)
            case {"event": "stop"}:
                self._stopped = True
                return []
            case {"event": "start" | "media"}:
                return [Refused(f"{message['event']} is not complete")]
            case _:
                return [Text(text)]

    def _start(self, message: Any, start: Any, name: str, rate_hz: object) -> list[Output]:
        encoding = find_encoding(name, rate_hz)
        if encoding is None:
            return [Refused(f"there is no encoding {name[:40]!r} at {str(rate_hz)[:20]} Hz")]
        over = self._end()
        tag = start.get("tag", message.get("tag", ""))
        custom = start.get("customParameters", "")
        shown = custom if isinstance(custom, str) else json.dumps(custom, ensure_ascii=False)
        self.encoding, self._stopped, self._played = encoding, False, 0
        self._buffer = buffer_of(encoding)
        self._tag, self._custom = str(tag)[:MAX_TAG], shown if len(shown) <= MAX_CUSTOM else ""
        return over

    def _media(self, payload: str) -> list[Output]:
        encoding, buffer = self.encoding, self._buffer
        if encoding is None or buffer is None or self._stopped:
            return [Refused("media came without a start")]
        try:
            audio = base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            return [Refused("media is not base64")]
        why = encoding.refusal(audio)
        if why is not None:
            return [Refused(why)]
        self.dropped_s += buffer.add(audio)
        self.running = self.running or bool(buffer)
        return []

    def tick(self) -> list[Output]:
        """The next 20 ms."""
        encoding, buffer = self.encoding, self._buffer
        if encoding is None or buffer is None:
            return []
        pieces = buffer.take(all_of_it=self._last_piece())
        if pieces:
            return self._play(encoding, pieces)
        if buffer.busy:
            return []
        self._silent += 1
        return self._end() if self._silent >= SILENCE_TICKS else []

    def _last_piece(self) -> bool:
        """Less than 20 ms is played when no more of it can be expected."""
        return self._stopped or self._silent >= SILENCE_TICKS - 1

    def _play(self, encoding: Encoding, pieces: list[bytes]) -> list[Output]:
        self._silent = 0
        self._played += sum(encoding.samples(piece) for piece in pieces)
        found: list[Output] = []
        if not self._began:
            self._began = True
            found.append(Began(tag=self._tag, encoding=encoding.name, custom=self._custom))
        return [*found, *(Play(encoding=encoding, payload=piece) for piece in pieces)]

    def clear(self) -> list[Output]:
        """Drop what was not played yet."""
        return self._end()

    def _end(self) -> list[Output]:
        began, self._began, self.running, self._silent = self._began, False, False, 0
        if self._buffer is not None:
            self._buffer.clear()
        if not began or self.encoding is None:
            return []
        return [Ended(tag=self._tag, duration_s=self._played / self.encoding.rate_hz)]


# --- what goes ----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class StreamPlan:
    """How a script wants audio to be sent: options of sendMediaTo."""

    encoding: Encoding = ENCODINGS["PCM8"]
    tag: str = ""
    custom: str = ""
    """customParameters as JSON text, which is how they are sent."""


class Outbound:
    """What is sent to a peer: one stream at a time."""

    def __init__(self) -> None:
        self.plan: StreamPlan | None = None
        """Of the stream that is being sent."""
        self._sequence = self._chunk = self._samples = self._bytes = self._sent = 0

    def start(self, plan: StreamPlan) -> list[str]:
        """Messages that begin a stream, after the end of the one before."""
        messages = self.stop()
        self.plan = plan
        self._sequence = self._chunk = self._samples = self._bytes = self._sent = 0
        form = {
            "encoding": plan.encoding.name,
            "sampleRate": plan.encoding.rate_hz,
            "channels": 1,
        }
        start: dict[str, Any] = {"mediaFormat": form}
        if plan.tag:
            start["tag"] = plan.tag
        if plan.custom:
            start["customParameters"] = plan.custom
        return [*messages, self._message("start", start)]

    def media(self, payload: bytes) -> list[str]:
        """One piece of audio in the stream's encoding; nothing while there is no stream."""
        if self.plan is None:
            return []
        media: dict[str, Any] = {
            "chunk": self._chunk,
            "timestamp": self._samples,
            "payload": base64.b64encode(payload).decode("ascii"),
        }
        if self.plan.tag:
            media["tag"] = self.plan.tag
        self._chunk += 1
        self._bytes += len(payload)
        samples = self.plan.encoding.samples(payload)
        self._samples += samples
        self._sent += samples
        return [self._message("media", media)]

    def lose(self, payload: bytes) -> None:
        """A piece that could not be sent: the numbers tell the peer (RFC 3550, as it does)."""
        if self.plan is not None:
            self._chunk += 1
            self._samples += self.plan.encoding.samples(payload)

    def stop(self) -> list[str]:
        """Messages that end the stream, if there is one."""
        plan, self.plan = self.plan, None
        if plan is None:
            return []
        info = {
            "bytesSent": self._bytes,
            "duration": round(self._sent / plan.encoding.rate_hz * 1000),
        }
        stop: dict[str, Any] = {"mediaInfo": info}
        if plan.tag:
            stop["tag"] = plan.tag
        return [self._message("stop", stop)]

    def _message(self, event: str, content: Mapping[str, Any]) -> str:
        message = {"event": event, "sequenceNumber": self._sequence, event: content}
        self._sequence += 1
        return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
