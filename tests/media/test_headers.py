"""Length headers: wrong ones are put right from the file's beginning and size alone."""

from __future__ import annotations

import io
import random
import wave

import numpy as np
import pytest

from runtime.media.sounds.headers import HEAD_BYTES, repair, wav_header
from tests.media.sound_bytes import encode, tone


def test_a_wav_header_is_what_the_standard_library_expects() -> None:
    data = wav_header(8000, 2, 64_000) + bytes(64_000)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 2, 2)
        assert file.getnframes() == 16_000
    assert repair(data[:HEAD_BYTES], len(data)) == []


def test_a_wav_of_a_killed_recorder_gets_its_length() -> None:
    data = bytearray(wav_header(8000, 2, 0) + bytes(1000))
    for at, patch in repair(bytes(data[:HEAD_BYTES]), len(data)):
        data[at : at + len(patch)] = patch
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() == 250


def test_more_than_four_gigabytes_do_not_overflow() -> None:
    assert wav_header(8000, 2, 5 * 10**9)[40:44] == b"\xff\xff\xff\xff"
    assert repair(wav_header(8000, 2, 0), 5 * 10**9)


@pytest.mark.parametrize(("rate", "bit_rate"), [(8000, "32k"), (48000, "192k"), (8000, "24k")])
def test_a_finished_mp3_needs_no_repair(rate: int, bit_rate: str) -> None:
    sound = tone(440, 3, rate)
    data = encode(np.stack((sound, sound), axis=1), rate, "mp3", b=bit_rate)
    assert repair(data[:HEAD_BYTES], len(data)) == []


def test_an_mp3_of_another_make_is_left_alone() -> None:
    data = encode(tone(440, 3), 8000, "mp3")  # its first frame has another bit rate
    assert repair(data[:HEAD_BYTES], 10 * len(data)) == []


@pytest.mark.parametrize("head", [b"", b"RIFF", b"ID3", b"fLaC" + bytes(50), b"OggS" + bytes(50)])
def test_other_files_are_left_alone(head: bytes) -> None:
    assert repair(head, 10_000) == []


def test_garbage_is_left_alone_or_patched_but_never_raises() -> None:
    rng = random.Random(11)
    starts = (b"", b"RIFF", b"ID3\4\0\0", b"\xff\xe3\x48", b"\xff\xfb\x90", wav_header(8000, 2, 0))
    for _ in range(5000):
        head = rng.choice(starts) + rng.randbytes(rng.randrange(HEAD_BYTES))
        for at, patch in repair(head, rng.randrange(10**10)):
            assert 0 <= at < len(head)
            assert len(patch) <= 44
