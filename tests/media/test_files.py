"""The file worker: what it decodes, what it refuses, and that it alone suffers."""

from __future__ import annotations

import io
import os
import signal
import wave
from collections.abc import AsyncIterator

import attrs
import numpy as np
import pytest
import trio

from runtime.media.pcm import PcmBuffer, PcmState, Samples
from runtime.media.port import SoundError
from runtime.media.sounds.decoding import BadFile, decode_into
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_port import MAX_FILE_BYTES
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from tests.media.bombs import silent_bomb
from tests.media.sound_bytes import encode, heard, silence, tone
from tests.processes.running import children_running

PATIENCE_S = 60
KIND = WorkerKind(
    module="runtime.media.sounds.files", name="the decoder", count=1, queue=8, job_s=30, cpu_s=20
)


def _decoded(data: bytes, seconds: float = 60) -> Samples:
    buffer = PcmBuffer.create(capacity_s=seconds)
    for _ in decode_into(buffer, io.BytesIO(data)):
        pass
    samples = buffer.samples[: buffer.valid_samples].copy()
    buffer.close()
    return samples


def _padded_tone(rate: int) -> Samples:
    return np.concatenate((silence(0.5, rate), tone(440, 1.5, rate), silence(0.5, rate)))


FILES = [
    ("wav", "pcm_s16le", 8000),
    ("wav", "pcm_s24le", 44100),
    ("wav", "pcm_alaw", 8000),
    ("wav", "pcm_mulaw", 16000),
    ("wav", "adpcm_ima_wav", 22050),
    ("mp3", "libmp3lame", 8000),
    ("mp3", "libmp3lame", 44100),
    ("ogg", "libopus", 48000),
    ("ogg", "vorbis", 44100),
    ("ogg", "flac", 16000),
    ("flac", "flac", 96000),
]


@pytest.mark.parametrize(("container", "codec", "rate"), FILES)
def test_a_tone_keeps_its_pitch_time_and_length(container: str, codec: str, rate: int) -> None:
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    source = _padded_tone(rate)
    if codec == "vorbis":  # FFmpeg's own vorbis encoder only writes stereo
        source = np.stack((source, source), axis=1)
    samples = _decoded(encode(source, rate, container, codec, **options))
    (part,) = heard(samples)
    assert part.kind == "tone"
    assert part.frequencies_hz == pytest.approx((440,), abs=3)
    assert part.start_s == pytest.approx(0.5, abs=0.03)
    assert part.duration_s == pytest.approx(1.5, abs=0.03)
    assert len(samples) / 8000 == pytest.approx(2.5, abs=0.1)  # codec blocks
    assert part.level_dbfs == pytest.approx(-15, abs=1)


def test_stereo_becomes_the_mean_of_both_channels() -> None:
    both = np.stack((tone(440, 1), tone(1000, 1)), axis=1)
    (part,) = heard(_decoded(encode(both, 8000, "wav")))
    assert sorted(part.frequencies_hz) == pytest.approx([440, 1000], abs=3)


def test_what_would_alias_is_filtered_out() -> None:
    high = tone(6000, 1, 48000)  # at 8 kHz this would fold to 2,000 Hz
    samples = _decoded(encode(high, 48000, "wav"))[800:-800].astype(float)
    assert np.sqrt(np.mean(samples**2)) < 6  # -60 dB


