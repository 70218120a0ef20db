"""Recording files in the making, in the recorder worker: frames in, a playable file at any time.

Every file has two channels and is written so that a killed recorder leaves it playable up to then:
small packets, written at once, and length headers that are brought up to date as it grows.
"""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from typing import Any, Final, Protocol

import attrs
import av
import numpy as np

from runtime.media.pcm import WIDE_ROW_RATE_HZ, Samples, size_of
from runtime.media.sounds.headers import HEAD_BYTES, WAV_HEADER_BYTES, repair, wav_header

CHANNELS: Final = 2
RATE_HZ: Final = 8000
HD_RATE_HZ: Final = 48000


@attrs.frozen(kw_only=True)
class Encoding:
    """How FFmpeg writes one container."""

    codec: str
    rate_hz: int
    bit_rate: int
    codec_options: dict[str, str] = attrs.field(factory=dict)
    container_options: dict[str, str] = attrs.field(factory=dict)


class RecordingFile(Protocol):
    """One open file. Any method may raise OSError (a full disk)."""

    def write(self, frames: Samples) -> None:
        """Frames of shape (n, 2)."""

    def update_header(self) -> None:
        """Let the length header tell what is there now."""

    def finish(self) -> None:
        """Write what is left; the descriptor stays open."""

    def abandon(self) -> None:
        """End after an error, keeping what is there playable. Raises nothing."""


def open_recording(
    fd: int, container: str, rate_hz: int, *, stereo: bool, hd: bool
) -> RecordingFile:
    """Begin a file on an empty descriptor; `rate_hz` is that of the frames."""
    if container == "wav":
        return _WavFile(fd, rate_hz)
    return _EncodedFile(fd, container, rate_hz, encoding_of(container, stereo=stereo, hd=hd))


def encoding_of(container: str, *, stereo: bool, hd: bool) -> Encoding:
    """The platform's qualities (voxengine.md 3.4): 8 kHz 32 kbit/s; hd 48 kHz 192 kbit/s."""
    match container:
        case "mp3":
            # Separate channels stay separate; a mix in both costs half as joint stereo. Level 7
            # is LAME's fast setting: at these rates nothing better can be heard.
            options = {"joint_stereo": "0" if stereo else "1", "compression_level": "7"}
            return Encoding(
                codec="libmp3lame",
                rate_hz=HD_RATE_HZ if hd else RATE_HZ,
                bit_rate=192_000 if hd else 32_000,
                codec_options=options,
            )
        case "ogg":
            # lowdelay is the MDCT mode: channels stay apart, and it is the cheapest. A page is
            # written five times a second (the default waits for a second).
            options = {"application": "lowdelay", "compression_level": "3", "frame_duration": "20"}
            return Encoding(
                codec="libopus",
                rate_hz=HD_RATE_HZ if hd else RATE_HZ,
                bit_rate=128_000 if hd else 48_000,
                codec_options=options,
                container_options={"page_duration": "200000"},
            )
        case "flac":  # lossless: what the rows hold, which no higher rate makes better
            rate_hz = WIDE_ROW_RATE_HZ if hd else RATE_HZ
            return Encoding(codec="flac", rate_hz=rate_hz, bit_rate=0)
    raise ValueError(f"no recording can be written as {container}")


class _Output:
    """The file as FFmpeg sees it. Writes are gathered, so that one poll is one system call."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0
        self._gathered = bytearray()
        self.broken = False
        """After an error FFmpeg may close its end in peace."""

    def write(self, data: bytes) -> int:
        if not self.broken:
            self._gathered += data
        return len(data)

    def tell(self) -> int:
        return self._position + len(self._gathered)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.flush()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = base + offset
        return self._position

    def flush(self) -> None:
        while self._gathered and not self.broken:
            written = os.pwrite(self._fd, self._gathered, self._position)
            del self._gathered[:written]
            self._position += written

    @property
    def size(self) -> int:
        return size_of(self._fd)


class _WavFile:
    """PCM behind a header of our own: nothing to encode, and always the right length."""

    def __init__(self, fd: int, rate_hz: int) -> None:
        self._fd = fd
        self._rate_hz = rate_hz
        self._output = _Output(fd)
        self._output.write(wav_header(rate_hz, CHANNELS, 0))
        self._output.flush()

    def write(self, frames: Samples) -> None:
        self._output.write(frames.astype("<i2", copy=False).tobytes())
        self._output.flush()
        self.update_header()  # players stop where the header says

    def update_header(self) -> None:
        header = wav_header(self._rate_hz, CHANNELS, self._output.size - WAV_HEADER_BYTES)
        os.pwrite(self._fd, header, 0)

    def finish(self) -> None:
        """Nothing is outstanding."""

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self.update_header()


class _EncodedFile:
    """mp3, ogg or flac by FFmpeg."""

    def __init__(self, fd: int, container: str, rate_hz: int, encoding: Encoding) -> None:
        self._fd = fd
        self._rate_hz = rate_hz
        self._written = 0
        self._output = _Output(fd)
        options = {"flush_packets": "1", **encoding.container_options}
        self._container = av.open(self._output, "w", format=container, options=options)
        stream: Any = self._container.add_stream(
            encoding.codec, rate=encoding.rate_hz, options=encoding.codec_options
        )
        stream.layout = "stereo"
        stream.thread_count = 1
        if encoding.bit_rate:
            stream.bit_rate = encoding.bit_rate
        self._stream = stream
        self._container.start_encoding()
        self._output.flush()

    def write(self, frames: Samples) -> None:
        if not len(frames):
            return
        flat = np.ascontiguousarray(frames).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(flat, format="s16", layout="stereo")
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._written
        self._written += len(frames)
        self._container.mux(self._stream.encode(frame))
        self._output.flush()

    def update_header(self) -> None:
        for at, data in repair(os.pread(self._fd, HEAD_BYTES, 0), self._output.size):
            os.pwrite(self._fd, data, at)

    def finish(self) -> None:
        if not self._written:  # players call a file without any sound broken
            self.write(np.zeros((self._rate_hz // 50, CHANNELS), dtype=np.int16))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._output.flush()

    def abandon(self) -> None:
        self._output.broken = True
        with contextlib.suppress(OSError, av.FFmpegError):
            self._container.close()
        with contextlib.suppress(OSError):
            self.update_header()
