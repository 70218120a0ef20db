"""Which steady sinusoids explain a short window of sound, and how much they leave unexplained.

Pure numpy. A window counts as tonal when at most four spectral peaks hold nearly all of its energy;
whether a tonal stretch is a tone or a vowel is decided in listening.py.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy import fft
from numpy.typing import NDArray

WINDOW_S: Final = 0.064
"""Long enough to tell 350 Hz from 440 Hz (the closest pair among telephone tones)."""
MAX_SINUSOIDS: Final = 4
"""The richest sound still called a tone: a chord of four legs in a conference."""
WEAKEST_DB: Final = -26.0
"""A peak weaker than this against the strongest is noise or distortion."""
PURITY: Final = 0.96
"""Part of the energy that the peaks must hold; G.711 noise leaves above 0.999 of a pure tone."""
LOWEST_HZ: Final = 60.0
"""Below lie direct current and hum, which no telephone carries."""
CHUNK_FRAMES: Final = 2_000
"""Windows transformed at once; bounds the memory for long recordings to some 20 MB."""

Sinusoids = tuple[float, ...]
"""Frequencies in Hz, strongest first; empty when the window is not tonal."""


def frame_sinusoids(sound: NDArray[np.float64], rate: int, hop: int) -> list[Sinusoids]:
    """One entry per hop; windows at the ends are moved inside the sound."""
    size = min(round(WINDOW_S * rate), len(sound))
    if size < 8:
        return []
    count = max(1, -(-len(sound) // hop))
    centres = np.arange(count) * hop + hop // 2
    starts = np.clip(centres - size // 2, 0, len(sound) - size)
    length = 2 << int(size - 1).bit_length()
    found: list[Sinusoids] = []
    for at in range(0, count, CHUNK_FRAMES):
        frames = sound[starts[at : at + CHUNK_FRAMES, None] + np.arange(size)]
        spectra = np.abs(fft.rfft(frames * np.hanning(size), length)) ** 2
        found += [_peaks(spectrum, rate / length, rate / size) for spectrum in spectra]
    return found


def _peaks(spectrum: NDArray[np.float64], bin_hz: float, resolution_hz: float) -> Sinusoids:
    """The peaks of one power spectrum, or nothing when they do not explain it."""
    power = spectrum.copy()
    power[: int(LOWEST_HZ / bin_hz) + 1] = 0.0
    total = float(power.sum())
    reach = round(2 * resolution_hz / bin_hz)  # half of the main lobe of a Hann window
    weakest = float(power.max()) * 10 ** (WEAKEST_DB / 10)
    frequencies: list[float] = []
    explained = 0.0
    for _ in range(MAX_SINUSOIDS):
        peak = int(power.argmax())
        if total <= 0.0 or power[peak] < weakest or power[peak] <= 0.0:
            break
        frequencies.append((peak + _offset(spectrum, peak)) * bin_hz)
        lobe = slice(max(0, peak - reach), peak + reach + 1)
        explained += float(power[lobe].sum())
        power[lobe] = 0.0
    return tuple(frequencies) if total > 0.0 and explained >= PURITY * total else ()


def _offset(spectrum: NDArray[np.float64], peak: int) -> float:
    """Where the maximum lies between bins: a parabola through three logarithms."""
    if not 0 < peak < len(spectrum) - 1:
        return 0.0
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-9)
    curvature = left - 2 * middle + right
    return float(0.5 * (left - right) / curvature) if curvature < 0 else 0.0


def residual_of(piece: NDArray[np.float64], frequencies_hz: Sinusoids, rate: int) -> float:
    """Part of the energy of `piece` that sinusoids of these frequencies cannot explain (0 to 1)."""
    energy = float(piece @ piece)
    if energy <= 0.0:
        return 1.0
    phase = 2 * np.pi * np.outer(np.arange(len(piece)) / rate, frequencies_hz)
    basis = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, piece, rcond=1e-6)
    rest = piece - basis @ fit
    return float(rest @ rest) / energy