def test_a_file_with_a_cover_picture_plays() -> None:
    picture = b"ID3\x03\x00\x00" + bytes((0, 0, 2, 10))
    frame = b"image/png\x00\x03\x00\x89PNG\r\n\x1a\n"
    body = b"APIC" + len(frame).to_bytes(4, "big") + b"\0\0" + b"\0" + frame[:-1]
    tag = picture + body.ljust(266, b"\0")
    assert heard(_decoded(tag + encode(tone(440, 1), 8000, "mp3")))


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg", "flac"])
def test_a_cut_file_plays_as_far_as_it_goes(container: str) -> None:
    data = encode(tone(440, 4, 16000), 16000, container)
    samples = _decoded(data[: len(data) * 3 // 4])
    (part,) = heard(samples)
    assert part.frequencies_hz == pytest.approx((440,), abs=3)
    assert 2.5 < part.duration_s < 3.6


def test_a_full_buffer_ends_the_sound() -> None:
    assert len(_decoded(encode(tone(440, 4), 8000, "wav"), seconds=1)) == 8000


def test_decoding_stops_when_the_core_has_ended_the_buffer() -> None:
    buffer = PcmBuffer.create(capacity_s=60)
    steps = decode_into(buffer, io.BytesIO(encode(tone(440, 30), 8000, "flac")))
    next(steps)
    buffer.finish(failed=True)
    assert len(list(steps)) <= 1
    buffer.close()


def _wave_without_samples() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    return out.getvalue()


def _wave_of_an_unknown_codec() -> bytes:
    data = encode(tone(440, 1), 8000, "wav")
    return data[:20] + bytes(2) + data[22:]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (_wave_of_an_unknown_codec(), "a codec that is not supported"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b'{"error": "not found"}', "text"),
        (b"\0\0\0\x20ftypM4A " + bytes(400), "an MP4 or M4A file"),
        (b"\x1aE\xdf\xa3" + bytes(400), "sound of another kind"),
        (b"RIFF\x24\0\0\0WAVE" + bytes(60), "damaged"),
        (os.urandom(5000).replace(b"\xff", b"\0"), "damaged or not a sound file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a sound file"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a sound file"),
        (_wave_without_samples(), "no sound in it|damaged"),
        (b"x", "not a sound file"),
    ],
    ids=[
        "codec",
        "html",
        "json",
        "m4a",
        "webm",
        "bad wav",
        "noise",
        "concat",
        "hls",
        "no samples",
        "byte",
    ],
)
def test_a_refusal_tells_the_author_what_the_file_is(data: bytes, complaint: str) -> None:
    with pytest.raises(BadFile, match=complaint):
        _decoded(data)


def _submit(workers: SoundWorkers, data: bytes, owner: str | None = None) -> PcmSound:
    fd = os.memfd_create("file")
    os.write(fd, data)
    source = SoundSource(PcmBuffer.create())
    workers.submit({"limit": MAX_FILE_BYTES}, [fd], source, owner=owner)
    return PcmSound("a.wav", source)


@pytest.fixture
async def workers(nursery: trio.Nursery) -> AsyncIterator[SoundWorkers]:
    warnings: list[str] = []
    pool = SoundWorkers(KIND, warnings.append)
    await nursery.start(pool.run)
    yield pool
    nursery.cancel_scope.cancel()


async def test_a_worker_decodes_file_after_file(workers: SoundWorkers) -> None:
    with trio.fail_after(PATIENCE_S):
        for hertz in (440, 1000):
            source = _submit(workers, encode(tone(hertz, 1.0), 8000, "mp3"))
            await source.audible()
            await source.ready()
            assert source.duration_s == pytest.approx(1.0, abs=0.08)
            (part,) = heard(source.buffer.samples[: source.buffer.valid_samples])
            assert part.frequencies_hz == pytest.approx((hertz,), abs=3)
            source.close()
        broken = _submit(workers, b"<html>")
        with pytest.raises(SoundError, match="web page"):
            await broken.audible()
        assert broken.buffer.state is PcmState.FAILED
        empty = _submit(workers, b"")
        with pytest.raises(SoundError, match="empty"):
            await empty.ready()
        large = _submit(workers, bytes(10 * 1024 * 1024 + 1))
        with pytest.raises(SoundError, match="the limit is 10,485,760"):
            await large.ready()
    assert workers.restarts == 0
    for each in (broken, empty, large):
        each.close()


def _busy_worker() -> int:
    (pid,) = children_running("runtime.media.sounds.files")
    return pid


async def test_a_file_that_kills_its_worker_fails_alone(workers: SoundWorkers) -> None:
    with trio.fail_after(PATIENCE_S):
        killer = _submit(workers, encode(tone(440, 300), 8000, "flac"))
        innocent = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        await killer.audible()
        os.kill(_busy_worker(), signal.SIGSEGV)
        with pytest.raises(SoundError, match="the decoder failed on it and was restarted"):
            await killer.ready()
        await innocent.ready()
        assert workers.restarts == 1
        killer.close()
        innocent.close()


async def test_a_worker_that_dies_idle_costs_nobody_anything(nursery: trio.Nursery) -> None:
    replaced = trio.Event()
    workers = SoundWorkers(KIND, lambda _: replaced.set())
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        os.kill(_busy_worker(), signal.SIGKILL)
        await replaced.wait()
        source = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        await source.ready()
        source.close()
    nursery.cancel_scope.cancel()


async def test_a_file_that_hangs_its_worker_fails_alone(nursery: trio.Nursery) -> None:
    kind = attrs.evolve(KIND, queue=2, job_s=0.5)
    workers = SoundWorkers(kind, lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        os.kill(_busy_worker(), signal.SIGSTOP)
        hanging = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        with pytest.raises(SoundError, match="took longer than"):
            await hanging.audible()
        source = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        await source.ready()
    hanging.close()
    source.close()
    nursery.cancel_scope.cancel()


async def test_a_file_that_computes_for_too_long_fails_alone(
    nursery: trio.Nursery,
) -> None:
    workers = SoundWorkers(attrs.evolve(KIND, cpu_s=0.2), lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        bomb = _submit(workers, silent_bomb())
        with pytest.raises(SoundError, match=r"used more than 0\.2 s of CPU time on it"):
            await bomb.ready()
        source = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        await source.ready()
    bomb.close()
    source.close()
    nursery.cancel_scope.cancel()


async def test_the_bombs_of_one_scenario_leave_a_worker_to_the_next(nursery: trio.Nursery) -> None:
    """However many there are: the bound on another's sound is the time of that sound."""
    workers = SoundWorkers(attrs.evolve(KIND, count=2, owner_busy=1), lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        bombs = [_submit(workers, silent_bomb(), "hostile") for _ in range(4)]
        await bombs[0].audible()
        innocent = _submit(workers, encode(tone(440, 1), 8000, "wav"), "innocent")
        await innocent.ready()
        assert all(bomb.error is None and bomb.duration_s is None for bomb in bombs)
        for sound in (*bombs, innocent):
            sound.close()
    nursery.cancel_scope.cancel()


async def test_sounds_one_after_the_other_are_decoded_by_one_worker(
    nursery: trio.Nursery,
) -> None:
    workers = SoundWorkers(attrs.evolve(KIND, count=4), lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        for _ in range(5):
            source = _submit(workers, encode(tone(440, 1), 8000, "wav"))
            await source.ready()
            source.close()
    assert len(children_running(KIND.module)) == 1
    nursery.cancel_scope.cancel()


async def test_another_worker_is_started_when_a_sound_has_to_wait(nursery: trio.Nursery) -> None:
    workers = SoundWorkers(attrs.evolve(KIND, count=4), lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        os.kill(_busy_worker(), signal.SIGSTOP)
        hanging = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        source = _submit(workers, encode(tone(440, 1), 8000, "wav"))
        await source.ready()
        assert hanging.duration_s is None
    assert len(children_running(KIND.module)) == 2
    assert workers.restarts == 0
    hanging.close()
    source.close()
    nursery.cancel_scope.cancel()


async def test_where_several_workers_are_busy_one_waits_for_the_next_owner(
    nursery: trio.Nursery,
) -> None:
    """However much one owner asks for; and never more of them than the pool may have."""
    workers = SoundWorkers(attrs.evolve(KIND, count=4, owner_busy=3), lambda _: None)
    await nursery.start(workers.run)
    bombs = [_submit(workers, silent_bomb(), "hostile") for _ in range(6)]
    with trio.fail_after(PATIENCE_S):
        while len(children_running(KIND.module)) < 4:  # noqa: ASYNC110 - a process tells no event
            await trio.sleep(0.01)
        innocent = _submit(workers, encode(tone(440, 1), 8000, "wav"), "innocent")
        await innocent.ready()
    assert all(bomb.duration_s is None for bomb in bombs)
    assert len(children_running(KIND.module)) == 4
    for sound in (*bombs, innocent):
        sound.close()
    nursery.cancel_scope.cancel()


async def test_a_full_queue_and_a_stopped_pool_refuse_at_once() -> None:
    kind = attrs.evolve(KIND, queue=1)
    workers = SoundWorkers(kind, lambda _: None)
    with pytest.raises(SoundError, match="is not running"):
        _submit(workers, b"x")
    async with trio.open_nursery() as nursery:
        await nursery.start(workers.run)
        os.kill(_busy_worker(), signal.SIGSTOP)
        first = _submit(workers, b"x")
        await trio.testing.wait_all_tasks_blocked()
        second = _submit(workers, b"x")
        with pytest.raises(SoundError, match="1 requests waiting"):
            _submit(workers, b"x")
        nursery.cancel_scope.cancel()
    for source in (first, second):
        with pytest.raises(SoundError, match="the decoder"):
            await source.ready()
        source.close()


async def test_a_sound_nobody_wants_any_more_is_not_decoded(workers: SoundWorkers) -> None:
    first = _submit(workers, encode(tone(440, 1), 8000, "wav"))
    unwanted = _submit(workers, encode(tone(440, 1), 8000, "wav"))
    unwanted.close()
    last = _submit(workers, encode(tone(440, 1), 8000, "wav"))
    with trio.fail_after(PATIENCE_S):
        await last.ready()
    assert unwanted.error is not None
    assert unwanted.buffer.valid_samples == 0
    first.close()
    last.close()
