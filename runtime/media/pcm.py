"""Audio in shared memory: PcmBuffer (one sound, growing) and PcmRing (a recording's last seconds).

Each lives in a memfd that the core makes and seals against growing and shrinking, so that no peer
can make another process fault (SIGBUS) on it; pages cost memory only once written. One process
writes, others read. Everything in the header that a peer can write is checked once in `attach` or
clamped at each reading: a lying peer can spoil its own audio and nothing else.

A "frame" here is one sample of every channel at one instant.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import mmap
import os
import struct
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

ROW_RATE_HZ: Final = 8000
"""Rate of the engine's narrow rows."""
WIDE_ROW_RATE_HZ: Final = 16000
"""Rate of its wide rows: of sounds where calls may hear wide, and of HD recordings."""
MAX_SOUND_S: Final = 3600
"""Longest sound: an hour at 16 kHz is 115 MB of addresses, and memory only as it fills."""
RING_S: Final = 4.0
"""A recording survives a stall of its worker this long; 128 KiB of stereo at 8 kHz."""
MAX_BYTES: Final = 512 * 1024 * 1024
"""No stream may take more address space than this, whatever was asked for."""
RATES_HZ: Final = (8000, 16000, 22050, 24000, 44100, 48000)

_HEADER: Final = struct.Struct("=8sII")  # magic, rate, channels; written once, by the core
_HEADER_SIZE: Final = 64
_SEALS: Final = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class PcmError(ValueError):
    """A descriptor that is not sealed audio memory of ours; the peer that sent it is broken."""


def size_of(fd: int) -> int:
    """Bytes behind a descriptor; moves its position to the end.

    Not by fstat(2): the C library may ask for it with a path, which locked processes must not.
    """
    return os.lseek(fd, 0, os.SEEK_END)


class PcmState(enum.IntEnum):
    FILLING = 0
    DONE = 1
    FAILED = 2


