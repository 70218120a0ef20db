"""Key presses in the audio itself (ITU-T Q.23, Q.24), for all legs that need it at once.

Every 5 ms the last 20 ms are looked at, through a Hann window, at the eight frequencies: one matrix
product for all legs. A look shows a digit when one tone of each group explains nearly everything
that is heard, and both are where they should be; how far off they are is read from how their phase
moves from look to look, far sharper than a filter could tell. Four looks in a row are a press.
Frames that were lost are not looked at: a hole neither ends a press nor begins one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from runtime.media.frames import FRAME, RATE_HZ, Samples
from runtime.media.tones import FULL_SCALE_DBM0

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

HOP: Final = 40
"""5 ms between looks."""
LOOKS: Final = FRAME // HOP
WINDOW: Final = FRAME
"""20 ms; the window makes its middle count, so a 40 ms digit fills five looks."""
NEED: Final = 4
"""Looks in a row that make a press: about 28 ms of tone. ITU-T Q.24: 40 ms must be accepted, what
is shorter than 20 ms must not."""
MISSES: Final = 4
"""Looks in a row without the digit that end a press: 20 ms; Q.24 lets a digit break for 10 ms."""
MAX_UNKNOWN: Final = 5 * LOOKS
"""100 ms of lost frames end a press: its end was lost with them."""
EDGES: Final = 80
"""Samples by which a press is longer than from its first look to its last: 10 ms."""
FLOOR_DBM0: Final = -45.0
"""Per tone; Q.24 asks for -25 and better, telephone adapters deliver less."""
HIGH_WEAKER_DB: Final = 9.0
LOW_WEAKER_DB: Final = 8.0
"""Twist; Q.24 asks for 4 to 10 and 4 to 8."""
OFF_BY: Final = 0.024
"""Q.24: 1.5 % is accepted, 3.5 % is not."""
EXPLAINED: Final = 0.86
"""Part of the energy that both tones make up: 0.97 at 15 dB of noise; hardly ever of a voice."""
GLANCE: Final = 0.6
"""The same, of the one look that decides whether a frame is worth the others; tones that are off
their frequencies lose a tenth in it, and one that has just begun some more."""

LOW_HZ: Final = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS: Final = "123A456B789C*0#D"
"""Low times four plus high."""
NONE: Final = -1
UNKNOWN: Final = -2
"""A look at audio that was lost."""

_HZ: Final = np.array(LOW_HZ + HIGH_HZ, dtype=np.float32)
_HANN: Final = np.hanning(WINDOW + 2)[1:-1]
_PHASE: Final = 2j * np.pi * np.outer(np.arange(WINDOW), _HZ.astype(np.float64)) / RATE_HZ
# An amplitude of 1 gives a magnitude of 1.
_BANK: Final = (_HANN[:, None] * np.exp(-_PHASE) * (2 / _HANN.sum())).astype(np.complex64)
_FLAT_BANK: Final = np.ascontiguousarray(np.concatenate((_BANK.real, _BANK.imag), axis=1))
_POWER: Final = (_HANN**2).astype(np.float32)
_TONE_ENERGY: Final = float((_HANN**2).sum() / 2)
"""What a tone of amplitude 1 adds to the windowed energy."""
_ADVANCE: Final = np.exp(-2j * np.pi * _HZ.astype(np.float64) * HOP / RATE_HZ).astype(np.complex64)
_HZ_PER_RADIAN: Final = RATE_HZ / (2 * np.pi * HOP)
_FLOOR: Final = float(32767 * 10 ** ((FLOOR_DBM0 - FULL_SCALE_DBM0) / 20))
_FLOOR_ENERGY: Final = 2 * _FLOOR**2 * _TONE_ENERGY
_LOW_TO_HIGH: Final = (10 ** (-LOW_WEAKER_DB / 20), 10 ** (HIGH_WEAKER_DB / 20))


def _lobe() -> Floats:
    """The window's answer to a tone that is so many Hz off, from 0 to 100 Hz."""
    turns = np.exp(2j * np.pi * np.outer(np.arange(101), np.arange(WINDOW)) / RATE_HZ)
    answer: Floats = np.abs(turns @ _HANN / _HANN.sum()).astype(np.float32)
    return answer


