"""Loss concealment for G.711: what is missing of a leg's frames is continued from what came before.

Cost is where the loss is: a hole of any length and place is filled by runtime/media/waveform.py as
it begins, for all legs at once, and read from then on. Sound that comes back is cross-faded in,
the more slowly the longer it was gone. What was made up stands in the playout buffer like what
came, so that the next hole is continued from it.

A pause that the peer has announced by comfort noise is no loss: after 10 ms there is noise in place
of what does not come, until something comes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.comfort_noise import LEG_STEP, NOISE, noise_at
from runtime.media.frames import FRAME, RATE_HZ, Samples
from runtime.media.waveform import Lengths, continued, fade_in_after, repeated

from .header import Bools, Ints
from .playout import MISSING, Playout

_LENGTHS: Final = Lengths.at(RATE_HZ)
CONTINUED: Final = _LENGTHS.continued
"""Samples after which a hole is silence."""
_MADE: Final = CONTINUED + FRAME
"""Continued sound and the silence after it, as far as a frame that begins within the hole reads."""
_FADES: Final = np.array([fade_in_after(n, _LENGTHS) for n in range(CONTINUED + 1)])
"""By the number of samples made up."""
_NO_FADE: Final = 0.5
"""Half a sample."""
_RISE: Final = (np.arange(_FADES[CONTINUED]) + 0.5).astype(np.float32) / _FADES[CONTINUED]
"""Weights of what comes after sound that broke off and fell silent."""
MAX_HOLES: Final = 4
"""Per frame, of packets of 5 ms every other one; what a stranger case has more of is silence."""
MAX_MATCHED: Final = 100
"""Holes of one tick that are continued by their waveform: 2.5 ms. That is a loss of 10 % on a
thousand legs; if a network falls apart for all at once, no tick may be late for it."""
PAUSE_FADE: Final = 80
"""Samples: 10 ms in which the last sound gives way to comfort noise."""
_AT: Final = np.arange(FRAME)


class Concealment:
    """How long each leg has had nothing to play; fills what is missing in its row."""

    def __init__(self, legs: int, playout: Playout) -> None:
        self._playout = playout
        self._missed: NDArray[np.int64] = np.full(legs, CONTINUED, dtype=np.int64)
        """Samples made up since the last one that came."""
        # Pages of legs that lose nothing stay untouched and cost nothing.
        self._made: Samples = np.zeros((legs, _MADE), dtype=np.int16)
        """How the sound goes on from where the hole began."""
        self._broken = np.zeros(legs, dtype=np.bool_)
        """Legs that fell silent in a hole; what comes first on others begins there."""
        self._steady: bytes | None = None
        """What `written` was in the last frame, if no leg was in between sound and silence."""
        self._sounding: Ints = np.zeros(0, dtype=np.int64)
        self._noise_level = np.zeros(legs, dtype=np.int64)
        """0 = no pause was announced."""
        self._pause_from = np.zeros(legs, dtype=np.int64)
        """Where on the playout clock the announced pause begins."""
        self._any_pause = False

    def reset(self, leg: int) -> None:
        self._missed[leg] = CONTINUED
        self._noise_level[leg] = 0
        self._broken[leg] = False
        self._steady = None

    def begin(self, legs: Ints) -> None:
        """A marker: after silence, what comes is the beginning of words (RFC 3551 4.1)."""
        self._broken[legs] = False

    # --- pauses ---------------------------------------------------------------------------------

    def pause(self, leg: int, level: int) -> None:
        """The peer is silent after what it has sent so far; its background is as loud as this."""
        self._noise_level[leg] = level
        self._pause_from[leg] = self._playout.ends_at(leg)
        self._any_pause = True

    def end_pauses(self, legs: Ints | int) -> None:
        """What the peers announced does not hold any more."""
        self._noise_level[legs] = 0
        self._steady = None  # the rows hold noise

    def pausing(self, count: int) -> Bools:
        """Which of the first `count` legs are in a pause that was announced."""
        pausing: Bools = self._noise_level[:count] > 0
        return pausing

    @property
    def any_pause(self) -> bool:
        return self._any_pause

    def _play_noise(self, rows: Samples, written: Bools) -> None:
        """Noise in the rows of legs of which nothing came in a pause; the others' pauses end."""
        level = self._noise_level[: len(rows)]
        begun = (level > 0) & (self._pause_from[: len(rows)] <= self._playout.clock)
        level[begun & written] = 0
        self._any_pause = bool(level.any())
        silent = self._missed[: len(rows)] >= CONTINUED
        legs = np.flatnonzero(begun & ~written & silent)
        rows[legs] = self._noise(legs)

    def _noise(self, legs: Ints) -> Samples:
        starts = self._playout.clock + LEG_STEP * legs
        return noise_at(starts, self._noise_level[legs], FRAME)

    # --- playing --------------------------------------------------------------------------------

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {
            "missed": self._missed,
            "noise_level": self._noise_level,
            "pause_from": self._pause_from,
            "noise": NOISE,
        }

    def play(self, rows: Samples) -> None:
        """Replace `rows` (the last frames) by the ones that the playout has due, made whole."""
        due, written = self._playout.due(len(rows))
        came = written.copy() if self._any_pause else written
        self._play(rows, due, written)
        if self._any_pause:
            self._play_noise(rows, came)

    def _play(self, rows: Samples, due: Samples, written: Bools) -> None:
        if written.tobytes() == self._steady:
            # Nothing begins or ends: legs that sound are copied, the others are silent already.
            came = due[self._sounding]
            if not len(came) or came.min() != MISSING:
                rows[self._sounding] = came
                return
        missed = self._missed[: len(rows)]
        changing = (written != (missed == 0)) | ((missed > 0) & (missed < CONTINUED))
        self._steady = None if changing.any() else written.tobytes()
        self._sounding = np.flatnonzero(written)
        self._play_changes(rows, due, written)

    def _play_changes(self, rows: Samples, due: Samples, written: Bools) -> None:
        missed = self._missed[: len(rows)]
        inside = (missed > 0) & (missed < CONTINUED)
        torn = np.zeros_like(written)
        torn[self._sounding] = due[self._sounding].min(axis=1) == MISSING
        back = written & ~torn & ~inside
        self._fade_in(due, np.flatnonzero(back & self._broken[: len(rows)]))
        missed[back] = 0
        repaired = np.flatnonzero(torn | inside | (~written & (missed < CONTINUED)))
        if len(repaired):
            frames = due[repaired]
            frames[~written[repaired]] = MISSING
            due[repaired] = self._repaired(frames, repaired)
            # These places, too, are a part of what was heard.
            written[repaired] = True
            self._steady = None
        rows[written] = due[written]
        rows[~written] = 0

    def _fade_in(self, due: Samples, legs: Ints) -> None:
        """Whole frames come again after sound that broke off, perhaps in the middle of a word."""
        due[legs, : len(_RISE)] = np.round(due[legs, : len(_RISE)] * _RISE)
        self._broken[legs] = False

    def _repaired(self, frames: Samples, legs: Ints) -> Samples:
        """Frames with all their holes filled, and with what follows a hole faded in."""
        before = self._playout.history(legs)
        before[before == MISSING] = 0
        torn = np.arange(len(legs))
        missing = frames == MISSING
        for _ in range(MAX_HOLES):
            frames[torn] = self._filled(frames[torn], legs[torn], before[torn])
            torn = np.flatnonzero(frames.min(axis=1) == MISSING)
            if not len(torn):
                break
        self._missed[legs[frames[:, -1] == MISSING]] = CONTINUED
        frames[frames == MISSING] = 0
        if self._any_pause:
            self._begin_pauses(frames, legs, missing)
        return frames

    def _begin_pauses(self, frames: Samples, legs: Ints, missing: Bools) -> None:
        """Where pauses begin, the last sound gives way to noise."""
        begins = self._pause_from[legs] - self._playout.clock
        pausing = np.flatnonzero((self._noise_level[legs] > 0) & (begins < FRAME) & missing[:, -1])
        if not len(pausing):
            return
        sound, noise = frames[pausing], self._noise(legs[pausing])
        since = _AT - np.maximum(begins[pausing], 0)[:, None]
        weights = np.where(missing[pausing], np.clip((since + 0.5) / PAUSE_FADE, 0, 1), 0)
        frames[pausing] = np.round(sound + (noise - sound.astype(np.float32)) * weights)
        self._missed[legs[pausing]] = CONTINUED
        self._broken[legs[pausing]] = False

    def _continued(self, sound: Samples) -> Samples:
        """How each row goes on: by its waveform, or, of too many, some in turn plainly."""
        if len(sound) <= MAX_MATCHED:
            return continued(sound, _LENGTHS)
        turn = MAX_MATCHED * (self._playout.clock // FRAME)
        order = np.roll(np.arange(len(sound)), -turn)
        made = repeated(sound, _LENGTHS)
        made[order[:MAX_MATCHED]] = continued(sound[order[:MAX_MATCHED]], _LENGTHS)
        return made

    def _filled(self, frames: Samples, legs: Ints, before: Samples) -> Samples:
        """The first hole of each frame filled, which may have begun in an earlier frame."""
        lost, missed = frames == MISSING, self._missed[legs]
        start = np.where(missed > 0, 0, lost.argmax(axis=1))
        at = _AT - start[:, None]
        came = ~lost & (at >= 0)
        size = np.where(came.any(axis=1), came.argmax(axis=1), FRAME) - start
        begun = missed < CONTINUED  # or nothing came before, or a pause was announced
        begins = np.flatnonzero(missed == 0)
        if len(begins):
            line = np.concatenate((before[begins], frames[begins]), axis=1)
            back = np.arange(-_LENGTHS.remembered, 0) + before.shape[1] + start[begins, None]
            sound = np.take_along_axis(line, back, axis=1)
            self._made[legs[begins], :CONTINUED] = self._continued(sound)
        made = self._made[legs[:, None], missed[:, None] + np.maximum(at, 0)]
        total = np.minimum(missed + size, CONTINUED)
        ended = start + size < FRAME
        self._missed[legs] = np.where(ended, 0, total)
        fades = np.where(begun | self._broken[legs], _FADES[total], _NO_FADE)
        self._broken[legs] = ~ended & (self._broken[legs] | (begun & (total == CONTINUED)))
        weights = np.clip((at - size[:, None] + 0.5) / fades[:, None], 0, 1)
        weights[at < 0] = 1
        filled: Samples = np.round(made + (frames - made.astype(np.float32)) * weights).astype(
            np.int16
        )
        # Of another hole behind this one nothing is known yet.
        filled[lost & (at >= size[:, None])] = MISSING
        return filled
