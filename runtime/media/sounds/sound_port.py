"""Where sounds come from, as sessions see it; what plays them is port.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import attrs

from runtime.media.port import Sound

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
"""The platform's limit for a sound file (voxengine.md 2.2)."""


@attrs.frozen(kw_only=True)
class Fetching:
    """How an http(s) URL is asked for; nothing of it matters to other names."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)
    progressive: bool = False
    """The sound may be played while it still arrives."""

    @property
    def plain(self) -> bool:
        """Whether the URL alone says what comes, for everybody."""
        return self.method == "GET" and not self.headers and not self.body


WHOLE: Final = Fetching()


class SoundLibrary(Protocol):
    """Turns names and texts into sounds; the only way in for strangers' audio.

    `assets` say for which scenario: scenarios take turns, and each has its share of the memory.
    """

    async def open_file(self, url: str, assets: Assets, how: Fetching = WHOLE) -> Sound:
        """A file of the bundle, of the data folder, or an http(s) URL. Raises SoundError."""

    async def join(self, label: str, sounds: Sequence[Sound], assets: Assets) -> Sound:
        """One sound of several whole ones, which stay their owner's. Raises SoundError."""

    async def speak(self, text: str, voice: Voice, assets: Assets) -> Sound:
        """Raises SoundError for an unknown voice or text over 1,500 characters."""


@attrs.frozen(kw_only=True)
class Voice:
    """`name` is a BCP-47 language or a voice name; empty = the default voice (en-US)."""

    name: str = ""
    rate: str = ""
    pitch: str = ""
    volume: str = ""


class Assets(Protocol):
    """The sound files of one scenario's own folder. Hashable: equal for the same folder."""

    def __hash__(self) -> int: ...

    def open_bytes(self, name: str) -> bytes:
        """Content of a relative name inside the folder; SoundError when it is not there."""
