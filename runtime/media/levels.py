"""How loud the talkers of a conference are, and what brings quiet ones up.

A loud talker is left as he is; one whose speech lies under the nominal level of a telephone line
gets up to 12 dB, slowly and only while he speaks, so that neither pauses nor lines that hum are
raised. Sums that become too loud are limiting.py's business. Pure columns: one place per row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FRAME_MS, Rows, Samples

Decibels = NDArray[np.float32]
Contributions = NDArray[np.int32]
"""What each member says in a frame: members x samples."""

NOMINAL_DB: Final = -26.0
"""Active speech re full scale as telephone networks want it (ITU-T P.56, G.100 annex)."""
MOST_DB: Final = 12.0
"""More would bring up the noise of the line and close the loop of an echo."""
QUIET_DB: Final = -50.0
"""Re full scale: nothing quieter is speech."""
ABOVE_FLOOR_DB: Final = 9.0
"""Speech is so much louder than its own pauses; what stays equally loud is noise or a tone."""
FLOOR_RISE_DB: Final = 3.0 * FRAME_MS / 1000
"""Per frame, 3 dB a second: a talker who hardly pauses is not taken for noise."""
LEAST_FLOOR_DB: Final = -60.0
RAISE_DB: Final = 3.0 * FRAME_MS / 1000
"""Per frame of speech: a gain that is heard to move is worse than a quiet talker."""
LOWER_DB: Final = 30.0 * FRAME_MS / 1000
"""Per frame of speech: one who comes closer to the microphone is too loud at once."""
SLACK_DB: Final = 1.0
"""So little is not worth moving for."""
SETTLE_FRAMES: Final = 25
"""Half a second of speech tells how loud somebody is; before that nobody is raised."""
LOUDER: Final = 0.2
SOFTER: Final = 0.02
"""Parts of the way that the known level of a talker goes towards a frame: 0.1 s up, 1 s down."""
_LEAST_POWER: Final = 0.27
_FULL_SCALE_POWER: Final = 32768.0**2


class TalkerLevels:
    """Speech level and gain of every row that talks; others have a gain of one."""

    def __init__(self, rows: int) -> None:
        # What nobody has said yet has no floor: the first frame is taken for one.
        self._floor_db: Decibels = np.full(rows, np.inf, dtype=np.float32)
        self._speech_db: Decibels = np.full(rows, -np.inf, dtype=np.float32)
        self._spoken = np.zeros(rows, dtype=np.int64)
        """Frames of speech."""
        self._gain_db: Decibels = np.zeros(rows, dtype=np.float32)
        self._gain = np.ones(rows, dtype=np.float32)
        """At the end of this frame."""
        self._before = np.ones(rows, dtype=np.float32)
        """At its beginning."""

    def gain_db(self, row: int) -> float:
        return float(self._gain_db[row])

    def forget(self, row: int) -> None:
        """Somebody else will talk in this row."""
        self._floor_db[row], self._speech_db[row] = np.inf, -np.inf
        self._spoken[row], self._gain_db[row] = 0, 0.0
        self._gain[row] = self._before[row] = 1.0

    def hear(self, rows: Rows, samples: Samples) -> None:
        """One frame of the talkers in these rows (each once), `samples` being theirs at 8 kHz."""
        level = _level_db(samples)
        floor = self._floor_db[rows]
        rising = np.minimum(level, floor + FLOOR_RISE_DB)
        floor = np.where(level < floor, np.maximum(level, LEAST_FLOOR_DB), rising)
        self._floor_db[rows] = floor
        self._before[rows] = self._gain[rows]
        speaking = level > np.maximum(QUIET_DB, floor + ABOVE_FLOOR_DB)
        if speaking.any():
            self._follow(rows[speaking], level[speaking])

    def apply(self, rows: Rows, said: Contributions) -> None:
        """Bring `said`, which is what the sources in `rows` say at any rate, to its level."""
        moved = (self._gain[rows] != 1.0) | (self._before[rows] != 1.0)
        if not moved.any():
            return
        raised = rows[moved]
        before, after = self._before[raised, None], self._gain[raised, None]
        way = np.arange(1, said.shape[1] + 1, dtype=np.float32) / said.shape[1]
        said[moved] = np.rint(said[moved] * (before + (after - before) * way))

    def _follow(self, rows: Rows, level: Decibels) -> None:
        """The talkers in `rows` have just spoken at these levels."""
        known = self._speech_db[rows]
        step = np.where(level > known, LOUDER, SOFTER).astype(np.float32)
        speech = np.where(np.isinf(known), level, known + (level - np.maximum(known, -96.0)) * step)
        self._speech_db[rows] = speech
        self._spoken[rows] += 1
        gain = self._gain_db[rows]
        move = np.clip(NOMINAL_DB - speech, 0.0, MOST_DB) - gain
        settled = self._spoken[rows] > SETTLE_FRAMES
        move = np.where((move < 0) | (settled & (move > SLACK_DB)), move, 0.0)
        gain = gain + np.clip(move, -LOWER_DB, RAISE_DB)
        self._gain_db[rows] = gain
        self._gain[rows] = 10.0 ** (gain / 20.0)


def _level_db(samples: Samples) -> Decibels:
    """RMS of each row re full scale."""
    wide = samples.astype(np.float32)
    power = np.einsum("rs,rs->r", wide, wide) / samples.shape[1]
    level: Decibels = 10.0 * np.log10(np.maximum(power, _LEAST_POWER) / _FULL_SCALE_POWER)
    return level.astype(np.float32)
