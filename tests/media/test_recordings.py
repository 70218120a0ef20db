"""The recording store with its real worker: files, limits, crashes."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import trio

from runtime.media.pcm import PcmRing, Samples
from runtime.media.port import Recording, RecordingError, RecordingFormat
from runtime.media.recording.recorder import SEALERS
from runtime.media.recording.recording_disk import RecordingDisk
from runtime.media.recording.recordings import RECORDER_LOST, FileRecording, Recordings
from tests.e2e.process_tree import is_shown
from tests.media.sound_bytes import decode, heard, silence, tone
from tests.processes.running import children_running

PATIENCE_S = 60
BASE = "http://127.0.0.1:8080"
MP3 = RecordingFormat(container="mp3", stereo=True)
CONTAINERS = ["mp3", "wav", "flac", "ogg"]


class Desk:
    """A store, its worker and its warnings."""

    def __init__(self, folder: Path, limit_bytes: int = 10**9) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        self.warned = trio.Event()
        self.disk = RecordingDisk(folder, limit_bytes)
        self.store = Recordings(self.disk, base_url=lambda: BASE, warn=self._warn)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        self.warned.set()

    async def start(
        self, number: int = 1, form: RecordingFormat = MP3, session: str = "s1"
    ) -> FileRecording:
        recording = await self.store.start(session, number, form)
        assert isinstance(recording, FileRecording)
        return recording


@pytest.fixture
async def desk(nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "recordings")
    await nursery.start(desk.store.run)
    with trio.fail_after(PATIENCE_S):
        yield desk
    nursery.cancel_scope.cancel()


async def _write(recording: FileRecording, frames: Samples) -> None:
    """As the engine does, but as fast as the worker reads."""
    engine = PcmRing.attach(recording.ring.fd, writable=True)
    for start in range(0, len(frames), 4000):
        while recording.ring.write_frames - recording.ring.read_frames > 20_000:  # noqa: ASYNC110
            await trio.sleep(0.01)
        engine.write(frames[start : start + 4000])
    engine.close_writing()
    engine.close()


def _two_tones() -> Samples:
    left = np.concatenate((silence(0.5), tone(440, 2.0), silence(1.5)))
    right = np.concatenate((silence(1.5), tone(1000, 2.0), silence(0.5)))
    return np.stack((left, right), axis=1)


def _assert_two_tones(samples: Samples, rate: int) -> None:
    for channel, hertz, start in ((0, 440, 0.5), (1, 1000, 1.5)):
        (part,) = heard(samples[:, channel], rate)
        assert part.frequencies_hz == pytest.approx((hertz,), abs=3)
        assert part.start_s == pytest.approx(start, abs=0.03)
        assert part.duration_s == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("container", CONTAINERS)
async def test_what_the_engine_writes_is_in_the_file(desk: Desk, container: str) -> None:
    recording = await desk.start(form=RecordingFormat(container=container, stereo=True))
    path = desk.folder / "s1" / f"1.{container}"
    assert path.exists()
    assert recording.url == f"{BASE}/api/v1/sessions/s1/recordings/1"
    await _write(recording, _two_tones())
    result = await recording.finish()
    data = path.read_bytes()
    assert result.size_bytes == len(data)
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert result.duration_s == 4.0
    samples, rate = decode(data)
    assert len(samples) / rate == pytest.approx(4.0, abs=0.01)
    _assert_two_tones(samples, rate)
    assert await recording.finish() == result
    assert desk.store.active == 0
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_mono_recording_has_the_mix_in_both_channels(desk: Desk) -> None:
    recording = await desk.start(form=RecordingFormat(container="mp3", stereo=False))
    assert recording.ring.channels == 1
    await _write(recording, tone(440, 2).reshape(-1, 1))
    await recording.finish()
    samples, rate = decode(recording.path.read_bytes())
    for channel in (0, 1):
        (part,) = heard(samples[:, channel], rate)
        assert part.frequencies_hz == pytest.approx((440,), abs=3)


async def test_many_recordings_at_once_do_not_mix(desk: Desk) -> None:
    recordings = [await desk.start(n) for n in range(1, 9)]
    async with trio.open_nursery() as nursery:
        for n, recording in enumerate(recordings):
            sound = tone(300 + 100 * n, 5)
            nursery.start_soon(_write, recording, np.stack((sound, sound), axis=1))
    for n, recording in enumerate(recordings):
        await recording.finish()
        samples, rate = decode(recording.path.read_bytes())
        (part,) = heard(samples[:, 0], rate)
        assert part.frequencies_hz == pytest.approx((300 + 100 * n,), abs=3)
        assert part.duration_s == pytest.approx(5, abs=0.03)


def _threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


async def test_many_recordings_that_end_together_are_sealed_by_the_threads_that_there_are(
    desk: Desk,
) -> None:
    (pid,) = children_running("runtime.media.recording.recorder")
    assert _threads(pid) == SEALERS + 1
    recordings = [await desk.start(n) for n in range(1, 4 * SEALERS)]
    for recording in recordings:
        await _write(recording, _two_tones()[:8000])
    async with trio.open_nursery() as nursery:
        for recording in recordings:
            nursery.start_soon(recording.finish)
    for recording in recordings:
        data = recording.path.read_bytes()
        assert (await recording.finish()).sha256 == hashlib.sha256(data).hexdigest()
    assert _threads(pid) == SEALERS + 1


async def test_finding_recordings_by_url_and_number(desk: Desk) -> None:
    recording = await desk.start(7)
    store = desk.store
    assert store.path_of_url(recording.url) == recording.path
    assert store.find("s1", 7) == recording.path
    for url in (
        recording.url.replace("8080", "8081"),
        recording.url + "/../../x",
        f"{BASE}/api/v1/sessions/../recordings/7",
        f"{BASE}/api/v1/sessions/s1/recordings/8",
        "http://example.com/",
        "",
    ):
        assert store.path_of_url(url) is None
    assert store.find("../s1", 7) is None
    await recording.finish()


@pytest.mark.parametrize("session", ["../x", "a/b", "", "a" * 65, "."])
async def test_a_session_name_never_leads_out_of_the_folder(desk: Desk, session: str) -> None:
    with pytest.raises(RecordingError, match="no recording's name"):
        await desk.start(session=session)


async def test_a_number_is_used_once(desk: Desk) -> None:
    first = await desk.start(1)
    with pytest.raises(RecordingError, match="File exists"):
        await desk.start(1)
    await first.finish()


def _recorder() -> int:
    (pid,) = children_running("runtime.media.recording.recorder")
    return pid


async def _until_on_disk(recording: FileRecording, frames: int) -> None:
    while recording.ring.read_frames < frames:  # noqa: ASYNC110 - another process reads
        await trio.sleep(0.01)


@pytest.mark.parametrize("container", CONTAINERS)
async def test_a_killed_recorder_leaves_playable_files_and_errors(
    desk: Desk, container: str
) -> None:
    recording = await desk.start(form=RecordingFormat(container=container, stereo=True))
    frames = np.concatenate((_two_tones(), np.zeros((8000, 2), dtype=np.int16)))
    await _write(recording, frames)
    await _until_on_disk(recording, len(frames))
    await trio.sleep(0.05)  # the last poll is being written
    os.kill(_recorder(), signal.SIGKILL)
    assert await recording.wait_failed() == RECORDER_LOST
    with pytest.raises(RecordingError, match="the recorder process was lost"):
        await recording.finish()
    samples, rate = decode(recording.path.read_bytes())
    assert len(samples) / rate > 4.4
    _assert_two_tones(samples, rate)
    await desk.warned.wait()
    again = await desk.start(2)  # a new worker serves the next one
    await _write(again, _two_tones())
    assert (await again.finish()).duration_s == 4.0


async def test_a_recorder_that_hangs_is_replaced(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await desk.start()
    os.kill(_recorder(), signal.SIGSTOP)
    monkeypatch.setattr("runtime.media.recording.recordings.FINISH_S", 0.2)
    with pytest.raises(RecordingError, match="does not answer"):
        await recording.finish()
    monkeypatch.undo()
    again = await desk.start(2)
    await again.finish()


async def test_the_end_of_the_core_completes_recordings(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(desk.store.run)
            recording = await desk.start()
            await _write(recording, _two_tones())
            nursery.cancel_scope.cancel()
        result = await recording.finish()
    assert result.duration_s == 4.0
    _assert_two_tones(*decode(recording.path.read_bytes()))


async def test_the_next_core_puts_right_what_a_killed_one_left(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(desk.store.run)
            names = {}
            for number, container in enumerate(("wav", "mp3"), 1):
                form = RecordingFormat(container=container, stereo=True)
                recording = await desk.start(number, form)
                await _write(recording, _two_tones())
                await recording.finish()
                names[container] = recording.path
            nursery.cancel_scope.cancel()
    whole = {container: path.read_bytes() for container, path in names.items()}
    names["wav"].write_bytes(whole["wav"][:4] + bytes(4) + whole["wav"][8:40] + bytes(4)
                             + whole["wav"][44:])  # fmt: skip
    tag = whole["mp3"].index(b"Info") if b"Info" in whole["mp3"] else whole["mp3"].index(b"Xing")
    broken = bytearray(whole["mp3"])
    broken[tag + 8 : tag + 16] = bytes(8)
    names["mp3"].write_bytes(broken)
    (tmp_path / "s1" / "9.mp3").write_bytes(b"")
    (tmp_path / "s1" / "notes.txt").write_text("not ours")
    repaired = await Desk(tmp_path).store.recover()
    assert sorted(repaired) == sorted(names.values())
    assert names["wav"].read_bytes() == whole["wav"]
    _assert_two_tones(*decode(names["mp3"].read_bytes()))
    assert await Desk(tmp_path).store.recover() == []


async def test_the_folder_never_takes_more_than_its_limit(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.media.recording.recordings.DISK_CHECK_S", 0.05)
    desk = Desk(tmp_path, limit_bytes=100_000)
    await nursery.start(desk.store.run)
    with trio.fail_after(PATIENCE_S):
        recording = await desk.start(form=RecordingFormat(container="wav", stereo=True))
        await _write(recording, np.tile(_two_tones(), (2, 1)))
        assert "recordings_max" in await recording.wait_failed()
        with pytest.raises(RecordingError, match="limit is 100,000"):
            await recording.finish()
        assert len(decode(recording.path.read_bytes())[0]) > 24_000
        with pytest.raises(RecordingError, match="recordings_max"):
            await desk.start(2)
        recording.path.unlink()  # the operator tidies up
        await (await desk.start(3)).finish()
    nursery.cancel_scope.cancel()


async def test_a_full_disk_refuses_new_recordings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.media.recording.recording_disk.MIN_FREE_BYTES", 10**18)
    with pytest.raises(RecordingError, match="the disk is full"):
        await desk.start()


async def test_a_worker_that_cannot_begin_a_file_leaves_none(desk: Desk) -> None:
    os.kill(_recorder(), signal.SIGSTOP)
    with trio.move_on_after(0.1):
        await desk.start()
    assert list(desk.folder.rglob("*.mp3")) == []
    assert desk.store.active == 0
    os.kill(_recorder(), signal.SIGCONT)
    recording: Recording = await desk.start()
    await recording.finish()


async def test_nothing_stays_open_after_many_recordings(desk: Desk) -> None:
    await (await desk.start(1)).finish()
    if not is_shown(_recorder()):
        pytest.skip("only root sees what the recorder holds: this was NOT tested")
    before = len(os.listdir("/proc/self/fd"))
    in_worker = len(os.listdir(f"/proc/{_recorder()}/fd"))
    for number in range(2, 22):
        recording = await desk.start(number)
        await _write(recording, _two_tones()[:8000])
        await recording.finish()
    assert len(os.listdir("/proc/self/fd")) == before
    # The last file is closed just after its end was told.
    assert len(os.listdir(f"/proc/{_recorder()}/fd")) <= in_worker + 2


async def test_running_out_of_descriptors_is_a_recording_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", exhausted)
    with pytest.raises(RecordingError, match=r"no recording can start now \(Too many open files"):
        await desk.start()
    monkeypatch.undo()
    assert list(desk.folder.rglob("*.mp3")) == []
    await (await desk.start()).finish()


async def test_a_store_that_is_told_to_end_while_it_starts_does_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "recordings")
    with trio.fail_after(PATIENCE_S), trio.move_on_after(0.01):
        await desk.store.run()
