"""Loads the segments of a sequence and makes one sound of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs
import trio

from runtime.media.port import Sound, SoundError
from runtime.media.sounds.sound_port import Voice
from runtime.sandbox.player_commands import Segment
from runtime.session.context import SessionContext
from runtime.session.sounds import Loader, duration_ms

AT_ONCE: Final = 4
"""Segments that are loaded at the same time; one sequence must not keep all decoders."""


@attrs.frozen
class Span:
    """Where a segment lies in the whole, in milliseconds."""

    start_ms: int
    length_ms: int

    def place(self, offset_ms: int) -> int | None:
        """Of a marker, from the start of the whole; None when it lies outside of the segment."""
        at = offset_ms if offset_ms >= 0 else self.length_ms + offset_ms
        return self.start_ms + at if 0 <= at <= self.length_ms else None


class SequenceLoader:
    """A Loader; `spans` are known once it has returned."""

    def __init__(self, session: SessionContext, segments: Sequence[Segment]) -> None:
        self.spans: tuple[Span, ...] = ()
        self._session = session
        self._loaders = [_loader(session, segment) for segment in segments]
        self._label = " | ".join(segment[1] for segment in segments)

    async def __call__(self) -> Sound:
        """Raises SoundError with the number of the segment that cannot be played."""
        sounds: dict[int, Sound] = {}
        try:
            await self._load_all(sounds)
            ordered = [sounds[number] for number in range(len(self._loaders))]
            sounds_of = self._session.ports.sounds
            whole = await sounds_of.join(self._label, ordered, self._session.assets)
        finally:
            for sound in sounds.values():
                sound.close()
        start_ms, spans = 0, []
        for sound in ordered:
            spans.append(Span(start_ms, duration_ms(sound)))
            start_ms += duration_ms(sound)
        self.spans = tuple(spans)
        return whole

    async def _load_all(self, sounds: dict[int, Sound]) -> None:
        errors: list[str] = []
        turn = trio.CapacityLimiter(AT_ONCE)

        async def load(number: int, loader: Loader, scope: trio.CancelScope) -> None:
            async with turn:
                try:
                    sounds[number] = sound = await loader()
                    await sound.ready()
                except SoundError as exc:
                    errors.append(f"segment {number}: {exc}")
                    scope.cancel()

        async with trio.open_nursery() as nursery:
            for number, loader in enumerate(self._loaders):
                nursery.start_soon(load, number, loader, nursery.cancel_scope)
        if errors:
            raise SoundError(errors[0])


def _loader(session: SessionContext, segment: Segment) -> Loader:
    if segment[0] == "url":
        return partial(session.ports.sounds.open_file, segment[1], session.assets)
    _, text, voice, rate, pitch, volume = segment
    spoken = Voice(name=voice, rate=rate, pitch=pitch, volume=volume)
    return partial(session.ports.sounds.speak, text, spoken, session.assets)
