"""Whether somebody speaks: WebRTC's voice detector, and a gate on energy that follows the noise.

The detector knows the shape of speech but calls constant loud noise speech for ever; the gate knows
nothing but levels. Both must agree. What stays equally loud is noise within ten seconds, whatever
it sounds like, because the floor rises to it.
"""

from __future__ import annotations

import math
from typing import Final

import _webrtcvad  # the package around it reads its own metadata, a tenth of the engine's start
import attrs
import numpy as np

from runtime.media.frames import FRAME_MS, RATE_HZ, Samples

STRICTNESS: Final = 3
"""Of WebRTC's detector, 0 to 3: with less, noise 10 dB under the voice counts as voice."""
QUIET_DB: Final = -50.0
"""Re full scale: nothing quieter is a voice, or the noise of a good line would be one."""
ABOVE_FLOOR_DB: Final = 3.0
"""A voice is so much louder than the noise around it."""
FLOOR_START_DB: Final = -60.0
FLOOR_RISE_DB: Final = 4.0 * FRAME_MS / 1000
"""Per frame, 4 dB a second: constant noise 40 dB above silence is noise after ten seconds.
Speech pulls the floor down again in each of its pauses."""
FLOOR_FALL: Final = 0.3
"""Part of the way down to a quieter frame."""
BEGIN_FRAMES: Final = 3
"""60 ms of voice within the last 100 ms begin it: a click does not."""
RECENT_FRAMES: Final = 5
END_FRAMES: Final = 25
"""500 ms without voice end it: pauses between words are shorter."""


def level_db(frame: Samples) -> float:
    """RMS re full scale, in dB; -96 for silence."""
    wide = frame.astype(np.float32)
    power = float(wide @ wide) / max(1, len(frame))
    return 10 * math.log10(max(power, 0.27) / 32768.0**2)


class VoiceFrames:
    """Tells for each 20 ms of one leg whether it holds voice, without any hang-over."""

    def __init__(self) -> None:
        self._detector = _webrtcvad.create()
        _webrtcvad.init(self._detector)
        _webrtcvad.set_mode(self._detector, STRICTNESS)
        self._floor = FLOOR_START_DB

    def hear(self, frame: Samples) -> bool:
        level = level_db(frame)
        above = level > max(QUIET_DB, self._floor + ABOVE_FLOOR_DB)
        if level < self._floor:
            self._floor += (max(level, FLOOR_START_DB) - self._floor) * FLOOR_FALL
        else:
            self._floor = min(level, self._floor + FLOOR_RISE_DB)
        voiced = _webrtcvad.process(self._detector, RATE_HZ, frame.tobytes(), len(frame))
        return bool(voiced) and above


@attrs.define
class VoiceActivity:
    """From voiced frames to beginnings and ends of speech."""

    active: bool = False
    _recent: int = 0
    """The last frames as bits, newest lowest."""
    _quiet: int = 0

    def hear(self, voiced: bool) -> bool | None:
        """The new state when this frame changed it, else None."""
        self._recent = (self._recent << 1 | voiced) & ((1 << RECENT_FRAMES) - 1)
        self._quiet = 0 if voiced else self._quiet + 1
        if not self.active and self._recent.bit_count() >= BEGIN_FRAMES:
            self.active = True
            return True
        if self.active and self._quiet >= END_FRAMES:
            self.active = False
            return False
        return None
