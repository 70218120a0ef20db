"""A sound file that is still being downloaded, as the file worker reads it: once, as it comes.

FFmpeg wants to read 64 KiB of a wav file before it gives its first sample, four seconds of a
telephone prompt; so uncompressed wav, whose samples need no decoder, is read here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

READ_BYTES: Final = 64 * 1024
MAX_WAV_HEAD: Final = 64 * 1024
"""Chunks before the samples: names and comments; a wav file with more is left to FFmpeg."""
MAX_CHUNKS: Final = 64
MAX_CHANNELS: Final = 8
WAV_RATES_HZ: Final = range(1000, 384_001)
BLOCK_S: Final = 0.02
"""Samples that are handed on at once; a frame of the engine."""

_CHUNK: Final = struct.Struct("<4sI")
_FORMAT: Final = struct.Struct("<HHIIHH")
_PCM: Final = 1
_EXTENSIBLE: Final = 0xFFFE
_SUBFORMAT: Final = 24
"""Where WAVEFORMATEXTENSIBLE says what it really holds."""
_UNTOLD: Final = (0, 0xFFFFFFFF)
"""Lengths that writers who did not know theirs leave behind."""

Samples = NDArray[np.int16]


class Arriving:
    """Implements what PyAV needs of a file that cannot be sought."""

    def __init__(self, fd: int) -> None:
        self.expected_s: float | None = None
        """How long the sound is going to be, as its own beginning says."""
        self._fd = fd
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay where they are; fewer only at the end."""
        while len(self._ahead) < size:
            piece = os.read(self._fd, READ_BYTES)
            if not piece:
                break
            self._ahead += piece
        return self._ahead[:size]

    def read(self, size: int = -1) -> bytes:
        """What there is, `size` bytes at most; waits for the first, and is empty at the end."""
        wanted = size if 0 <= size < READ_BYTES else READ_BYTES
        if not self._ahead:
            return os.read(self._fd, wanted)
        piece, self._ahead = self._ahead[:wanted], self._ahead[wanted:]
        return piece


class WavSound:
    """An uncompressed wav file; `frames` reads its samples as they arrive."""

    def __init__(self, file: Arriving, head: int, form: tuple[int, int, int], size: int) -> None:
        self._file = file
        self._left = None if size in _UNTOLD else size
        self._rate_hz, self._channels, self._bits = form
        self._octets = self._channels * self._bits // 8
        _skip(file, head)
        if self._left is not None:
            file.expected_s = self._left / self._octets / self._rate_hz

    @classmethod
    def begun(cls, file: Arriving) -> WavSound | None:
        """The sound whose head comes next; None, and nothing is read, for what FFmpeg should do."""
        form, at = None, 12
        for _ in range(MAX_CHUNKS):
            if at > MAX_WAV_HEAD:  # before anything is read for it: a chunk may claim gigabytes
                return None
            head = file.peek(at + _CHUNK.size)
            if len(head) < at + _CHUNK.size:
                return None
            name, size = _CHUNK.unpack_from(head, at)
            at += _CHUNK.size
            if name == b"data":
                return None if form is None else cls(file, at, form, size)
            if name == b"fmt ":
                form = _form_of(file.peek(at + min(size, 40))[at:])
            at += size + size % 2
        return None

    def frames(self) -> Iterator[Any]:
        """Mono s16 frames of FFmpeg's, one for every 20 ms."""
        block = max(1, round(self._rate_hz * BLOCK_S)) * self._octets
        waiting = b""
        while piece := self._file.read(READ_BYTES if self._left is None else self._left):
            if self._left is not None:
                self._left -= len(piece)
            waiting += piece
            whole = len(waiting) - len(waiting) % block
            for at in range(0, whole, block):
                yield self._frame(waiting[at : at + block])
            waiting = waiting[whole:]
            if self._left == 0:
                break
        if rest := len(waiting) - len(waiting) % self._octets:
            yield self._frame(waiting[:rest])

    def _frame(self, raw: bytes) -> Any:
        samples = _as_s16(raw, self._bits).reshape(-1, self._channels)
        mono = samples.sum(axis=1, dtype=np.int32) // self._channels
        flat = mono.astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(flat, format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        return frame


def _skip(file: Arriving, size: int) -> None:
    while size > 0 and (piece := file.read(size)):
        size -= len(piece)


def _form_of(raw: bytes) -> tuple[int, int, int] | None:
    """(rate, channels, bits) of PCM samples; None for anything else."""
    if len(raw) < _FORMAT.size:
        return None
    kind, channels, rate_hz, _, align, bits = _FORMAT.unpack_from(raw)
    if kind == _EXTENSIBLE and len(raw) >= _SUBFORMAT + 2:
        kind = int.from_bytes(raw[_SUBFORMAT : _SUBFORMAT + 2], "little")
    known = kind == _PCM and bits in (8, 16, 24, 32) and rate_hz in WAV_RATES_HZ
    if not known or not 0 < channels <= MAX_CHANNELS or align != channels * bits // 8:
        return None
    return rate_hz, channels, bits


def _as_s16(raw: bytes, bits: int) -> Samples:
    """8-bit samples are unsigned, the others little-endian and signed."""
    octets = np.frombuffer(raw, dtype=np.uint8)
    if bits == 8:
        return (octets.astype(np.int16) - 128) * np.int16(256)
    upper = octets.reshape(-1, bits // 8)[:, -2:]
    return np.ascontiguousarray(upper).view("<i2").reshape(-1).astype(np.int16)
