"""Commands about players: sounds of their own, which any number of units can hear."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.decisions.http import METHODS
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
    """`offset_ms` from the start, or from the end when negative."""

    op: ClassVar[str] = "player.marker"
    unit: int = unit_field()
    offset_ms: int = checked(whole_number(-86_400_000, 86_400_000))


PLAYER_COMMANDS: Final[tuple[type[Command], ...]] = (
    CreateUrlPlayer,
    CreateTtsPlayer,
    PausePlayer,
    ResumePlayer,
    StopPlayer,
    AddPlayerMarker,
)
