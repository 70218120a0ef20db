"""Peers whose clocks are a little fast or slow: for an hour nobody hears it and no delay grows.

Two senders of a tone, one with a fast and one with a slow clock, are heard through playout and
concealment tick by tick. What is heard is compared with the tone minute by minute: its level and
its phase from each 5 ms to the next.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.codecs.l16 import L16Decoder
from runtime.media.codecs.table import FORMATS
from runtime.media.frames import FRAME, Samples
from runtime.media.rtp.concealment import Concealment
from runtime.media.rtp.header import Ints
from runtime.media.rtp.packet_playout import PacketPlayout, Voice
from runtime.media.rtp.playout import MAX_LEAD, TARGET_LEAD, Playout
from tests.media.spectrum import tone

HERTZ = 440.0
AMPLITUDE = 8000
PERIOD = 2000
"""Samples after which the tone repeats itself: 110 of its periods."""
CHECK_FRAMES = 50
LEGS = 2


def tone_at(first: Ints) -> Samples:
    """A frame of the tone from each sample on."""
    at = (first[:, None] + np.arange(FRAME)) % PERIOD
    wave = np.round(AMPLITUDE * np.sin(2 * np.pi * HERTZ * np.arange(PERIOD) / 8000))
    frames: Samples = wave.astype(np.int16)[at]
    return frames


class Drifting:
    """Senders whose packets come `ppm` too often, each up to `jitter` frames late."""

    def __init__(self, *ppm: float, jitter: float = 0.0) -> None:
        self.playout = Playout(LEGS)
        for leg in range(LEGS):
            self.playout.reset(leg)
        self.delays: list[Ints] = []
        self._pace = 1 + np.array(ppm) / 1e6
        self._jitter = jitter
        self._concealment = Concealment(LEGS, self.playout)
        self._rows = np.zeros((LEGS, FRAME), dtype=np.int16)
        self._tick = 0
        self._sent = np.zeros(LEGS, dtype=np.int64)
        self._chance = np.random.default_rng(3)
        self._wait = self._chance.random(LEGS) * jitter

    def frames(self, count: int) -> Iterator[Samples]:
        for _ in range(count):
            self._tick += 1
            self._receive()
            self._concealment.play(self._rows)
            self.playout.advance(LEGS)
            if self._tick % CHECK_FRAMES == 0:
                self.playout.adjust(slice(0, LEGS))
                self.delays.append(self.delay())
            yield self._rows.copy()

    def delay(self) -> Ints:
        """Samples that wait to be heard."""
        return self.playout.columns()["end"] - self.playout.clock

    def _receive(self) -> None:
        while True:
            due = (self._sent + self._wait) / self._pace + 0.5 < self._tick
            legs = np.flatnonzero(due)
            if not len(legs):
                return
            self._put(legs)
            self._sent[legs] += 1
            self._wait[legs] = self._chance.random(len(legs)) * self._jitter

    def _put(self, legs: Ints) -> None:
        at = self._sent[legs] * FRAME
        lead, simple = self.playout.leads(legs)
        if self._sent[legs].all() and simple.all():
            self.playout.follow(legs, lead)
            position = lead + self.playout.clock
        else:
            fitted = self.playout.fit(
                legs,
                at & 0xFFFFFFFF,
                np.full(len(legs), FRAME),
                marker=np.zeros(len(legs), dtype=np.bool_),
                newest=np.ones(len(legs), dtype=np.bool_),
                restarted=self._sent[legs] == 0,
            )
            legs, position, at = (column[fitted.accepted] for column in (legs, fitted.position, at))
        self.playout.write_frames(legs, position, tone_at(at))


def listen(heard: Samples, rate_hz: int = 8000) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level (1 = as sent) and change of phase (radians) of the tone in each 5 ms."""
    carrier = np.exp(-2j * np.pi * HERTZ * np.arange(heard.size) / rate_hz)
    # 12.5 ms are 11 periods of what the product has at twice the frequency, which so cancel.
    window = rate_hz // 80
    smooth = np.convolve(heard * carrier, np.ones(window) / window, "valid")[:: rate_hz // 200]
    return np.abs(smooth) * 2 / AMPLITUDE, np.angle(smooth[1:] / smooth[:-1])


def assert_unbroken(heard: Samples, rate_hz: int = 8000) -> None:
    level, turn = listen(heard, rate_hz)
    assert 0.98 < level.min() <= level.max() < 1.02
    assert np.abs(turn).max() < 0.05


def hear(senders: Drifting, minutes: int) -> None:
    """Judge every minute as it is heard."""
    list(senders.frames(CHECK_FRAMES))
    for _ in range(minutes):
        heard = np.stack(list(senders.frames(3000)), axis=1).reshape(LEGS, -1)
        for leg in range(LEGS):
            assert_unbroken(heard[leg])


def test_no_drift_of_200_ppm_is_heard_or_adds_delay_in_ten_minutes() -> None:
    senders = Drifting(200.0, -200.0, jitter=0.4)
    hear(senders, 10)
    assert np.max(senders.delays) <= TARGET_LEAD + 2 * FRAME
    assert senders.playout.late.tolist() == [0, 0]


def test_drift_as_no_telephone_has_it_is_bounded_as_well() -> None:
    senders = Drifting(5000.0, -5000.0)
    list(senders.frames(6000))
    assert np.max(senders.delays) <= MAX_LEAD
    assert senders.delays[-1].max() <= TARGET_LEAD + 3 * FRAME


@pytest.mark.soak
@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_no_drift_of_200_ppm_is_heard_or_adds_delay_in_an_hour(jitter: float) -> None:
    senders = Drifting(200.0, -200.0, jitter=jitter)
    hear(senders, 60)
    assert np.max(senders.delays) <= TARGET_LEAD + 2 * FRAME
    assert senders.playout.late.tolist() == [0, 0]


@pytest.mark.parametrize("ppm", [200, -200])
def test_drift_of_a_coded_leg_is_not_heard_either(ppm: int) -> None:
    voice = Voice(FORMATS["L16"], L16Decoder(16000))
    playout, heard, sent = PacketPlayout(320), [], 0
    wave = tone(HERTZ, 16000, 0.25, AMPLITUDE).astype(">i2")
    for tick in range(15_000):  # five minutes
        while sent / (1 + ppm / 1e6) + 0.5 < tick:
            payload = np.take(wave, range(320 * sent, 320 * sent + 320), mode="wrap").tobytes()
            playout.put(320 * sent & 0xFFFFFFFF, payload, voice, restarted=sent == 0)
            sent += 1
        heard.append(playout.pull())
        if tick % CHECK_FRAMES == 0:
            playout.adjust()
    assert_unbroken(np.concatenate(heard[100:]), 16000)
    assert playout.late == 0
    left = [playout.pull() for _ in range(8)]
    # What was still to be heard, and 10 ms at full level instead of what never came.
    assert sum(np.abs(frame).max() > 0.95 * AMPLITUDE for frame in left) <= 4
