"""How loud single frequencies are, for tests that judge sound by listening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


def tone(frequency: float, rate_hz: int, seconds: float, amplitude: float = 8000.0) -> Samples:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    samples: Samples = np.round(amplitude * np.sin(2 * np.pi * frequency * at)).astype(np.int16)
    return samples


def voice(seconds: float) -> Samples:
    """150 Hz with its overtones at 16 kHz, louder and softer four times a second."""
    at = np.arange(round(16000 * seconds)) / 16000
    overtones = np.sum([np.sin(2 * np.pi * 150 * n * at) / n for n in range(1, 12)], axis=0)
    samples: Samples = (2000 * overtones * (1 + np.sin(2 * np.pi * 4 * at))).astype(np.int16)
    return samples


def amplitude_of(samples: Samples, frequency: float, rate_hz: int) -> float:
    """Of the sinusoid of this frequency in the sound, whatever else is in it."""
    window = np.hanning(len(samples))
    phase = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / rate_hz)
    return float(2 * abs((samples * window * phase).sum()) / window.sum())


def decibels(value: float, reference: float) -> float:
    return float(20 * np.log10(max(value, 1e-9) / reference))


def energy_above(samples: Samples, frequency: float, rate_hz: int) -> float:
    """Part of the energy that lies above a frequency, 0 to 1."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return float(power[frequencies > frequency].sum() / max(power.sum(), 1e-9))
