"""What players play, as samples from the beginning on: sounds in shared memory, tone scripts."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from runtime.media.frames import FADE, RATE_HZ, WIDE_FADE, WIDE_RATE_HZ, Samples
from runtime.media.pcm import PcmBuffer, PcmState
from runtime.media.sounds.seam import Seam
from runtime.media.tone_script import ToneScript
from runtime.media.tones import length_of, render

BLOCK_FRAMES: Final = 100
"""Frames fetched at once: two seconds, since each fetch costs as much as sixty players' tick."""
RUN_FRAMES: Final = 25
"""A shorter run saves nothing."""
TONE_FRAMES: Final = 25
"""Frames of a tone that are rendered at once: a tick waits for them."""
FRAMES_PER_S: Final = 50
NOTHING: Final[Samples] = np.zeros(0, dtype=np.int16)


class Content(Protocol):
    """What a player plays, seen as samples from the beginning on."""

    rate_hz: int

    def fetch(self, start: int, count: int) -> Samples:
        """Up to so many samples from `start`; none when there are none (yet)."""

    def run_from(self, start: int) -> int | None:
        """The first place from `start` on where a run may begin, if there is any."""

    def run(self, start: int) -> Samples:
        """Samples from such a place on that are played just as they lie in memory, and stay there
        until `close`: never the last frame of a sound, which may have to fade."""

    def over(self, start: int) -> bool:
        """Whether nothing will ever follow at `start`."""

    @property
    def growing(self) -> bool:
        """Whether more samples may come than there are now."""

    @property
    def error(self) -> str | None:
        """Why the content ended before its time."""

    def close(self) -> None: ...


class BufferContent:
    """A sound in shared memory."""

    def __init__(self, buffer: PcmBuffer, *, loop: bool) -> None:
        self.rate_hz = buffer.rate_hz
        self._frame = buffer.rate_hz // FRAMES_PER_S
        self._buffer = buffer
        self._loop = loop
        self._seam: Seam | None = None

    def fetch(self, start: int, count: int) -> Samples:
        # The state is read first: samples published before DONE are all there.
        state, valid = self._buffer.state, self._buffer.valid_samples
        if state is PcmState.DONE and self._loop and valid:
            return self._around(start, count, valid)
        end = min(start + count, valid)
        if state is PcmState.FILLING:
            end -= (end - start) % self._frame
        return _mono(self._buffer.samples[start : max(start, end)])

    def _around(self, start: int, count: int, valid: int) -> Samples:
        """Of a loop of `valid` samples."""
        whole, seam, phase = self._buffer.samples[:valid], self._mended_seam(valid), start % valid
        if phase + count <= valid and (start < valid or not seam.touches(phase)):
            return _mono(whole[phase : phase + count])
        places = np.arange(start, start + count)
        return seam.mended(_mono(whole.take(places, axis=0, mode="wrap")), places, valid)

    def _mended_seam(self, valid: int) -> Seam:
        if self._seam is None:
            fade = WIDE_FADE if self.rate_hz == WIDE_RATE_HZ else FADE
            ends, whole = min(2 * len(fade), valid), self._buffer.samples[:valid]
            self._seam = Seam.of(_mono(whole[:ends]), _mono(whole[-ends:]), fade)
        return self._seam

    def run_from(self, start: int) -> int | None:
        if self._buffer.state is not PcmState.DONE or self._buffer.channels > 1:
            return None
        valid, least = self._buffer.valid_samples, (RUN_FRAMES + 1) * self._frame
        if start + least <= valid:
            return start
        bent = len(self._mended_seam(valid).added) if self._loop and valid else 0
        if not self._loop or bent + least > valid:
            return None
        phase = max(bent, start % valid)  # the beginning of a further round may be bent
        if start < valid or phase + least > valid:
            return (start // valid + 1) * valid + bent
        return start // valid * valid + phase

    def run(self, start: int) -> Samples:
        valid = self._buffer.valid_samples
        return self._buffer.samples[start % valid : valid - self._frame]

    def over(self, start: int) -> bool:
        state, valid = self._buffer.state, self._buffer.valid_samples
        if state is PcmState.DONE and self._loop:
            return valid == 0
        return state is not PcmState.FILLING and start >= valid

    @property
    def growing(self) -> bool:
        return self._buffer.state is PcmState.FILLING

    @property
    def error(self) -> str | None:
        if self._buffer.state is PcmState.FAILED:
            return "the sound broke off while it was being decoded or spoken"
        return None

    def close(self) -> None:
        self._buffer.close()


class ToneContent:
    """A tone script; nothing of it lies above what 8 kHz can carry."""

    rate_hz = RATE_HZ
    error = None
    growing = False

    def __init__(self, script: ToneScript) -> None:
        self._script = script
        self._length = length_of(script)

    def fetch(self, start: int, count: int) -> Samples:
        count = min(count, TONE_FRAMES * RATE_HZ // FRAMES_PER_S)
        if self._length is not None:
            count = max(0, min(count, self._length - start))
        return render(self._script, start, count)

    def run_from(self, start: int) -> int | None:
        return None

    def run(self, start: int) -> Samples:
        return NOTHING

    def over(self, start: int) -> bool:
        return self._length is not None and start >= self._length

    def close(self) -> None:
        return


class BrokenContent:
    """A sound that the engine cannot play; ends at once with the reason."""

    rate_hz = RATE_HZ
    growing = False

    def __init__(self, error: str) -> None:
        self.error = error

    def fetch(self, start: int, count: int) -> Samples:
        return NOTHING

    def run_from(self, start: int) -> int | None:
        return None

    def run(self, start: int) -> Samples:
        return NOTHING

    def over(self, start: int) -> bool:
        return True

    def close(self) -> None:
        return


def content_of(buffer: PcmBuffer, *, loop: bool) -> Content:
    """The buffer as content, if its rate is one of the rows' rates."""
    if buffer.rate_hz not in (RATE_HZ, WIDE_RATE_HZ):
        buffer.close()
        rates = f"{RATE_HZ} and {WIDE_RATE_HZ} Hz"
        return BrokenContent(f"the sound has {buffer.rate_hz} Hz, the engine plays {rates}")
    return BufferContent(buffer, loop=loop)


def _mono(samples: Samples) -> Samples:
    if samples.ndim == 1:
        return samples
    halves: Samples = (samples.sum(axis=1, dtype=np.int32) // 2).astype(np.int16)
    return halves
