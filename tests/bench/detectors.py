"""What listening costs per frame and leg, and how often it is right.

`python -m tests.bench.detectors`

Processor time, synthetic speech of many voices through the detectors that the engine runs. The
"""

from __future__ import annotations

import difflib
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.detect.answering import AnsweringMachine
from runtime.media.detect.beep import BeepFinder
from runtime.media.detect.dtmf import InBandDigits
from runtime.media.detect.progress import ProgressTones
from runtime.media.detect.spectrum import Spectrum
from runtime.media.detect.voice import VoiceFrames, level_db
from runtime.media.frames import FRAME
from runtime.media.tones import wave
from tests.media.detect.keys import Keys, detected, frames_of, through_g711
from tests.media.detect.voices import talk

Samples = NDArray[np.int16]

LEGS: Final = (1, 50, 400)
DIGITS: Final = 1_000
SPEECH_S: Final = 600
LINES: Final[dict[str, Keys]] = {
    "40 ms on, 40 ms off, -9 dBm0": Keys(),
    "0 dBm0": Keys(level_dbm0=0),
    "-35 dBm0": Keys(level_dbm0=-35),
    "-40 dBm0": Keys(level_dbm0=-40),
    "-45 dBm0": Keys(level_dbm0=-45),
    "high 6 dB stronger": Keys(twist_db=6),
    "high 8 dB stronger": Keys(twist_db=8),
    "low 6 dB stronger": Keys(twist_db=-6),
    "low 8 dB stronger": Keys(twist_db=-8),
    "1.5 % off": Keys(off_by=0.015),
    "2.0 % off": Keys(off_by=0.02),
    "2.5 % off": Keys(off_by=0.025),
    "3.5 % off": Keys(off_by=0.035),
    "noise 15 dB below": Keys(snr_db=15),
    "noise 12 dB below": Keys(snr_db=12),
    "noise 9 dB below": Keys(snr_db=9),
    "noise 15 dB, high 6 dB stronger, 1.5 % off": Keys(snr_db=15, twist_db=6, off_by=0.015),
    "noise 15 dB, low 6 dB stronger, 1.5 % off": Keys(snr_db=15, twist_db=-6, off_by=0.015),
    "-35 dBm0, high 6 dB stronger, 1.5 % off": Keys(level_dbm0=-35, twist_db=6, off_by=0.015),
    "30 ms on": Keys(on_ms=30),
    "25 ms on": Keys(on_ms=25),
    "20 ms on": Keys(on_ms=20),
    "20 ms off": Keys(off_ms=20),
}


def main() -> None:
    speech = talk(SPEECH_S, seed=21)
    print("us per frame and leg, all legs speaking")
    print(f"| {'detector':24} | " + " | ".join(f"{legs} legs" for legs in LEGS) + " |")
    for name, make in COSTS.items():
        print(f"| {name:24} | " + " | ".join(_cost(make(n), speech, n) for n in LEGS) + " |")
    _digits()
    _beeps(speech)
    _voices(speech)


# --- cost ---------------------------------------------------------------------------------------

Work = Callable[[Samples], object]


def _digits_of(legs: int) -> Work:
    detector, lost = InBandDigits(legs), np.zeros(legs, dtype=np.bool_)
    for leg in range(legs):
        detector.listen(leg)
    return lambda rows: detector.hear(rows, lost)


def _voices_of(legs: int) -> Work:
    detectors = [VoiceFrames() for _ in range(legs)]
    return lambda rows: [one.hear(row) for one, row in zip(detectors, rows, strict=True)]


def _machines_of(legs: int) -> Work:
    machines = [AnsweringMachine() for _ in range(legs)]
    return lambda rows: [
        one.hear(bool(row[0] > 0)) for one, row in zip(machines, rows, strict=True)
    ]


