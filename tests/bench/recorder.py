"""What recording costs: CPU of the recorder worker per recorded second of call.

    python -m tests.bench.recorder [--recordings 100] [--seconds 10]

One process plays the engine (100 ms of two talkers into every ring, ten times a second), the real
worker encodes in real time. Budget: 3 ms per recorded second of stereo mp3.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import trio

from runtime.media.pcm import PcmRing, Samples
from runtime.media.port import RecordingFormat
from runtime.media.recording.recording_disk import RecordingDisk
from runtime.media.recording.recordings import FileRecording, Recordings
from tests.processes.running import children_running

BLOCK_S: Final = 0.1
FORMS: Final = {
    "mp3 stereo": RecordingFormat(container="mp3", stereo=True),
    "mp3 mix": RecordingFormat(container="mp3", stereo=False),
    "mp3 stereo hd": RecordingFormat(container="mp3", stereo=True, hd_audio=True),
    "wav stereo": RecordingFormat(container="wav", stereo=True),
    "flac stereo": RecordingFormat(container="flac", stereo=True),
    "ogg stereo": RecordingFormat(container="ogg", stereo=True),
}


def conversation(seconds: float) -> Samples:
    """Two voices taking turns: harmonics with a moving pitch, and a little noise."""
    rng = np.random.default_rng(1)
    time_s = np.arange(round(seconds * 8000)) / 8000
    channels = []
    for pitch, phase in ((120.0, 0.0), (210.0, 2.0)):
        angle = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(7 * time_s))) / 8000
        voice = sum(np.sin(n * angle) / n for n in range(1, 12))
        turn = np.sin(2 * np.pi * time_s / 4 + phase) > 0
        channels.append(3000 * voice * turn + rng.normal(0, 30, len(time_s)))
    return np.stack(channels, axis=1).astype(np.int16)


def cpu_s(pid: int) -> float:
    """User and system time of another process (its CPU clock, clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


async def play(recordings: list[FileRecording], sound: Samples, seconds: float) -> None:
    """The engine's side, in real time."""
    rings = [PcmRing.attach(each.ring.fd, writable=True) for each in recordings]
    block = round(BLOCK_S * 8000)
    start = trio.current_time()
    for n in range(round(seconds / BLOCK_S)):
        await trio.sleep_until(start + n * BLOCK_S)
        at = n * block % (len(sound) - block)
        frames = sound[at : at + block]
        for ring in rings:
            ring.write(frames if ring.channels == 2 else frames[:, :1])
    for ring in rings:
        ring.close_writing()
        ring.close()


async def measure(name: str, form: RecordingFormat, count: int, seconds: float) -> None:
    sound = conversation(20)
    with tempfile.TemporaryDirectory() as folder:
        store = Recordings(
            RecordingDisk(Path(folder), 10**12), base_url=lambda: "http://bench", warn=print
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            (pid,) = children_running("runtime.media.recording.recorder")
            recordings = []
            for number in range(1, count + 1):
                recording = await store.start("bench", number, form)
                assert isinstance(recording, FileRecording)
                recordings.append(recording)
            before = cpu_s(pid)
            await play(recordings, sound, seconds)
            encoding = cpu_s(pid) - before
            results = [await recording.finish() for recording in recordings]
            finishing = cpu_s(pid) - before - encoding
            lost = sum(recording.ring.lost_frames for recording in recordings)
            size = results[0].size_bytes
            nursery.cancel_scope.cancel()
    print(
        f"{name:15} {encoding * 1000 / count / seconds:6.2f} ms per recorded second, "
        f"{finishing * 1000 / count:6.2f} ms to finish, {size / seconds:8,.0f} bytes/s, lost {lost}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    print(f"{options.recordings} recordings of {options.seconds:.0f} s at once")
    for name, form in FORMS.items():
        await measure(name, form, options.recordings, options.seconds)


if __name__ == "__main__":
    trio.run(main)