class _SharedPcm:
    """The mapping, header and life of both kinds."""

    _MAGIC: ClassVar[bytes]

    def __init__(self, fd: int, memory: mmap.mmap, rate_hz: int, channels: int) -> None:
        self.fd = fd
        """The creator's descriptor, to hand to other processes; -1 when attached or closed."""
        self.rate_hz = rate_hz
        self.channels = channels
        self._memory = memory
        self._fields: npt.NDArray[np.uint64] = np.frombuffer(
            memory, dtype=np.uint64, count=(_HEADER_SIZE - _HEADER.size) // 8, offset=_HEADER.size
        )
        samples = np.frombuffer(memory, dtype=np.int16, offset=_HEADER_SIZE)
        self._frames: Samples = samples.reshape(-1, channels)
        self._read = 0  # a ring's reader keeps its own position; the header only publishes it

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.rate_hz} Hz x{self.channels} fd={self.fd}>"

    @property
    def capacity_frames(self) -> int:
        return len(self._frames)

    @classmethod
    def _create(cls, rate_hz: int, channels: int, frames: int) -> Self:
        size = _HEADER_SIZE + frames * channels * 2
        if rate_hz not in RATES_HZ or channels not in (1, 2):
            raise ValueError(f"{rate_hz} Hz with {channels} channels; known rates are {RATES_HZ}")
        if frames <= 0 or size > MAX_BYTES:
            raise ValueError(f"{frames} frames do not fit into 1..{MAX_BYTES} bytes")
        fd = os.memfd_create(cls.__name__, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            os.pwrite(fd, _HEADER.pack(cls._MAGIC, rate_hz, channels), 0)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            memory = mmap.mmap(fd, size)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, memory, rate_hz, channels)

    @classmethod
    def attach(cls, fd: int, *, writable: bool = False) -> Self:
        """Map a descriptor got from a peer. `fd` stays the caller's, who may close it at once.

        Raises PcmError for anything that is not sealed memory of this kind.
        """
        try:
            seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
            size = size_of(fd)
            magic, rate_hz, channels = _HEADER.unpack(os.pread(fd, _HEADER.size, 0))
        except (OSError, struct.error) as exc:
            raise PcmError(f"descriptor {fd} is not audio memory: {exc}") from exc
        if seals & _SEALS != _SEALS:
            raise PcmError(f"descriptor {fd} is not sealed (seals {seals:#x})")
        if magic != cls._MAGIC or rate_hz not in RATES_HZ or channels not in (1, 2):
            raise PcmError(f"descriptor {fd} has no {cls.__name__} header")
        if not _HEADER_SIZE < size <= MAX_BYTES or (size - _HEADER_SIZE) % (2 * channels):
            raise PcmError(f"descriptor {fd} has the impossible size {size}")
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        try:
            memory = mmap.mmap(fd, size, access=access)
        except (OSError, ValueError) as exc:
            raise PcmError(f"descriptor {fd} cannot be mapped: {exc}") from exc
        return cls(-1, memory, rate_hz, channels)

    def close(self) -> None:
        """Let go of the memory, which is freed when all processes did. Safe twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        empty: Any = self._frames[:0].copy()
        self._frames, self._fields = empty, np.zeros_like(self._fields)
        with contextlib.suppress(BufferError):  # a slice is still in use; it frees the rest
            self._memory.close()


class PcmBuffer(_SharedPcm):
    """A decoded file or spoken text. Readers may play what is there while the rest arrives."""

    _MAGIC = b"CSPCMBUF"
    _VALID, _STATE = 0, 1

    @classmethod
    def create(
        cls, rate_hz: int = ROW_RATE_HZ, *, channels: int = 1, capacity_s: float = MAX_SOUND_S
    ) -> Self:
        return cls._create(rate_hz, channels, round(rate_hz * capacity_s))

    @property
    def samples(self) -> Samples:
        """View of everything that fits: shape (capacity,) when mono, else (capacity, channels)."""
        return self._frames[:, 0] if self.channels == 1 else self._frames

    @property
    def valid_samples(self) -> int:
        """Frames that may be read now; never more than fit, whatever the writer claims."""
        return min(int(self._fields[self._VALID]), len(self._frames))

    @property
    def state(self) -> PcmState:
        state = int(self._fields[self._STATE])
        return PcmState(state) if state <= PcmState.FAILED else PcmState.FAILED

    @property
    def duration_s(self) -> float:
        """Of what is valid so far."""
        return self.valid_samples / self.rate_hz

    def append(self, samples: Samples) -> int:
        """Writer: add frames, mono or (n, channels), and publish them. Returns how many fitted."""
        start = self.valid_samples
        block = samples.reshape(-1, self.channels)[: len(self._frames) - start]
        self._frames[start : start + len(block)] = block
        # Published after the samples. x86 keeps the order of stores; elsewhere the interpreter's
        # own locking between two numpy calls is the barrier.
        self._fields[self._VALID] = start + len(block)
        return len(block)

    def finish(self, *, failed: bool = False) -> None:
        """Writer: nothing follows."""
        self._fields[self._STATE] = PcmState.FAILED if failed else PcmState.DONE


class PcmRing(_SharedPcm):
    """A recording on its way to the encoder. The writer never waits; a late reader loses audio.

    Both positions count frames since the beginning and only grow. What the reader lost it learns
    from `read` and replaces by silence, so that the recording keeps its time.
    """

    _MAGIC = b"CSPCMRNG"
    _WRITTEN, _READ, _CLOSED, _LOST = 0, 1, 2, 3

    @classmethod
    def create(
        cls, rate_hz: int = ROW_RATE_HZ, *, channels: int = 2, capacity_s: float = RING_S
    ) -> Self:
        return cls._create(rate_hz, channels, round(rate_hz * capacity_s))

    @property
    def write_frames(self) -> int:
        """Frames written since the beginning."""
        return int(self._fields[self._WRITTEN])

    @property
    def read_frames(self) -> int:
        """Frames that the reader has taken, as it says."""
        return int(self._fields[self._READ])

    @property
    def closed(self) -> bool:
        """Whether the writer has written its last frame."""
        return bool(self._fields[self._CLOSED])

    @property
    def lost_frames(self) -> int:
        """Frames that were overwritten before they were read (the overrun counter)."""
        return int(self._fields[self._LOST])

    def write(self, frames: Samples) -> None:
        """Writer: add frames of shape (n, channels); no system call, never blocks."""
        capacity = len(self._frames)
        written = int(self._fields[self._WRITTEN])
        start = written % capacity
        first = frames[: capacity - start]
        self._frames[start : start + len(first)] = first
        rest = frames[len(first) :]
        if len(rest):
            self._frames[: len(rest)] = rest
        self._fields[self._WRITTEN] = written + len(frames)

    def close_writing(self) -> None:
        """Writer: no frame follows."""
        self._fields[self._CLOSED] = 1

    def read(self, limit: int | None = None) -> tuple[Samples, int]:
        """Reader: (a copy of the frames not read yet, how many before them were lost).

        The writer may be one write ahead of what it has published, so the oldest eighth of the
        ring counts as lost. A writer that lies about its position costs only its own audio.
        """
        capacity = len(self._frames)
        written, read = int(self._fields[self._WRITTEN]), self._read
        if not read <= written < 2**62:
            return self._frames[:0].copy(), 0
        kept = capacity if self.closed else capacity - capacity // 8
        lost = max(0, written - kept - read)
        start = read + lost
        count = written - start if limit is None else min(limit, written - start)
        index = start % capacity
        first = self._frames[index : index + count]
        frames = np.concatenate((first, self._frames[: count - len(first)]))
        self._read = start + count
        self._fields[self._READ] = self._read
        self._fields[self._LOST] = (self.lost_frames + lost) % 2**64
        return frames, lost
