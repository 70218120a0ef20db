"""How long symbolic sounds last, and which of them cannot be played."""

from __future__ import annotations

import io
import wave

import pytest
import trio
from trio.testing import MockClock

from runtime.media.port import RecordingError, RecordingFormat, SoundError
from runtime.media.sounds.sound_port import Voice
from runtime.testing.agenda import Agenda
from runtime.testing.symbolic_recordings import SymbolicRecordings
from runtime.testing.symbolic_sounds import SymbolicSounds


class Folder:
    """A scenario's own folder."""

    def __init__(self, **files: bytes) -> None:
        self._files = {name.replace("_", "."): content for name, content in files.items()}

    def open_bytes(self, name: str) -> bytes:
        if name not in self._files:
            raise SoundError(f"there is no file {name} in the scenario's folder")
        return self._files[name]


def wav(seconds: float) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * round(seconds * 8000))
    return content.getvalue()


async def seconds_of(sounds: SymbolicSounds, url: str, folder: Folder) -> float | None:
    sound = await sounds.open_file(url, folder)
    await sound.ready()
    return sound.duration_s


async def test_a_wav_lasts_as_long_as_it_is() -> None:
    assert await seconds_of(SymbolicSounds(), "beep.wav", Folder(beep_wav=wav(0.25))) == 0.25


async def test_other_files_and_urls_last_as_long_as_the_test_says() -> None:
    sounds = SymbolicSounds()
    folder = Folder(music_mp3=b"some mp3")
    assert await seconds_of(sounds, "music.mp3", folder) == 5.0
    sounds.set_length("music.mp3", 180)
    sounds.set_length("http://*/long.mp3", 3600)
    assert await seconds_of(sounds, "music.mp3", folder) == 180
    assert await seconds_of(sounds, "http://example.com/long.mp3", folder) == 3600
    sounds.default_s = 7
    assert await seconds_of(sounds, "http://example.com/other.mp3", folder) == 7


async def test_a_missing_or_broken_file_is_an_error() -> None:
    sounds = SymbolicSounds()
    folder = Folder(bad_wav=b"RIFF nothing", good_mp3=b"x")
    with pytest.raises(SoundError, match=r"no file absent\.wav"):
        await seconds_of(sounds, "absent.wav", folder)
    with pytest.raises(SoundError, match=r"bad\.wav is not a wav file"):
        await seconds_of(sounds, "bad.wav", folder)
    sounds.break_file("good.mp3", "the decoder gave up")
    with pytest.raises(SoundError, match="the decoder gave up"):
        await seconds_of(sounds, "good.mp3", folder)


async def test_a_text_of_more_than_1500_characters_cannot_be_spoken() -> None:
    sounds = SymbolicSounds()
    assert (await sounds.speak("a" * 1500, Voice())).duration_s == 100
    with pytest.raises(SoundError, match="1501 characters"):
        await sounds.speak("a" * 1501, Voice())


async def test_a_slow_voice_takes_its_time(autojump_clock: MockClock) -> None:
    sounds = SymbolicSounds()
    sounds.speech_delay_s = 2.0
    await sounds.speak("hello", Voice())
    assert trio.current_time() == 2.0


async def test_a_recording_can_be_played_back_for_its_length(autojump_clock: MockClock) -> None:
    recordings = SymbolicRecordings(Agenda())
    sounds = SymbolicSounds(recordings.seconds_of)
    form = RecordingFormat(container="wav", stereo=False)
    recording = await recordings.start("s1", 1, form)
    await trio.sleep(12)
    await recording.finish()
    assert await seconds_of(sounds, recording.url, Folder()) == 12


async def test_a_full_disk_starts_no_recording() -> None:
    recordings = SymbolicRecordings(Agenda())
    recordings.full = "no space left"
    with pytest.raises(RecordingError, match="no space left"):
        await recordings.start("s1", 1, RecordingFormat(container="mp3", stereo=False))
