"""The folder that a runtime under test serves: all scripts of scripts/, and sounds beside them."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from runtime.media.listening import HeardInterval, listen
from tests.e2e.audio import RATE, Samples, tone
from tests.media.sound_bytes import encode

SCRIPTS: Final = Path(__file__).parent / "scripts"


def stage(folder: Path) -> Path:
    """A copy of the scripts with sounds of known pitch and length; returns the folder."""
    folder.mkdir(parents=True)
    for script in SCRIPTS.glob("[!_]*.py"):
        (folder / script.name).write_text(script.read_text())
    (folder / "440.wav").write_bytes(wav(tone(440, 1.0)))
    (folder / "440-long.wav").write_bytes(wav(tone(440, 8.0)))
    (folder / "440-loop.wav").write_bytes(wav(tone(440, 5.0)))
    (folder / "880.wav").write_bytes(wav(tone(880, 0.5)))
    for container, rate in (("mp3", 44_100), ("ogg", 48_000), ("flac", 16_000)):
        sound = encode(tone(440, 1.0, rate=rate), rate, container)
        (folder / f"440.{container}").write_bytes(sound)
    (folder / "garbage.wav").write_bytes(b"RIFF, but nothing else of it is true" * 40)
    (folder / "empty.mp3").write_bytes(b"")
    return folder


def broken_script(name: str, folder: Path) -> Path:
    """One of the scripts that must not be Python, as a file that can be served."""
    path = folder / f"{name}.py"
    path.write_text((SCRIPTS / f"{name}.py.txt").read_text())
    return path


def wav(samples: Samples, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def read_sound(file: Path | io.BytesIO) -> tuple[Samples, int]:
    """Any sound file as samples of shape (n, channels), and their rate."""
    source: Any = str(file) if isinstance(file, Path) else file
    with av.open(source, "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout=stream.layout.name, rate=stream.rate)
        frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
        channels = stream.channels
        rate = stream.rate
    return np.concatenate([f.to_ndarray().reshape(-1, channels) for f in frames]), rate


def channel(file: Path, number: int) -> list[HeardInterval]:
    """What sounds in one channel of a sound file, without the silences."""
    samples, rate = read_sound(file)
    return sounding(samples[:, number], rate)


def sounding(samples: Samples, rate: int = RATE) -> list[HeardInterval]:
    return [part for part in listen(np.ascontiguousarray(samples), rate) if part.kind != "silence"]


def check_tone(part: HeardInterval, hertz: float, seconds: float, slack_s: float = 0.045) -> None:
    """A tone of that pitch and length; the slack is two packets and a border's sharpness."""
    assert part.kind == "tone", part
    assert abs(part.frequencies_hz[0] - hertz) < 5, part
    assert len(part.frequencies_hz) == 1, part
    assert abs(part.duration_s - seconds) <= slack_s, part
