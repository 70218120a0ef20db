"""Recording files: what was written is heard, in its channel, whatever happens to the writer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from runtime.media.pcm import Samples
from runtime.media.recording.recording_files import RecordingFile, open_recording
from tests.media.sound_bytes import decode, heard, silence, tone

CONTAINERS = ["mp3", "wav", "flac", "ogg"]
LOSSY_S = 0.03


def _two_tones() -> Samples:
    left = np.concatenate((silence(0.5), tone(440, 2.0), silence(1.5)))
    right = np.concatenate((silence(1.5), tone(1000, 2.0), silence(0.5)))
    return np.stack((left, right), axis=1)


def _open(path: Path, container: str, *, stereo: bool = True, hd: bool = False) -> RecordingFile:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    return open_recording(fd, container, 8000, stereo=stereo, hd=hd)


def _write(file: RecordingFile, frames: Samples) -> None:
    for start in range(0, len(frames), 1600):
        file.write(frames[start : start + 1600])
        if start % 16_000 == 0:
            file.update_header()


def _assert_two_tones(samples: Samples, rate: int) -> None:
    for channel, hertz, start in ((0, 440, 0.5), (1, 1000, 1.5)):
        (part,) = heard(samples[:, channel], rate)
        assert part.frequencies_hz == pytest.approx((hertz,), abs=3)
        assert part.start_s == pytest.approx(start, abs=LOSSY_S)
        assert part.duration_s == pytest.approx(2.0, abs=LOSSY_S)
        assert part.level_dbfs == pytest.approx(-15, abs=1)


@pytest.mark.parametrize("hd", [False, True])
@pytest.mark.parametrize("container", CONTAINERS)
def test_each_tone_is_in_its_channel_at_its_time(tmp_path: Path, container: str, hd: bool) -> None:
    path = tmp_path / "1"
    file = _open(path, container, hd=hd)
    _write(file, _two_tones())
    file.finish()
    samples, rate = decode(path.read_bytes())
    rates = {"mp3": 48000 if hd else 8000, "ogg": 48000, "flac": 16000 if hd else 8000}
    assert rate == rates.get(container, 8000)
    assert samples.shape[1] == 2
    assert len(samples) / rate == pytest.approx(4.0, abs=0.01)
    _assert_two_tones(samples, rate)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_that_was_never_finished_is_playable(tmp_path: Path, container: str) -> None:
    path = tmp_path / "1"
    file = _open(path, container)
    frames = np.concatenate((_two_tones(), np.zeros((16_000, 2), dtype=np.int16)))
    _write(file, frames)
    samples, rate = decode(path.read_bytes())  # as a killed process leaves it
    assert len(samples) / rate > 5.4
    _assert_two_tones(samples, rate)


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_channels_do_not_leak_into_each_other(tmp_path: Path, container: str) -> None:
    path = tmp_path / "1"
    file = _open(path, container)
    _write(file, np.stack((tone(440, 2), silence(2)), axis=1))
    file.finish()
    samples, _ = decode(path.read_bytes())
    left, right = np.abs(samples.astype(float)).mean(axis=0)
    assert right < left / 1000  # -60 dB


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_mix_is_the_same_in_both_channels(tmp_path: Path, container: str) -> None:
    path = tmp_path / "1"
    file = _open(path, container, stereo=False)
    _write(file, np.stack((tone(440, 2), tone(440, 2)), axis=1))
    file.finish()
    samples, rate = decode(path.read_bytes())
    for channel in (0, 1):
        (part,) = heard(samples[:, channel], rate)
        assert part.frequencies_hz == pytest.approx((440,), abs=3)


@pytest.mark.parametrize("container", ["mp3", "flac", "ogg"])
def test_an_empty_recording_is_a_moment_of_silence(tmp_path: Path, container: str) -> None:
    path = tmp_path / "1"
    file = _open(path, container)
    assert path.stat().st_size > 40  # the file's head is there from the start
    file.write(np.zeros((0, 2), dtype=np.int16))
    file.finish()
    samples, rate = decode(path.read_bytes())
    assert len(samples) / rate < 0.1
    assert not samples.any()


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_full_disk_is_an_oserror_and_what_is_there_stays_playable(
    tmp_path: Path, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1"
    file = _open(path, container)
    _write(file, _two_tones())
    real = os.pwrite

    def full(fd: int, data: bytes, offset: int) -> int:
        if offset > 1000:
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        _write(file, np.tile(_two_tones(), (20, 1)))
    file.abandon()
    samples, rate = decode(path.read_bytes())
    assert len(samples) / rate > 3.5


def test_wav_holds_exactly_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "1"
    file = _open(path, "wav")
    _write(file, _two_tones())
    file.finish()
    assert np.array_equal(decode(path.read_bytes())[0], _two_tones())


def test_an_unknown_container_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mp4"):
        _open(tmp_path / "1", "mp4")
