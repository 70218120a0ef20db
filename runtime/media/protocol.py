"""Messages of the control link between core and engine, and their JSON form.

Commands of one packet take effect together, in order, at the next tick; events of one tick come in
one packet. Descriptors travel beside the JSON, and `fd` in a message is a number into their list.
Units (legs, players, conferences, recorders) have ids that the core gives out and never uses twice.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any, Final, get_args

import attrs
from cattrs import Converter
from cattrs.errors import BaseValidationError

from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.port import (
    AudioMissing,
    DigitsSent,
    FirstPacketReceived,
    LegClosed,
    LegMeasured,
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
    RecorderClosed,
    RtpResumed,
    RtpStopped,
    RtpStream,
    ToneReceivedFromPeer,
)
from runtime.media.tone_script import ToneScript
from runtime.sandbox.levels import SandboxReport

MAX_TONE_STEPS: Final = 72
MAX_STEP_MS: Final = 3_600_000
MAX_SECTION_MS: Final = 86_400_000
MAX_FREQUENCIES: Final = 8
MAX_FREQUENCY_HZ: Final = 4000.0
"""Half the sample rate; there is nothing to hear above."""
LEVELS_DBM0: Final = (-100.0, 3.0)


class ProtocolError(Exception):
    """A packet that this version of the other side would not have sent."""


# --- commands -----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class StartEngine:
    """First of all: where to listen and how much to carry."""

    host: str
    first_port: int
    last_port: int
    max_legs: int
    max_players: int
    helper: bool = True
    """Whether to use the native helper where it is there."""
    codecs: tuple[str, ...] = ()
    """What calls may be negotiated to; their libraries are loaded now."""


@attrs.frozen
class OpenLeg:
    unit: int


@attrs.frozen
class ConfigureLeg:
    unit: int
    stream: RtpStream


@attrs.frozen
class HandleTones:
    unit: int
    handle: bool


@attrs.frozen
class Detect:
    unit: int
    what: Detection


@attrs.frozen
class MeasureLeg:
    unit: int


@attrs.frozen
class SendDigits:
    unit: int
    digits: str


@attrs.frozen(kw_only=True)
class OpenPlayer:
    """A player of a PcmBuffer."""

    unit: int
    fd: int
    loop: bool
    paused: bool


def _check_script(_: Any, __: attrs.Attribute[ToneScript], script: ToneScript) -> None:
    if script.size > MAX_TONE_STEPS:
        raise ValueError(f"{script.size} steps in a tone script, at most {MAX_TONE_STEPS}")
    if any(not 0 <= section.duration_ms <= MAX_SECTION_MS for section in script.sections):
        raise ValueError(f"a section of a tone script lasts a day at most, {MAX_SECTION_MS} ms")
    low, high = LEVELS_DBM0
    for step in (step for section in script.parts for step in section.steps):
        heard = all(0 < f < MAX_FREQUENCY_HZ for f in step.frequencies_hz)
        if not heard or len(step.frequencies_hz) > MAX_FREQUENCIES:
            raise ValueError(f"{step.frequencies_hz}: up to 8 frequencies, 0 to 4000 Hz")
        if not 0 <= step.duration_ms <= MAX_STEP_MS or math.isnan(step.level_dbm0):
            raise ValueError(f"a step of {step.duration_ms} ms; an hour is the longest")
        if step.levels_dbm0 and len(step.levels_dbm0) != len(step.frequencies_hz):
            raise ValueError(f"{len(step.levels_dbm0)} levels of other frequencies")
        for level in (step.level_dbm0, *step.levels_dbm0):
            if not low <= level <= high:
                raise ValueError(f"a level of {level} dBm0; {low} to {high} can be heard")


@attrs.frozen(kw_only=True)
class OpenTonePlayer:
    unit: int
    script: ToneScript = attrs.field(validator=_check_script)
    paused: bool


@attrs.frozen
class PausePlayer:
    unit: int


@attrs.frozen
class ResumePlayer:
    unit: int


@attrs.frozen
class AddMarker:
    unit: int
    offset_ms: int


@attrs.frozen
class OpenConference:
    unit: int


@attrs.frozen(kw_only=True)
class OpenRecorder:
    """A recorder into a PcmRing: of two channels = stereo, of one = the mix."""

    unit: int
    fd: int


@attrs.frozen
class TapLeg:
    unit: int
    leg: int


@attrs.frozen
class MuteRecorder:
    unit: int
    muted: bool


@attrs.frozen
class CloseUnit:
    unit: int


@attrs.frozen
class Connect:
    source: int
    sink: int


@attrs.frozen
class Disconnect:
    source: int
    sink: int


Command = (
    StartEngine
    | OpenLeg
    | ConfigureLeg
    | HandleTones
    | Detect
    | MeasureLeg
    | SendDigits
    | OpenPlayer
    | OpenTonePlayer
    | PausePlayer
    | ResumePlayer
    | AddMarker
    | OpenConference
    | OpenRecorder
    | TapLeg
    | MuteRecorder
    | CloseUnit
    | Connect
    | Disconnect
)

# --- events -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class EngineReady:
    """The answer to StartEngine. `max_legs` is less than asked for when descriptors are short."""

    max_legs: int
    sandbox: SandboxReport
    """How well the engine is locked, as its children found by trying."""
    without_helper: str = ""
    """Why the engine works without its native helper; empty when it has it."""


@attrs.frozen(kw_only=True)
class EngineRefused:
    """The engine cannot start, and ends."""

    reason: str


@attrs.frozen(kw_only=True)
class LegOpened:
    rtp_port: int
    rtcp_port: int


@attrs.frozen(kw_only=True)
class LegRefused:
    reason: str


@attrs.frozen(kw_only=True)
class TicksSkipped:
    """The engine stood still for so many frames of 20 ms."""

    frames: int


@attrs.frozen(kw_only=True)
class EngineReport:
    """Once a second: the engine lives, and its counters since it started."""

    frames: int = 0
    legs: int = 0
    skipped_frames: int = 0
    sends_refused: int = 0
    """Packets to peers where nobody listens (ICMP)."""
    sends_failed: int = 0
    cpu_s: float = 0.0


UnitEvent = (
    LegOpened
    | LegRefused
    | FirstPacketReceived
    | ToneReceivedFromPeer
    | DigitsSent
    | RtpStopped
    | RtpResumed
    | AudioMissing
    | VoiceChanged
    | BeepHeard
    | MachineJudged
    | ProgressToneHeard
    | DetectionRefused
    | LegMeasured
    | LegClosed
    | PlayerStarted
    | PlayerMarkerReached
    | PlayerStarved
    | PlayerFed
    | PlayerFinished
    | RecorderClosed
    | EngineReady
    | EngineRefused
    | TicksSkipped
    | EngineReport
)


@attrs.frozen
class Event:
    """Something happened to a unit; unit 0 is the engine itself."""

    unit: int
    what: UnitEvent


ENGINE: Final = 0
COMMAND_TAG: Final = "do"
EVENT_TAG: Final = "is"

# --- JSON ---------------------------------------------------------------------------------------


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(
        lambda kind: kind == frozenset[int], lambda numbers, _: frozenset(map(int, numbers))
    )
    converter.register_unstructure_hook_func(lambda kind: kind == frozenset[int], sorted)
    return converter


@functools.cache
def _writer(union: Any, tag: str) -> Converter:
    """Each end writes the one union and reads the other: what it does not do is not compiled. All
    of it is compiled at the first packet, since no tick of the engine has the time."""
    converter = _converter()
    hooks = {member: converter.get_unstructure_hook(member) for member in get_args(union)}

    def write(value: Any) -> dict[str, Any]:
        written: dict[str, Any] = hooks[type(value)](value)
        written[tag] = type(value).__name__
        return written

    converter.register_unstructure_hook(union, write)
    return converter


@functools.cache
def _reader(union: Any, tag: str) -> Converter:
    converter = _converter()
    hooks = {
        member.__name__: (member, converter.get_structure_hook(member))
        for member in get_args(union)
    }

    def read(value: dict[str, Any], _: Any) -> Any:
        fields = value.copy()
        member, hook = hooks[fields.pop(tag)]
        return hook(fields, member)

    converter.register_structure_hook(union, read)
    return converter


def encode_commands(commands: Iterable[Command]) -> dict[str, Any]:
    converter = _writer(Command, COMMAND_TAG)
    return {"commands": [converter.unstructure(c, unstructure_as=Command) for c in commands]}


def encode_events(events: Iterable[Event]) -> dict[str, Any]:
    converter = _writer(UnitEvent, EVENT_TAG)
    return {"events": [converter.unstructure(event) for event in events]}


def decode_commands(packet: dict[str, Any]) -> list[Command]:
    """Raises ProtocolError."""
    converter = _reader(Command, COMMAND_TAG)
    commands: list[Command] = _decode(packet, "commands", Command, converter)
    return commands


def decode_events(packet: dict[str, Any]) -> list[Event]:
    """Raises ProtocolError."""
    converter = _reader(UnitEvent, EVENT_TAG)
    events: list[Event] = _decode(packet, "events", Event, converter)
    return events


def _decode(packet: dict[str, Any], key: str, kind: Any, converter: Converter) -> list[Any]:
    items = packet.get(key)
    if not isinstance(items, list):
        raise ProtocolError(f"a packet without a list of {key}")
    try:
        return [converter.structure(item, kind) for item in items]
    except (BaseValidationError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise ProtocolError(f"{key} that cannot be read: {exc!r}") from exc
