"""The recorder's work on one recording: late reading, lies, and what an error is called."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from runtime.media.pcm import PcmRing, Samples
from runtime.media.recording.recorder import (
    MAX_SILENCE_S,
    POLL_S,
    Recorder,
    Recording,
    explain,
    pause_until,
)
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.packets import socket_pair
from tests.media.sound_bytes import decode, heard, tone

PATIENCE_S = 60


def _recording(path: Path, ring: PcmRing, container: str = "wav", number: int = 1) -> Recording:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    reader = PcmRing.attach(ring.fd, writable=True)
    return Recording(number, reader, fd, {"container": container, "hd": False})


def _stereo(samples: Samples) -> Samples:
    return np.stack((samples, samples), axis=1)


def test_audio_lost_to_a_late_reader_is_silence_of_the_same_length(tmp_path: Path) -> None:
    ring = PcmRing.create(capacity_s=1)
    recording = _recording(tmp_path / "1.wav", ring)
    ring.write(_stereo(tone(440, 0.5)))
    recording.poll()
    for _ in range(4):  # two seconds into a ring of one
        ring.write(_stereo(tone(440, 0.5)))
    recording.poll()
    ring.write(_stereo(tone(440, 0.5)))
    recording.finish()
    result = recording.seal()
    assert result["duration_s"] == 3.0
    assert result["lost_frames"] == 9000  # what did not fit, and the eighth left to the writer
    samples, rate = decode((tmp_path / "1.wav").read_bytes())
    first, second = heard(samples[:, 0], rate)
    assert (first.start_s, first.end_s) == pytest.approx((0, 0.5), abs=0.01)
    assert (second.start_s, second.end_s) == pytest.approx((0.5 + 9000 / 8000, 3.0), abs=0.01)
    recording.close()
    ring.close()


def test_a_ring_that_lies_about_its_position_costs_a_bounded_silence(tmp_path: Path) -> None:
    ring = PcmRing.create(capacity_s=0.5)
    recording = _recording(tmp_path / "1.flac", ring, "flac")
    ring._fields[0] = 2**61
    recording.poll()
    assert recording.duration_s <= MAX_SILENCE_S + 1
    recording.finish()
    recording.close()
    ring.close()


def test_a_mono_ring_is_heard_in_both_channels(tmp_path: Path) -> None:
    ring = PcmRing.create(channels=1)
    recording = _recording(tmp_path / "1.wav", ring)
    ring.write(tone(700, 1).reshape(-1, 1))
    recording.finish()
    samples, rate = decode((tmp_path / "1.wav").read_bytes())
    assert np.array_equal(samples[:, 0], samples[:, 1])
    (part,) = heard(samples[:, 0], rate)
    assert part.frequencies_hz == pytest.approx((700,), abs=3)
    recording.close()
    ring.close()


def test_a_file_that_the_disk_holds_up_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket_pair()
    core, recorder = BlockingLink(ours), Recorder(BlockingLink(theirs))
    recorder.start_sealers()
    released = threading.Event()
    fsync = os.fsync

    def held_up(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("slow.wav"):
            assert released.wait(PATIENCE_S)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", held_up)
    rings = [PcmRing.create(), PcmRing.create()]
    for name, ring in zip(("slow", "quick"), rings, strict=True):
        recorder.seal_later(_recording(tmp_path / f"{name}.wav", ring, number=len(name)))
    first, _ = core.receive()
    released.set()
    second, _ = core.receive()
    assert [(each["state"], each["id"]) for each in (first, second)] == [
        ("finished", len("quick")),
        ("finished", len("slow")),
    ]
    for ring in rings:
        ring.close()
    core.close()


@pytest.mark.parametrize(
    ("due", "now", "recording", "pause_s"),
    [
        (10.0, 9.9, True, 0.1),
        (10.0, 10.0, True, 0.0),
        (10.0, 900.0, True, 0.0),
        (10.0, 9.9, False, None),
        (10.0, 900.0, False, None),
    ],
)
def test_rings_are_looked_at_when_they_are_due_and_nothing_is_when_there_are_none(
    due: float, now: float, recording: bool, pause_s: float | None
) -> None:
    assert pause_until(due, now, recording=recording) == pytest.approx(pause_s)


class Pauses(BlockingLink):
    """A link that remembers for how long it was waited on."""

    asked: list[float | None]

    def wait(self, timeout_s: float | None = None) -> bool:
        self.asked.append(timeout_s)
        return super().wait(timeout_s)


def test_the_recorder_sleeps_before_its_first_recording_and_after_its_last(tmp_path: Path) -> None:
    ours, theirs = socket_pair()
    core, link = BlockingLink(ours), Pauses(theirs)
    link.asked = []
    recorder = Recorder(link)
    recorder.start_sealers()
    serving = threading.Thread(target=recorder.run)
    serving.start()
    ring = PcmRing.create()
    with (tmp_path / "1.wav").open("w+b") as file:
        start = {"op": "start", "id": 1, "container": "wav", "hd": False}
        core.send(start, [ring.fd, file.fileno()])
    assert core.receive()[0]["state"] == "started"
    core.send({"op": "finish", "id": 1})
    assert core.receive()[0]["state"] == "finished"
    core.close()
    serving.join(PATIENCE_S)
    ring.close()
    before, *while_recording, after = link.asked
    assert (before, after) == (None, None)
    assert while_recording
    assert all(pause is not None and pause <= POLL_S for pause in while_recording)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "x"), "the disk is full"),
        (OSError(errno.EDQUOT, "x"), "the disk is full"),
        (OSError(errno.EIO, "x"), "the file cannot be written (Input/output error)"),
        (av.error.InvalidDataError(1, "x"), "the file cannot be written"),
    ],
)
def test_errors_are_told_in_words(error: Exception, text: str) -> None:
    assert explain(error).startswith(text)


def test_a_disk_that_is_really_full_ends_the_recording_with_its_reason() -> None:
    ring = PcmRing.create()
    reader = PcmRing.attach(ring.fd, writable=True)
    fd = os.open("/dev/full", os.O_RDWR)
    with pytest.raises(OSError, match="No space left") as caught:
        Recording(1, reader, fd, {"container": "mp3", "hd": False})
    assert explain(caught.value) == "the disk is full"
    os.close(fd)
    reader.close()
    ring.close()
