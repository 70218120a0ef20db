"""Sounds without samples: texts and files that only have a name and a length.

A text lasts as long as `speech_seconds` says; a wav file of the scenario's folder lasts as long as
it really is; anything else lasts `default_s` unless the test set its length.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeVar

import attrs
import trio

from runtime.media.port import Sound, SoundError
from runtime.media.sounds.sound_port import WHOLE, Assets, Fetching, Voice
from runtime.testing.hearing import Kind, speech_seconds

T = TypeVar("T")

DEFAULT_FILE_S: Final = 5.0
"""How long a sound lasts whose length nobody knows."""
MAX_SPEECH_CHARACTERS: Final = 1500
"""VoxEngine's limit for one text (voxengine.md 3.8)."""


@attrs.define(eq=False)
class SymbolicSound:
    """A text or file as a listener would name it."""

    label: str
    kind: Kind
    duration_s: float
    parts: tuple[SymbolicSound, ...] = ()
    """Of what it was joined."""
    closed: bool = False
    error: None = None

    async def ready(self) -> None:
        """Its length is always known."""
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        self.closed = True


class SymbolicSounds:
    """The sound library of a simulation.

    `speech_delay_s` and `file_delay_s` are how long it takes until a text or file can be played:
    set them to try what a slow voice or a slow download does to a scenario. A progressive playback
    does not wait for its file.
    """

    def __init__(self, recorded_s: Callable[[str], float | None] | None = None) -> None:
        self.default_s = DEFAULT_FILE_S
        self.speech_delay_s = 0.0
        self.file_delay_s = 0.0
        self.fetched: list[tuple[str, Fetching]] = []
        """Every file and URL that was asked for, and how."""
        self._lengths: dict[str, float] = {}
        self._broken: dict[str, str] = {}
        self._recorded_s = recorded_s

    def set_length(self, name: str, seconds: float) -> None:
        """A file or URL (`*` matches anything) lasts so long."""
        self._lengths[name] = seconds

    def break_file(self, name: str, error: str) -> None:
        """A file or URL (`*` matches anything) cannot be played, for this reason."""
        self._broken[name] = error

    async def open_file(self, url: str, assets: Assets, how: Fetching = WHOLE) -> Sound:
        self.fetched.append((url, how))
        if not how.progressive:
            await trio.sleep(self.file_delay_s)
        error = _find(self._broken, url)
        if error is not None:
            raise SoundError(error)
        return SymbolicSound(url, "file", self._file_seconds(url, assets))

    async def join(
        self, label: str, sounds: Sequence[Sound], assets: Assets | None = None
    ) -> Sound:
        await trio.lowlevel.checkpoint()
        parts = tuple(sound for sound in sounds if isinstance(sound, SymbolicSound))
        whole_s = sum(part.duration_s for part in parts)
        return SymbolicSound(label, parts[0].kind, whole_s, parts=parts)

    async def speak(self, text: str, voice: Voice, assets: Assets | None = None) -> Sound:
        await trio.sleep(self.speech_delay_s)
        if len(text) > MAX_SPEECH_CHARACTERS:
            raise SoundError(
                f"the text has {len(text)} characters, {MAX_SPEECH_CHARACTERS} can be spoken at "
                "once; say it in parts"
            )
        return SymbolicSound(text, "speech", speech_seconds(text))

    def _file_seconds(self, url: str, assets: Assets) -> float:
        recorded = self._recorded_s(url) if self._recorded_s else None
        if recorded is not None:
            return recorded
        known = _find(self._lengths, url)
        if url.startswith(("http://", "https://")):
            return self.default_s if known is None else known
        content = assets.open_bytes(url)
        if known is not None:
            return known
        return _wav_seconds(url, content) if url.lower().endswith(".wav") else self.default_s


def _find(table: dict[str, T], name: str) -> T | None:
    for pattern, value in table.items():
        if fnmatchcase(name, pattern):
            return value
    return None


def _wav_seconds(name: str, content: bytes) -> float:
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError) as exc:
        raise SoundError(f"{name} is not a wav file that can be played: {exc}") from exc