_LOBE: Final = _lobe()


@attrs.frozen(kw_only=True)
class InBandPress:
    """A key that was pressed, on the leg of this number."""

    leg: int
    digit: str
    duration_ms: int


@attrs.frozen(kw_only=True, eq=False)
class Heard:
    """What one frame of all listening legs brought."""

    presses: Sequence[InBandPress]
    """Keys that came up."""
    sounding: Ints
    """Numbers of the legs on which this frame holds (part of) a digit."""


@attrs.define
class _Key:
    """Looks at one leg's key, while there is anything to see."""

    digit: int = NONE
    """What is pressed, or about to be."""
    hits: int = 0
    misses: int = 0
    unknown: int = 0
    length: int = 0
    """Looks since the first hit."""
    pressed: bool = False

    @property
    def idle(self) -> bool:
        return self.digit == NONE


class InBandDigits:
    """The detector of all legs; state of one leg from `listen` to `forget`."""

    def __init__(self, capacity: int) -> None:
        self._listening: Bools = np.zeros(capacity, dtype=np.bool_)
        self._tail: Floats = np.zeros((capacity, FRAME), dtype=np.float32)
        self._unknown: Ints = np.zeros(capacity, dtype=np.int64)
        """Looks to come that reach into lost audio."""
        self._keys: dict[int, _Key] = {}
        self._legs: Ints = np.zeros(0, dtype=np.int64)

    @property
    def listening(self) -> bool:
        """To any leg at all."""
        return bool(len(self._legs))

    def listen(self, leg: int) -> None:
        if not self._listening[leg]:
            self._listening[leg] = True
            self._tail[leg], self._unknown[leg] = 0.0, 0
            self._legs = np.flatnonzero(self._listening)

    def forget(self, leg: int) -> None:
        """Stop listening; a press under way is not told."""
        if self._listening[leg]:
            self._listening[leg] = False
            self._keys.pop(leg, None)
            self._legs = np.flatnonzero(self._listening)

    def hear(self, rows: Samples, lost: Bools) -> Heard:
        """One frame of every leg (by leg number); `lost`: made up, since nothing arrived."""
        legs = self._legs
        if not len(legs):
            return Heard(presses=(), sounding=legs)
        seen = self._look(legs, rows[legs])
        gone = lost[legs]
        if gone.any() or self._unknown[legs].any():
            self._mark_unknown(legs, gone, seen)
        presses: list[InBandPress] = []
        sounding = []
        busy: Bools = np.asarray((seen >= 0).any(axis=1))
        for place in np.flatnonzero(busy | np.isin(legs, list(self._keys))):
            leg = int(legs[place])
            key = self._keys.setdefault(leg, _Key())
            presses += self._follow(leg, key, seen[place])
            if busy[place] or key.pressed:
                sounding.append(leg)
            if key.idle:
                del self._keys[leg]
        return Heard(presses=presses, sounding=np.array(sounding, dtype=np.int64))

    # --- looking --------------------------------------------------------------------------------

    def _look(self, legs: Ints, frames: Samples) -> Ints:
        """The digit that each of a frame's looks shows, or NONE: (legs, LOOKS)."""
        seen: Ints = np.full((len(legs), LOOKS), NONE, dtype=np.int64)
        audio = frames.astype(np.float32)
        energy = (audio * audio) @ _POWER
        loud = np.flatnonzero(energy > _FLOOR_ENERGY)
        worth = np.isin(legs, list(self._keys))
        # No digit can be in a frame whose last look shows nothing like it, unless one was there.
        glance = (audio[loud] @ _FLAT_BANK) ** 2
        power = glance[:, :8] + glance[:, 8:]
        tones = power[:, :4].max(axis=1, initial=0) + power[:, 4:].max(axis=1, initial=0)
        worth[loud] |= tones * _TONE_ENERGY > GLANCE * energy[loud]
        places = np.flatnonzero(worth)
        if len(places):
            history = self._tail[legs[places]]
            seen[places] = self._find(np.concatenate((history, audio[places]), axis=1))
        self._tail[legs] = audio
        return seen

    def _find(self, audio: Floats) -> Ints:
        """All looks at the second of two frames."""
        windows = sliding_window_view(audio, WINDOW, axis=1)[:, ::HOP]
        flat = windows.reshape(-1, WINDOW) @ _FLAT_BANK
        looks = (flat[:, :8] + 1j * flat[:, 8:]).reshape(len(audio), 1 + LOOKS, 8)
        found, before = looks[:, 1:], looks[:, :-1]
        energy = sliding_window_view(audio * audio, WINDOW, axis=1)[:, HOP::HOP] @ _POWER
        size = np.abs(found)
        low = size[:, :, :4].argmax(axis=2)
        high = size[:, :, 4:].argmax(axis=2) + 4
        low_size, low_off = self._measure(found, before, size, low)
        high_size, high_off = self._measure(found, before, size, high)
        explained = (low_size**2 + high_size**2) * _TONE_ENERGY
        twist = low_size / np.maximum(high_size, 1e-3)
        hit = (
            (low_off < OFF_BY)
            & (high_off < OFF_BY)
            & (np.minimum(low_size, high_size) > _FLOOR)
            & (twist > _LOW_TO_HIGH[0])
            & (twist < _LOW_TO_HIGH[1])
            & (explained > EXPLAINED * energy)
        )
        digits: Ints = np.where(hit, low * 4 + high - 4, NONE)
        return digits

    def _measure(
        self, found: NDArray[np.complex64], before: NDArray[np.complex64], size: Floats, which: Ints
    ) -> tuple[Floats, Floats]:
        """Amplitude of the strongest tone of a group, and how far off it is (a fraction)."""
        picked = which[:, :, None]
        turned = np.take_along_axis(found * before.conj() * _ADVANCE, picked, axis=2)[:, :, 0]
        off_hz = np.abs(np.angle(turned)) * np.float32(_HZ_PER_RADIAN)
        # The window shows a tone that is off its frequency smaller than it is.
        lobe = _LOBE[np.minimum(off_hz, 60).astype(np.int64)]
        amplitude = np.take_along_axis(size, picked, axis=2)[:, :, 0] / lobe
        return amplitude, off_hz / _HZ[which]

    def _mark_unknown(self, legs: Ints, gone: Bools, seen: Ints) -> None:
        """Looks that reach into lost audio say nothing; the first good one has no predecessor."""
        reach = WINDOW // HOP
        ahead = np.where(gone, LOOKS, self._unknown[legs])
        seen[np.arange(LOOKS) < ahead[:, None]] = UNKNOWN
        self._unknown[legs] = np.where(gone, reach, np.maximum(ahead - LOOKS, 0))

    # --- presses --------------------------------------------------------------------------------

    def _follow(self, leg: int, key: _Key, looks: Ints) -> list[InBandPress]:
        ended = []
        for look in looks.tolist():
            press = self._step(leg, key, look)
            if press is not None:
                ended.append(press)
        return ended

    def _step(self, leg: int, key: _Key, look: int) -> InBandPress | None:
        ended: InBandPress | None = None
        key.length += not key.idle
        if look == UNKNOWN:
            key.unknown += 1
            if key.unknown > MAX_UNKNOWN:
                ended = self._end(leg, key)
            return ended
        key.unknown = 0
        if look == key.digit and look != NONE:
            key.hits, key.misses = key.hits + 1, 0
            key.pressed = key.pressed or key.hits >= NEED
            return None
        key.misses += 1
        if not key.pressed or key.misses >= MISSES or look >= 0:
            ended = self._end(leg, key)
            if look >= 0:
                key.digit, key.hits, key.length = look, 1, 1
        else:
            key.hits = 0
        return ended

    def _end(self, leg: int, key: _Key) -> InBandPress | None:
        pressed, digit = key.pressed, key.digit
        looks = key.length - key.misses - key.unknown
        key.digit, key.pressed = NONE, False
        key.hits = key.misses = key.unknown = key.length = 0
        if not pressed:
            return None
        duration = (max(looks, NEED) * HOP + EDGES) * 1000 // RATE_HZ
        return InBandPress(leg=leg, digit=KEYS[digit], duration_ms=duration)
