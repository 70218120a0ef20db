"""Damaged sound files against the real file worker: every one ends, in sound or in a sentence."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
import pytest
import trio

from runtime.media.files import MAX_FILE_BYTES
from runtime.media.pcm import PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sound import PcmSound, SoundSource
from runtime.media.sound_workers import SoundWorkers, WorkerKind
from tests.fuzz.mutation import mutated
from tests.media.sound_bytes import encode, tone

PATIENCE_S: Final = 100
KIND: Final = WorkerKind(
    module="runtime.media.files", name="the decoder", count=1, queue=8, job_s=10
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


@pytest.mark.slow
async def test_damaged_files_end_in_sound_or_in_a_sentence(nursery: trio.Nursery) -> None:
    workers = SoundWorkers(KIND, lambda _: None)
    await nursery.start(workers.run)
    played = refused = 0
    with trio.fail_after(PATIENCE_S):
        for data in mutated(_seeds(), WORDS, seed=20):
            fd = os.memfd_create("fuzz")
            os.write(fd, data)
            source = SoundSource(PcmBuffer.create(capacity_s=60))
            workers.submit({"limit": MAX_FILE_BYTES}, [fd], source)
            sound = PcmSound("fuzz", source)
            try:
                await sound.ready()
                played += 1
                assert source.buffer.valid_samples <= 60 * 8000
            except SoundError:
                refused += 1
            sound.close()
    assert played > 20
    assert refused > 20
    assert workers.restarts == 0
    nursery.cancel_scope.cancel()
