"""Key presses as telephones and bad lines make them: level, twist, frequency, noise, both laws."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.codec import decode, encode
from runtime.media.detect.dtmf import KEYS, InBandDigits
from runtime.media.frames import FRAME
from runtime.media.tones import DTMF_FREQUENCIES_HZ, amplitude_of

Samples = NDArray[np.int16]
PER_MS: Final = 8


@attrs.frozen(kw_only=True)
class Keys:
    """How keys are pressed. `level` is that of the stronger tone, `twist` high minus low in dB."""

    on_ms: float = 40
    off_ms: float = 40
    level_dbm0: float = -9.0
    twist_db: float = 0.0
    off_by: float = 0.0
    """Fraction of the frequency; up or down by chance."""
    snr_db: float | None = None

    def dial(self, count: int, seed: int = 1) -> tuple[str, Samples]:
        """So many random digits, and what they sound like through G.711."""
        chance = np.random.default_rng(seed)
        digits = "".join(chance.choice(list(KEYS), count))
        pieces = [np.zeros(int(chance.integers(400, 560)))]
        for digit in digits:
            pieces += [self._press(digit, chance), np.zeros(int(self.off_ms * PER_MS))]
            pieces.append(np.zeros(int(chance.integers(0, 20))))
        sound = np.concatenate([*pieces, np.zeros(1_600)])
        if self.snr_db is not None:
            weaker = 10 ** (-abs(self.twist_db) / 10)
            power = amplitude_of(self.level_dbm0) ** 2 / 2 * (1 + weaker)
            sound += chance.normal(0, np.sqrt(power / 10 ** (self.snr_db / 10)), len(sound))
        return digits, through_g711(sound)

    def _press(self, digit: str, chance: np.random.Generator) -> NDArray[np.float64]:
        index = np.arange(int(self.on_ms * PER_MS))
        levels = (self.level_dbm0 - max(0, self.twist_db), self.level_dbm0 + min(0, self.twist_db))
        sound = np.zeros(len(index))
        for hz, level in zip(DTMF_FREQUENCIES_HZ[digit], levels, strict=True):
            actual = hz * (1 + self.off_by * chance.choice([-1, 1]))
            phase = chance.uniform(0, 2 * np.pi)
            sound += amplitude_of(level) * np.sin(2 * np.pi * actual * index / 8000 + phase)
        return sound


def through_g711(sound: NDArray[np.float64]) -> Samples:
    samples = np.clip(np.round(sound), -32767, 32767).astype(np.int16)
    return decode(encode(samples, "PCMU"), "PCMU")


def frames_of(sound: Samples) -> Samples:
    return sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)


def detected(sound: Samples, lost: set[int] | None = None) -> str:
    """The digits that the detector tells; `lost` frames are zeroed and it is told so."""
    detector = InBandDigits(1)
    detector.listen(0)
    digits = ""
    for number, frame in enumerate(frames_of(sound)):
        gone = number in (lost or ())
        row = np.zeros_like(frame) if gone else frame
        heard = detector.hear(row[None], np.array([gone]))
        digits += "".join(press.digit for press in heard.presses)
    return digits
