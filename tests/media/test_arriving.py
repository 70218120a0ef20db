"""Sound files out of a pipe: they sound as if they were whole; what is broken is refused."""

from __future__ import annotations

import contextlib
import io
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.media.pcm import PcmBuffer, Samples
from runtime.media.sounds.arriving import MAX_WAV_HEAD, Arriving, WavSound
from runtime.media.sounds.decoding import BadFile, decode_into
from runtime.media.sounds.headers import wav_header
from tests.media.sound_bytes import encode, tone

ROOM = 60_000
"""Less than a pipe holds, so that nobody has to read while it is written."""


def piped(data: bytes) -> int:
    assert len(data) <= ROOM
    outlet, inlet = os.pipe()
    os.write(inlet, data)
    os.close(inlet)
    return outlet


def decoded(data: bytes, *, arriving: bool) -> Samples:
    buffer = PcmBuffer.create(capacity_s=60)
    outlet = piped(data)
    try:
        for _ in decode_into(buffer, Arriving(outlet) if arriving else io.BytesIO(data)):
            pass
        return buffer.samples[: buffer.valid_samples].copy()
    finally:
        os.close(outlet)
        buffer.close()


def stereo(rate: int) -> Samples:
    return np.stack((tone(440, 0.2, rate), tone(900, 0.2, rate)), axis=1)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"])
@pytest.mark.parametrize("rate", [8000, 11025, 16000])
def test_a_wav_sounds_as_if_it_had_been_whole(codec: str, rate: int) -> None:
    for samples in (tone(440, 0.2, rate), stereo(rate)):
        data = encode(samples, rate, "wav", codec)
        whole, came = decoded(data, arriving=False), decoded(data, arriving=True)
        assert len(came) == pytest.approx(len(whole), abs=2)
        size = min(len(came), len(whole))
        apart = np.abs(came[:size].astype(int) - whole[:size].astype(int))
        assert apart.max() <= 4


def test_chunks_before_the_samples_are_skipped() -> None:
    head, body = wav_header(8000, 1, 800)[:36], bytes(800)
    comment = struct.pack("<4sI", b"LIST", 5) + b"hello\0"
    data = head + comment + struct.pack("<4sI", b"data", 800) + body
    assert len(decoded(data, arriving=True)) == 400


def test_a_chunk_that_claims_gigabytes_is_not_read_for() -> None:
    head = wav_header(8000, 1, 800)[:36] + struct.pack("<4sI", b"LIST", 0xFFFFFFF0)
    outlet = piped(head + bytes(40_000))
    file = Arriving(outlet)
    assert WavSound.begun(file) is None
    assert len(file.peek(MAX_WAV_HEAD)) == len(head) + 40_000  # all of it is still to come
    os.close(outlet)


def test_bytes_behind_the_samples_are_no_sound() -> None:
    data = wav_header(8000, 1, 1600) + bytes(1600) + b"LIST" * 500
    assert len(decoded(data, arriving=True)) == 800


HEAD = wav_header(8000, 1, 3200)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(12, 43), st.integers(0, 255)), max_size=6),
    st.integers(0, 3200),
)
def test_a_damaged_head_is_a_sound_or_a_refusal(damage: list[tuple[int, int]], left: int) -> None:
    data = bytearray(HEAD + bytes(3200))
    for at, value in damage:
        data[at] = value
    with contextlib.suppress(BadFile):
        samples = decoded(bytes(data[: 44 + left]), arriving=True)
        assert 0 < len(samples) <= 60 * 8000