def _tones_of(legs: int, finders: Sequence[BeepFinder | ProgressTones]) -> Work:
    spectrum, places = Spectrum(legs), np.arange(legs)
    return lambda rows: [
        finder.hear(seen) for finder, seen in zip(finders, spectrum.look(places, rows), strict=True)
    ]


COSTS: Final[dict[str, Callable[[int], Work]]] = {
    "digits": _digits_of,
    "voice": _voices_of,
    "machine (beside voice)": _machines_of,
    "beep": lambda legs: _tones_of(legs, [BeepFinder() for _ in range(legs)]),
    "progress tones": lambda legs: _tones_of(legs, [ProgressTones("US") for _ in range(legs)]),
}


def _cost(work: Work, speech: Samples, legs: int) -> str:
    ticks = max(50, 4_000 // legs)
    frames = frames_of(speech)
    rows = [frames[np.arange(tick, tick + 37 * legs, 37) % len(frames)] for tick in range(ticks)]
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for each in rows:
            work(each)
        rounds.append(time.process_time() - start)
    return f"{min(rounds) / ticks / legs * 1e6:.1f}"


# --- accuracy -----------------------------------------------------------------------------------


def _digits() -> None:
    print(f"\ndigits heard of {DIGITS}, and others")
    for name, keys in LINES.items():
        wanted, sound = keys.dial(DIGITS)
        found = detected(sound)
        blocks = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
        right = sum(block.size for block in blocks.get_matching_blocks())
        print(f"| {name:44} | {right:4} | {len(found) - right:3} |")
    wanted, sound = Keys(on_ms=100, off_ms=100).dial(DIGITS)
    for part in (0.01, 0.02, 0.05):
        chance = np.random.default_rng(4).random(len(sound) // FRAME)
        found = detected(sound, set(np.flatnonzero(chance < part).tolist()))
        same = "the same" if found == wanted else f"{len(found)} digits"
        print(f"| {f'100 ms, {part:.0%} of the packets lost':44} | {same} |")


def _beeps(speech: Samples) -> None:
    frequencies = (400, 440, 500, 620, 750, 850, 950, 1000, 1200, 1400, 1600, 1800, 2000, 2150)
    found = 0
    cases = list(itertools.product(frequencies, (120, 200, 400, 1000), (-6, -15, -30)))
    for hz, ms, level in cases:
        tone = wave((float(hz),), level, 0, ms * 8)
        sound = through_g711(
            np.concatenate((speech[:16_000], np.zeros(2_400), tone, np.zeros(4_000)))
        )
        heard = _heard_beeps(sound)
        found += len(heard) == 1 and abs(heard[0] - hz) < 5
    print(f"\nbeeps after speech found once, right to 5 Hz: {found} of {len(cases)}")
    print(f"beeps in {SPEECH_S // 60} minutes of speech: {len(_heard_beeps(speech))}")


def _heard_beeps(sound: Samples) -> list[float]:
    spectrum, finder = Spectrum(1), BeepFinder()
    seen = (spectrum.look(np.array([0]), frame[None])[0] for frame in frames_of(sound))
    return [beep.frequency_hz for one in seen if (beep := finder.hear(one)) is not None]


def _voices(speech: Samples) -> None:
    print("\nvoice: percent of loud frames missed, of quiet ones taken for voice")
    loud = np.array([level_db(frame) > -45 for frame in frames_of(speech)])
    power = float(np.mean(speech.astype(np.float64) ** 2))
    for snr in (40, 20, 10, 5):
        noise = np.random.default_rng(1).normal(0, np.sqrt(power / 10 ** (snr / 10)), len(speech))
        noisy = np.clip(speech + noise, -32767, 32767).astype(np.int16)
        detector = VoiceFrames()
        voiced = np.array([detector.hear(frame) for frame in frames_of(noisy)])
        missed, wrong = 100 * (~voiced[loud]).mean(), 100 * voiced[~loud].mean()
        print(f"| noise {snr:2} dB below | {missed:4.1f} | {wrong:4.1f} |")


if __name__ == "__main__":
    main()
