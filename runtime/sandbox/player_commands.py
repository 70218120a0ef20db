"""Commands about players: sounds of their own, which any number of units can hear."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import attrs

from runtime.decisions.http import METHODS
from runtime.decisions.tone_notation import MAX_SCRIPT
from runtime.sandbox.command import Command
from runtime.sandbox.schema import (
    MAX_NAME,
    MAX_TEXT,
    MAX_URI,
    checked,
    flag,
    http_headers_field,
    one_of,
    text_of,
    unit_field,
    whole_number,
)
from runtime.sandbox.wire import ProtocolError


@attrs.frozen(kw_only=True)
class CreateUrlPlayer(Command):
    """A file of the bundle, of the data folder, or an http(s) URL, asked for with `method`,
    `headers` and `body`; `hide_headers` and `hide_body` keep those out of the timeline."""

    op: ClassVar[str] = "player.create"
    unit: int = unit_field()
    url: str = checked(text_of(MAX_URI, empty=False))
    method: str = checked(one_of(*METHODS), "GET")
    headers: tuple[tuple[str, str], ...] = http_headers_field()
    body: str = checked(text_of(MAX_TEXT, lines=True), "")
    loop: bool = checked(flag, False)
    on_pause: bool = checked(flag, False)
    progressive: bool = checked(flag, False)
    hide_headers: bool = checked(flag, False)
    hide_body: bool = checked(flag, False)


@attrs.frozen(kw_only=True)
class CreateTtsPlayer(Command):
    op: ClassVar[str] = "player.create_tts"
    unit: int = unit_field()
    text: str = checked(text_of(MAX_TEXT, lines=True))
    voice: str = checked(text_of(MAX_NAME), "")
    rate: str = checked(text_of(MAX_NAME), "")
    pitch: str = checked(text_of(MAX_NAME), "")
    volume: str = checked(text_of(MAX_NAME), "")
    on_pause: bool = checked(flag, False)
    progressive: bool = checked(flag, False)


@attrs.frozen(kw_only=True)
class CreateTonePlayer(Command):
    """`script` in the notation of decisions/tone_notation.py."""

    op: ClassVar[str] = "player.create_tone"
    unit: int = unit_field()
    script: str = checked(text_of(MAX_SCRIPT, empty=False))
    loop: bool = checked(flag, False)


Segment = tuple[str, ...]
"""("url", URL), or ("text", text, voice, rate, pitch, volume)."""
SEGMENT_FIELDS: Final = {"url": 2, "text": 6}
MAX_SEGMENTS: Final = 50
"""A digit-by-digit number with its sentence; each is a sound of its own to be fetched."""


def _segments(value: Any) -> Any:
    """What comes as JSON lists becomes what it was."""
    if not isinstance(value, list) or not all(isinstance(each, list) for each in value):
        return value
    return tuple(tuple(each) for each in value)


def _check_segments(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, tuple) or not 0 < len(value) <= MAX_SEGMENTS:
        raise ProtocolError(f"{attribute.name}: must be 1 to {MAX_SEGMENTS} segments")
    for each in value:
        if (
            not isinstance(each, tuple)
            or not each
            or [type(part) for part in each] != [str] * SEGMENT_FIELDS.get(str(each[0]), 0)
        ):
            raise ProtocolError(f"{attribute.name}: must hold URLs and texts")
        check = text_of(MAX_URI, empty=False) if each[0] == "url" else text_of(MAX_TEXT, lines=True)
        for part in each[1:2]:
            check(None, attribute, part)
        for part in each[2:]:
            text_of(MAX_NAME)(None, attribute, part)
    size = sum(len(each[1]) for each in value)
    if size > 2 * MAX_TEXT:
        raise ProtocolError(f"{attribute.name}: {size} characters in all, {2 * MAX_TEXT} may be")


@attrs.frozen(kw_only=True)
class CreateSequencePlayer(Command):
    op: ClassVar[str] = "player.create_sequence"
    unit: int = unit_field()
    segments: tuple[Segment, ...] = attrs.field(converter=_segments, validator=_check_segments)


@attrs.frozen(kw_only=True)
class PausePlayer(Command):
    op: ClassVar[str] = "player.pause"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class ResumePlayer(Command):
    op: ClassVar[str] = "player.resume"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class StopPlayer(Command):
    op: ClassVar[str] = "player.stop"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class AddPlayerMarker(Command):
    """`offset_ms` from the start, or from the end when negative, of a segment of a sequence."""

    op: ClassVar[str] = "player.marker"
    unit: int = unit_field()
    offset_ms: int = checked(whole_number(-86_400_000, 86_400_000))
    segment: int = checked(whole_number(0, MAX_SEGMENTS - 1), 0)


PLAYER_COMMANDS: Final[tuple[type[Command], ...]] = (
    CreateUrlPlayer,
    CreateTtsPlayer,
    CreateTonePlayer,
    CreateSequencePlayer,
    PausePlayer,
    ResumePlayer,
    StopPlayer,
    AddPlayerMarker,
)
