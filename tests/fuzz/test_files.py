"""Damaged sound files, and bombs, against the real file worker: every one ends, in sound or in a
sentence."""

from __future__ import annotations

import os
from typing import Final

import attrs
import numpy as np
import pytest
import trio

from runtime.media.pcm import MAX_SOUND_S, PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_port import MAX_FILE_BYTES
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from tests.fuzz.mutation import mutated
from tests.media import bombs
from tests.media.sound_bytes import encode, tone

PATIENCE_S: Final = 100
KIND: Final = WorkerKind(
    module="runtime.media.sounds.files", name="the decoder", count=1, queue=8, job_s=10, cpu_s=10
)
WORDS: Final = (
    b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"ID3\4\0\0\x7f\x7f\x7f\x7f", b"APIC", b"Xing",
    b"OggS\0\2", b"OpusHead", b"OpusTags", b"\x01vorbis", b"\x05vorbis", b"fLaC", b"\xff\xfb\x90\0",
    b"\xff\xff\xff\xff", bytes(8), b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"file:///etc/passwd\n",
    b"ffconcat version 1.0\n", b"#EXTM3U\n",
)  # fmt: skip


def _seeds() -> list[bytes]:
    both = np.stack((tone(440, 0.3, 16000), tone(900, 0.3, 16000)), axis=1)
    seeds = [encode(both, 16000, container) for container in ("wav", "mp3", "ogg", "flac")]
    vorbis = encode(both, 16000, "ogg", "vorbis", strict="experimental")
    return [*seeds, vorbis, encode(tone(440, 0.3), 8000, "wav", "adpcm_ms")]


BOMBS: Final = {
    "a length of 4 GB": (bombs.endless_wav, 1.0),
    "2**36 samples": (bombs.endless_flac, 1.0),
    "a picture of 9 MB": (bombs.huge_picture, 1.0),
    "60,000 chapters": (bombs.many_chapters, 1.0),
    "400,000 comments": (bombs.many_comments, 1.0),
    "3,000 streams": (bombs.many_streams, None),
    "65,535 channels": (bombs.tall_wav, None),
    "1 Hz": (bombs.racing_wav, 60.0),
}
"""What they are, and how much of them is heard; None: they are refused."""


async def _play(workers: SoundWorkers, data: bytes, room_s: float = 60) -> float | None:
    """Seconds of sound, None for a refusal."""
    fd = os.memfd_create("fuzz")
    os.write(fd, data)
    source = SoundSource(PcmBuffer.create(capacity_s=room_s))
    workers.submit({"limit": MAX_FILE_BYTES}, [fd], source)
    sound = PcmSound("fuzz", source)
    try:
        await sound.ready()
        return source.buffer.duration_s
    except SoundError:
        return None
    finally:
        sound.close()


@pytest.mark.slow
async def test_bombs_are_played_or_refused_by_a_worker_that_survives(
    nursery: trio.Nursery,
) -> None:
    workers = SoundWorkers(KIND, lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        for name, (make, seconds) in BOMBS.items():
            heard = await _play(workers, make())
            assert (heard is None) == (seconds is None), name
            assert heard is None or heard == pytest.approx(seconds, abs=0.1), name
    assert workers.restarts == 0
    nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_bomb_that_decodes_for_minutes_is_stopped_and_the_next_file_is_played(
    nursery: trio.Nursery,
) -> None:
    workers = SoundWorkers(attrs.evolve(KIND, cpu_s=0.5), lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        assert await _play(workers, bombs.silent_bomb(), MAX_SOUND_S) is None
        assert await _play(workers, encode(tone(440, 1), 8000, "mp3")) is not None
    assert workers.restarts == 1
    nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_damaged_files_end_in_sound_or_in_a_sentence(nursery: trio.Nursery) -> None:
    workers = SoundWorkers(KIND, lambda _: None)
    await nursery.start(workers.run)
    played = refused = 0
    with trio.fail_after(PATIENCE_S):
        for data in mutated(_seeds(), WORDS, seed=20):
            seconds = await _play(workers, data)
            if seconds is None:
                refused += 1
            else:
                played += 1
                assert seconds <= 60
    assert played > 20
    assert refused > 20
    assert workers.restarts == 0
    nursery.cancel_scope.cancel()
