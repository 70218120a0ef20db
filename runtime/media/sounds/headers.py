"""The length headers of recordings: what makes a file of a killed recorder right again. Pure.

wav says its length in two places; mp3 in a first frame without sound ("Xing", with LAME's note of
the encoder's delay, without which players start 0.14 s late). Both can be written over at any time,
from nothing but the beginning of the file and its size.
"""

from __future__ import annotations

import struct
from typing import Final

WAV_HEADER_BYTES: Final = 44
HEAD_BYTES: Final = 1024
"""As much of a file's beginning as `repair` wants: FFmpeg's ID3 tag of 45 bytes and two frames."""
ENCODER_DELAY: Final = 576
"""Samples of silence that LAME puts before the sound (lame_get_encoder_delay)."""

_WAV: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_U32: Final = 0xFFFFFFFF
_BITRATES_KBIT: Final = {  # MPEG audio layer III: by version 1, and by 2 and 2.5
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_FRAMES_FIELD, _DELAY_FIELD = 8, 141
"""Offsets in the Xing tag; before LAME's part lie 100 bytes of seek table and more."""


def wav_header(rate_hz: int, channels: int, data_bytes: int) -> bytes:
    """A 16-bit PCM header; a length beyond 4 GiB is written as the largest there is."""
    frame = 2 * channels
    return _WAV.pack(
        b"RIFF", min(data_bytes + WAV_HEADER_BYTES - 8, _U32), b"WAVE",
        b"fmt ", 16, 1, channels, rate_hz, rate_hz * frame, frame, 16,
        b"data", min(data_bytes, _U32),
    )  # fmt: skip


def repair(head: bytes, size: int) -> list[tuple[int, bytes]]:
    """What to write where, so that a file of `size` bytes tells its length; mostly nothing."""
    patches = _wav_patches(head, size) if head.startswith(b"RIFF") else _mp3_patches(head, size)
    return [(at, data) for at, data in patches if head[at : at + len(data)] != data]


def _wav_patches(head: bytes, size: int) -> list[tuple[int, bytes]]:
    if len(head) < WAV_HEADER_BYTES or head[36:40] != b"data":
        return []
    _, _, _, _, _, _, channels, rate_hz, _, _, _, _, _ = _WAV.unpack_from(head)
    return [(0, wav_header(rate_hz, channels, size - WAV_HEADER_BYTES))] if channels else []


def _mp3_patches(head: bytes, size: int) -> list[tuple[int, bytes]]:
    start = _id3_bytes(head)
    frame_bytes, side_bytes = _mp3_frame(head[start : start + 4])
    tag = start + 4 + side_bytes
    following = start + frame_bytes
    if not frame_bytes or head[tag : tag + 4] not in (b"Xing", b"Info"):
        return []
    if head[following : following + 3] not in (head[start : start + 3], b""):
        return []  # not the constant bit rate that recordings have
    frames = max(0, size - start - frame_bytes) // frame_bytes
    told = struct.pack(">II", frames, (frames + 1) * frame_bytes)
    patches = [(tag + _FRAMES_FIELD, told)]
    delay = tag + _DELAY_FIELD
    if head[delay : delay + 3] == b"\0\0\0":  # FFmpeg fills it in at the end only
        patches.append((delay, (ENCODER_DELAY << 12).to_bytes(3, "big")))
    return patches


def _id3_bytes(head: bytes) -> int:
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    a, b, c, d = head[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _mp3_frame(header: bytes) -> tuple[int, int]:
    """Length of a layer III frame and of its side information; zeros when it is none."""
    word = int.from_bytes(header, "big")
    version, bitrate, rate = word >> 19 & 3, word >> 12 & 15, word >> 10 & 3
    if len(header) < 4 or word >> 21 != 0x7FF or version == 1 or bitrate == 15 or rate == 3:
        return 0, 0
    first, mono = version == 3, word >> 6 & 3 == 3
    bits = _BITRATES_KBIT[first][bitrate] * 1000
    frame = (144 if first else 72) * bits // _RATES_HZ[version][rate] + (word >> 9 & 1)
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return frame, side
