"""Sound files made to cost far more than they weigh."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np

from runtime.media.pcm import Samples
from runtime.media.sounds.headers import wav_header
from tests.media.sound_bytes import encode, tone

BLOCK = 65_535
"""Samples of the longest block of FLAC."""
RATE = 655_350
"""The highest rate that FLAC can say."""
FLAC_INFO = 42
"""The mark, and the header of a stream."""


@cache
def silent_bomb(size: int = 4_000_000) -> bytes:
    """Eight channels of silence: a few bytes a block, minutes of decoding."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as file:
        stream: Any = file.add_stream(
            "flac", rate=RATE, options={"strict": "experimental", "compression_level": "0"}
        )
        stream.layout = "7.1"
        for number in range(10):
            silence = np.zeros((1, BLOCK * 8), dtype=np.int16)
            frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="7.1")
            frame.sample_rate, frame.pts = RATE, number * BLOCK
            frame.time_base = Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    data = out.getvalue()
    first = data.index(b"\xff\xf8", FLAC_INFO)
    return data[:first] + data[first:] * (size // (len(data) - first))


def endless_wav() -> bytes:
    """A header that claims 4 GB, and a second of sound."""
    sound = tone(440, 1.0).tobytes()
    header = bytearray(wav_header(8000, 1, len(sound)))
    header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
    return bytes(header) + sound


def endless_flac() -> bytes:
    """The header claims 2**36 samples."""
    data = bytearray(encode(tone(440, 1.0), 8000, "flac"))
    data[21] |= 0x0F
    data[22:26] = b"\xff\xff\xff\xff"
    return bytes(data)


def many_streams(count: int = 3000) -> bytes:
    """Ogg with a new Opus stream in every page."""
    data = encode(tone(440, 0.2, 48000), 48000, "ogg")
    end = data.index(b"OggS", 4)
    head = data[:end]
    pages = [_with_serial(head, number) for number in range(1, count)]
    return head + b"".join(pages) + data[end:]


def _with_serial(page: bytes, serial: int) -> bytes:
    changed = bytearray(page)
    changed[14:18] = struct.pack("<I", serial)
    changed[22:26] = bytes(4)
    changed[22:26] = struct.pack("<I", _ogg_crc(changed))
    return bytes(changed)


def _ogg_crc(data: bytes) -> int:
    """RFC 3533: polynomial 0x04c11db7, nothing reflected, nothing inverted."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return crc


def huge_picture(size: int = 9_000_000) -> bytes:
    """mp3 behind an ID3 tag that holds a picture of this size."""
    picture = b"APIC" + _synchsafe(size) + b"\0\0" + b"\0image/png\0\3\0"
    body = picture.ljust(size + 10, b"\x89")
    return b"ID3\4\0\0" + _synchsafe(len(body)) + body + encode(tone(440, 1.0), 8000, "mp3")


def _synchsafe(number: int) -> bytes:
    """ID3v2.4 section 6.2: seven bits a byte."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def many_chapters(count: int = 60_000) -> bytes:
    """mp3 behind an ID3 tag full of chapters (the ID3v2 chapter frame addendum)."""
    chapters = b"".join(
        b"CHAP" + _synchsafe(len(body)) + b"\0\0" + body
        for body in (f"c{n}\0".encode() + bytes(16) for n in range(count))
    )
    return b"ID3\4\0\0" + _synchsafe(len(chapters)) + chapters + encode(tone(440, 1), 8000, "mp3")


def many_comments(count: int = 400_000) -> bytes:
    """FLAC with a block of hundreds of thousands of empty comments."""
    data = encode(tone(440, 1.0), 8000, "flac")
    comments = struct.pack("<II", 0, count) + (struct.pack("<I", 2) + b"a=") * count
    header = b"\x04" + len(comments).to_bytes(3, "big")
    return data[:FLAC_INFO] + header + comments + data[FLAC_INFO:]


def tall_wav(channels: int = 65_535) -> bytes:
    """A frame of 65,535 channels."""
    sound: Samples = np.zeros(channels * 8, dtype=np.int16)
    header = bytearray(wav_header(8000, 1, len(sound) * 2))
    header[22:24] = struct.pack("<H", channels)
    header[32:34] = struct.pack("<H", channels * 2 % 65_536)
    return bytes(header) + sound.tobytes()


def racing_wav() -> bytes:
    """A sample rate of 1 Hz: half a million samples become half a million seconds."""
    sound = tone(440, 60.0).tobytes()
    header = bytearray(wav_header(8000, 1, len(sound)))
    header[24:28] = struct.pack("<I", 1)
    return bytes(header) + sound
