"""What the dispatcher must know of single events: the last ones of what, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runtime.api.amd import AMDEvents
from runtime.api.event_constants import (
    SPACES,
    AppEvents,
    ASREvents,
    CallEvents,
    ConferenceEvents,
    PlayerEvents,
    RecorderEvents,
    SequencePlayerEvents,
    WebSocketEvents,
)
from runtime.api.events import Event, by_name
from runtime.sandbox.frames import EventFrame

TERMINATING: Final = AppEvents.Terminating.name
TERMINATED: Final = AppEvents.Terminated.name
HTTP_REQUEST: Final = AppEvents.HttpRequest.name
TERMINAL: Final = frozenset(
    (CallEvents.Disconnected.name, CallEvents.Failed.name, CallEvents.RecordStopped.name)
)
LAST_OF_UNIT: Final = frozenset(
    event.name
    for event in (
        PlayerEvents.Stopped,
        PlayerEvents.PlaybackFinished,
        SequencePlayerEvents.Stopped,
        SequencePlayerEvents.PlaybackFinished,
        RecorderEvents.Stopped,
        RecorderEvents.RecorderError,
        ConferenceEvents.Stopped,
        ConferenceEvents.ConferenceError,
        WebSocketEvents.CLOSE,
        ASREvents.Stopped,
        ASREvents.ASRError,
        AMDEvents.DetectionComplete,
        AMDEvents.DetectionError,
    )
)
"""What is no call is over with these; calls are released by the core."""
EVENTS: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {name: event for space in (*SPACES, AMDEvents) for name, event in by_name(space).items()}
)
SOURCE_FIELD: Final = {
    "AMD": "amd",
    "ASR": "asr",
    "Conference": "conference",
    "Player": "player",
    "Recorder": "recorder",
    "SequencePlayer": "sequencePlayer",
    "WebSocket": "websocket",
}


def source_field(name: str) -> str:
    """How events of this name call what they are about."""
    return SOURCE_FIELD.get(name.partition(".")[0], "call")


def is_last(frame: EventFrame) -> bool:
    """A conference's error with a code is about one call that it did not let in; it goes on."""
    goes_on = frame.name == ConferenceEvents.ConferenceError.name and frame.fields.get("code")
    return frame.name in LAST_OF_UNIT and not goes_on
