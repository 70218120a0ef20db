"""Recorders: what their taps and sources say, written into shared memory for the encoder.

Left is what the endpoint sends, right what it hears, its own prompts included; sources connected
directly are in both. A ring of one channel gets the mix of all. Frames are collected for 100 ms and
then written at once, without any system call; time that the engine lost is written as silence, so
that a recording keeps its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
import numpy as np

from runtime.media.frames import RATE_HZ, WIDE_RATE_HZ, FrameTable, Samples
from runtime.media.limiting import Limiter, Sums
from runtime.media.pcm import PcmRing
from runtime.media.port import RecorderClosed

from .leg import Leg

BLOCK_FRAMES: Final = 5
"""100 ms: what a killed engine may lose of a recording."""
MAX_SILENCE_FRAMES: Final = 100
"""Silence written after a stall; a longer one would overrun the ring, which holds 4 s."""


class RecordersExhausted(Exception):
    """The engine records as much as it was started for."""


@attrs.define(eq=False)
class Recorder:
    """One recording between `open` and `close`."""

    id: int
    slot: int
    ring: PcmRing
    muted: bool = False
    taps: list[Leg] = attrs.field(factory=list)
    sources: list[int] = attrs.field(factory=list)
    """Rows."""
    frames: int = 0
    stale: bool = True
    """Taps, sources or muting changed since the recorders were last sorted."""

    def add_source(self, row: int) -> None:
        self.sources.append(row)
        self.stale = True

    def remove_source(self, row: int) -> None:
        if row in self.sources:
            self.sources.remove(row)
        self.stale = True

    @property
    def wide(self) -> bool:
        """Whether it records at 16 kHz."""
        return self.ring.rate_hz == WIDE_RATE_HZ

    @property
    def stereo(self) -> bool:
        return self.ring.channels == 2

    @property
    def simple(self) -> bool:
        """One tapped leg and nothing else: done for all such recorders at once."""
        return len(self.taps) == 1 and not self.sources and not self.muted


class Recorders:
    """All recorders of one rate; `write` takes this tick's rows and what the legs hear."""

    def __init__(self, capacity: int, frames: FrameTable, rate_hz: int = RATE_HZ) -> None:
        self._samples = frames.wide if rate_hz == WIDE_RATE_HZ else frames.samples
        self._frame = self._samples.shape[1]
        self._free = list(range(capacity - 1, -1, -1))
        self._all: dict[int, Recorder] = {}
        self._blocks: Samples = np.zeros((capacity, BLOCK_FRAMES, self._frame, 2), dtype=np.int16)
        self._cursor = np.zeros(capacity, dtype=np.int64)
        self._limit = np.zeros(capacity, dtype=np.int64)
        self._slots = self._rows = self._legs = np.zeros(0, dtype=np.int64)
        self._mixed = np.zeros(0, dtype=np.int64)
        """Places in `_slots` whose channels both carry the mix."""
        self._others: list[Recorder] = []
        self._limiter = Limiter(2 * capacity)
        """A place for each channel."""

    def __len__(self) -> int:
        return len(self._all)

    def open(self, recorder_id: int, ring: PcmRing) -> Recorder:
        """A recorder without sources writes silence. Raises RecordersExhausted."""
        if not self._free:
            raise RecordersExhausted("all recorders of the engine are in use")
        slot = self._free.pop()
        recorder = Recorder(recorder_id, slot, ring)
        self._all[slot] = recorder
        self._cursor[slot] = 0
        self._limiter.forget(2 * slot)
        self._limiter.forget(2 * slot + 1)
        # Recorders that start together then write in different ticks.
        self._limit[slot] = 1 + slot % BLOCK_FRAMES
        return recorder

    def tap(self, recorder: Recorder, leg: Leg) -> None:
        if leg not in recorder.taps:
            recorder.taps.append(leg)
            recorder.stale = True

    def forget(self, leg: Leg) -> None:
        """The leg is gone; recorders that tapped it go on with what is left."""
        for recorder in self._all.values():
            if leg in recorder.taps:
                recorder.taps.remove(leg)
                recorder.stale = True

    def mute(self, recorder: Recorder, muted: bool) -> None:
        recorder.muted = muted
        recorder.stale = True

    def close(self, recorder: Recorder) -> RecorderClosed:
        """Write what was collected; nothing follows."""
        self._flush(recorder, int(self._cursor[recorder.slot]))
        recorder.ring.close_writing()
        lost = recorder.ring.lost_frames // self._frame
        recorder.ring.close()
        del self._all[recorder.slot]
        self._free.append(recorder.slot)
        self._sort()
        return RecorderClosed(frames=recorder.frames, overrun_frames=lost)

    def write(self, heard: Samples, unheard: Mapping[int, Samples]) -> None:
        """One frame of every recording; `unheard` is what legs (by number) said and no other unit
        hears: a recording of the call itself has it."""
        if not self._all:
            return
        if any(recorder.stale for recorder in self._all.values()):
            self._sort()
        slots = self._slots
        if len(slots):
            left, right = self._samples[self._rows], heard[self._legs]
            for leg, said in unheard.items():
                left[self._legs == leg] = said
            if len(self._mixed):
                both: Sums = np.add(left[self._mixed], right[self._mixed], dtype=np.int32)
                mix = self._limiter.limit(both, 2 * slots[self._mixed])
                left[self._mixed] = right[self._mixed] = mix
            at = self._cursor[slots]
            self._blocks[slots, at, :, 0] = left
            self._blocks[slots, at, :, 1] = right
        for recorder in self._others:
            self._write_other(recorder, heard, unheard)
        self._cursor[: len(self._cursor)] += 1
        for recorder in self._all.values():
            if self._cursor[recorder.slot] >= self._limit[recorder.slot]:
                self._flush(recorder, int(self._cursor[recorder.slot]))

    def skip(self, frames: int) -> None:
        """The engine stood still for so many frames."""
        silence = min(frames, MAX_SILENCE_FRAMES)
        for recorder in self._all.values():
            self._flush(recorder, int(self._cursor[recorder.slot]))
            channels = recorder.ring.channels
            recorder.ring.write(np.zeros((silence * self._frame, channels), dtype=np.int16))
            recorder.frames += silence

    def _write_other(
        self, recorder: Recorder, heard: Samples, unheard: Mapping[int, Samples]
    ) -> None:
        left = np.zeros(self._frame, dtype=np.int32)
        right = np.zeros(self._frame, dtype=np.int32)
        if not recorder.muted:
            for leg in recorder.taps:
                left += unheard.get(leg.index, self._samples[1 + leg.index])
                right += heard[leg.index]
            direct = self._samples[recorder.sources].sum(axis=0, dtype=np.int32)
            if not recorder.stereo:
                left = right = left + right
            left, right = left + direct, right + direct
        block = self._blocks[recorder.slot, self._cursor[recorder.slot]]
        channels = 2 * recorder.slot + np.arange(2)
        block.T[:] = self._limiter.limit(np.stack((left, right)), channels)

    def _flush(self, recorder: Recorder, frames: int) -> None:
        block = self._blocks[recorder.slot, :frames].reshape(-1, 2)
        recorder.ring.write(block if recorder.stereo else block[:, :1])
        recorder.frames += frames
        self._cursor[recorder.slot] = 0
        self._limit[recorder.slot] = BLOCK_FRAMES

    def _sort(self) -> None:
        """Tell the simple recorders from the others."""
        simple = [r for r in self._all.values() if r.simple]
        self._others = [r for r in self._all.values() if not r.simple]
        self._slots = np.array([r.slot for r in simple], dtype=np.int64)
        self._legs = np.array([r.taps[0].index for r in simple], dtype=np.int64)
        self._rows = 1 + self._legs
        mixed = [n for n, r in enumerate(simple) if not r.stereo]
        self._mixed = np.array(mixed, dtype=np.int64)
        for recorder in self._all.values():
            recorder.stale = False
