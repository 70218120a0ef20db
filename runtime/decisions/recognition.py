"""What a speech recogniser says of the audio it gets: JSON texts of its WebSocket. Pure.

`{"event": "capture_started"}` when a voice is found, `speech_captured` when it has ended, `interim`
with `text` meanwhile, `result` with `text` and, if known, `confidence` (0 to 100), `languageCode`
and `resultEndTime` (ms); `error` with `error` when it cannot go on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

MAX_TEXT: Final = 32_000
"""Of one result: an hour of speech; what is beyond it is cut."""
EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "capture_started": "CaptureStarted",
        "speech_captured": "SpeechCaptured",
        "interim": "InterimResult",
        "result": "Result",
        "error": "Error",
    }
)
"""What it calls them, and what scripts do."""


@attrs.frozen
class Recognised:
    """One event for the script."""

    name: str
    fields: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


def read(text: str) -> Recognised | None:
    """None for what is no such message."""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        return None
    name = EVENTS.get(message["event"])
    if name is None:
        return None
    if name == "Error":
        return Recognised(name, {"error": str(message.get("error", ""))[:MAX_TEXT]})
    if name not in ("Result", "InterimResult"):
        return Recognised(name)
    if name == "Result":
        return read_answer(message)
    return Recognised(name, {"text": str(message.get("text", ""))[:MAX_TEXT]})


def read_answer(message: Mapping[str, Any]) -> Recognised:
    """What was understood of one utterance: `text`, and what else a result has."""
    fields = {
        "text": str(message.get("text", ""))[:MAX_TEXT],
        "confidence": _number(message.get("confidence"), 100.0),
        "resultEndTime": _number(message.get("resultEndTime"), float(2**53)),
        "languageCode": str(message.get("languageCode", ""))[:64],
    }
    return Recognised("Result", fields)


def _number(value: object, most: float) -> float:
    """0 for what is none, or out of range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return value if 0 <= value <= most else 0
