"""What a peer has sent ahead of time, and hands out 20 ms at a time. Pure.

Samples are cut as they are needed; packets of Opus go whole, each when those before it are over.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from runtime.decisions.encodings import TICKS_PER_S, Encoding

BUFFER_S: Final = 10
"""Of audio that is kept ahead; what is beyond it is dropped, as VoxEngine does."""


class SampleBuffer:
    """Of an encoding whose samples have a size."""

    busy = False
    """Whether what was handed out still sounds, though there is no more."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._octets = bytearray()

    def __bool__(self) -> bool:
        return bool(self._octets)

    def add(self, audio: bytes) -> float:
        """How many seconds of it are dropped."""
        encoding = self._encoding
        room = BUFFER_S * encoding.rate_hz * encoding.sample_bytes - len(self._octets)
        self._octets += audio[:room]
        return encoding.seconds(audio[room:])

    def take(self, *, all_of_it: bool) -> list[bytes]:
        """The next 20 ms; less than that only when no more can be expected."""
        size = self._encoding.tick_bytes
        piece = bytes(self._octets[:size])
        if not piece or (len(piece) < size and not all_of_it):
            return []
        del self._octets[:size]
        return [piece]

    def clear(self) -> None:
        self._octets.clear()


class PacketBuffer:
    """Of an encoding whose packets tell how long they are."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._tick = encoding.rate_hz // TICKS_PER_S
        self._packets: deque[bytes] = deque()
        self._samples = 0
        self._credit = 0
        """Samples that may be handed out; less than none while a long packet sounds."""

    def __bool__(self) -> bool:
        return bool(self._packets)

    @property
    def busy(self) -> bool:
        return self._credit <= 0

    def add(self, audio: bytes) -> float:
        samples = self._encoding.samples(audio)
        if self._samples + samples > BUFFER_S * self._encoding.rate_hz:
            return self._encoding.seconds(audio)
        self._packets.append(audio)
        self._samples += samples
        return 0.0

    def take(self, *, all_of_it: bool) -> list[bytes]:
        self._credit = min(self._credit + self._tick, self._tick)
        found: list[bytes] = []
        while self._packets and self._credit > 0:
            packet = self._packets.popleft()
            samples = self._encoding.samples(packet)
            self._samples -= samples
            self._credit -= samples
            found.append(packet)
        return found

    def clear(self) -> None:
        self._packets.clear()
        self._samples = self._credit = 0


Buffer = SampleBuffer | PacketBuffer


def buffer_of(encoding: Encoding) -> Buffer:
    return SampleBuffer(encoding) if encoding.sample_bytes else PacketBuffer(encoding)
