"""The built-in voice: real speech from the real worker."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import trio

from runtime.media.listening import HeardInterval
from runtime.media.pcm import Samples
from runtime.media.port import SoundError
from runtime.media.sounds.sound import PcmSound
from runtime.media.sounds.sound_port import Voice
from runtime.speech.offline import OfflineSpeech
from runtime.speech.tts import TtsProvider
from tests.media.sound_bytes import heard
from tests.processes.running import children_running

PATIENCE_S = 60


@pytest.fixture
async def speech(nursery: trio.Nursery) -> AsyncIterator[OfflineSpeech]:
    provider = OfflineSpeech(lambda _: None)
    await nursery.start(provider.run)
    with trio.fail_after(PATIENCE_S):
        yield provider
    nursery.cancel_scope.cancel()


async def _say(speech: TtsProvider, text: str, voice: Voice | None = None) -> Samples:
    sound = PcmSound(text, speech.speak(text, voice or Voice()))
    await sound.ready()
    samples = sound.buffer.samples[: sound.buffer.valid_samples].copy()
    assert sound.duration_s == len(samples) / 8000
    sound.close()
    return samples


def _speech(samples: Samples) -> list[HeardInterval]:
    return [part for part in heard(samples) if part.kind == "speech"]


def _spoken_s(samples: Samples) -> float:
    parts = _speech(samples)
    return parts[-1].end_s - parts[0].start_s if parts else 0.0


async def test_a_text_becomes_speech_of_plausible_length(speech: OfflineSpeech) -> None:
    samples = await _say(speech, "Welcome to the sales department. Please hold the line.")
    assert 2.0 < _spoken_s(samples) < 5.0
    assert _speech(samples)[0].start_s < 0.1
    assert _speech(samples)[0].level_dbfs > -30


async def test_a_longer_text_takes_longer(speech: OfflineSpeech) -> None:
    one = await _say(speech, "one")
    ten = await _say(speech, "one two three four five six seven eight nine ten")
    assert _spoken_s(ten) > 4 * _spoken_s(one) > 0


@pytest.mark.parametrize("name", ["en-US", "en-GB", "de-DE", "fr-FR", "ru", "ja", "zh-CN", "es-AR"])
async def test_many_languages_can_be_spoken(speech: OfflineSpeech, name: str) -> None:
    assert 0.3 < _spoken_s(await _say(speech, "Hallo 123", Voice(name=name))) < 6


async def test_pitch_and_gender_are_heard(speech: OfflineSpeech) -> None:
    text = "mama mia, no more roaming"
    low = _pitch_hz(await _say(speech, text, Voice(name="de", pitch="x-low")))
    male = _pitch_hz(await _say(speech, text, Voice(name="de+male")))
    female = _pitch_hz(await _say(speech, text, Voice(name="de+female")))
    high = _pitch_hz(await _say(speech, text, Voice(name="de+female", pitch="x-high")))
    assert low < male < female < high
    assert high > 1.5 * low


def _pitch_hz(samples: Samples) -> float:
    """Median over the loud 40 ms pieces, by autocorrelation between 60 and 400 Hz."""
    pieces = samples[: len(samples) // 320 * 320].reshape(-1, 320).astype(float)
    energy = np.square(pieces).sum(axis=1)
    pitches = []
    for piece in pieces[energy > np.median(energy)]:
        correlation = np.correlate(piece, piece, "full")[319:]
        pitches.append(8000 / (20 + int(np.argmax(correlation[20:133]))))
    return float(np.median(pitches))


async def test_prosody_changes_length_and_loudness(speech: OfflineSpeech) -> None:
    text = "The quick brown fox jumps over the lazy dog"
    normal = await _say(speech, text)
    slow = await _say(speech, text, Voice(rate="60%"))
    soft = await _say(speech, text, Voice(volume="x-soft"))
    assert _spoken_s(slow) > 1.3 * _spoken_s(normal)
    assert np.abs(soft).max() < 0.5 * np.abs(normal).max()
    assert not np.any(await _say(speech, text, Voice(volume="silent")))


async def test_ssml_pauses_are_heard_and_tags_are_not_read(speech: OfflineSpeech) -> None:
    samples = await _say(speech, '< speak >One<break time="2s"/>two.</ speak >')
    first, second = _speech(samples)
    assert 1.8 < second.start_s - first.end_s < 2.6
    assert second.duration_s < 0.8


async def test_an_audio_tag_cannot_play_a_file(speech: OfflineSpeech, tmp_path: Path) -> None:
    target = tmp_path / "secret.wav"
    target.write_bytes(b"RIFF" + bytes(100))
    samples = await _say(speech, f'<speak>One <audio src="{target}"/> two</speak>')
    assert 0.3 < _spoken_s(samples) < 2


@pytest.mark.parametrize(
    "text", ["", "   \n", "...", "\0", "\ud800", "🎉🎉", "a" * 1500, "<speak>"]
)
async def test_odd_texts_are_spoken_as_well_as_can_be(speech: OfflineSpeech, text: str) -> None:
    await _say(speech, text)
    assert speech.restarts == 0


async def test_the_first_audio_does_not_wait_for_the_last(speech: OfflineSpeech) -> None:
    sound = PcmSound("long", speech.speak("word " * 300, Voice()))
    await sound.audible()
    assert sound.buffer.valid_samples > 0
    await sound.ready()
    assert (sound.duration_s or 0) > 60
    sound.close()


async def test_what_cannot_be_spoken_is_refused_at_once(speech: OfflineSpeech) -> None:
    with pytest.raises(SoundError, match="1,501 characters, at most 1,500"):
        speech.speak("a" * 1501, Voice())
    with pytest.raises(SoundError, match="no voice is called"):
        speech.speak("Hi", Voice(name="Gandalf"))
    with pytest.raises(SoundError, match="rate"):
        speech.speak("Hi", Voice(rate="warp"))


async def test_speech_beyond_ten_minutes_is_cut(speech: OfflineSpeech) -> None:
    pauses = '<break time="100s"/>a' * 20
    samples = await _say(speech, f"<speak>{pauses}</speak>")
    assert len(samples) == 600 * 8000


async def test_a_text_nobody_wants_any_more_is_cut_short(speech: OfflineSpeech) -> None:
    sound = PcmSound("long", speech.speak("word " * 300, Voice()))
    await sound.audible()
    sound.close()
    assert sound.error is not None
    await _say(speech, "the next one")


async def test_a_killed_voice_comes_back(nursery: trio.Nursery) -> None:
    replaced = trio.Event()
    speech = OfflineSpeech(lambda _: replaced.set())
    await nursery.start(speech.run)
    (pid,) = children_running("runtime.speech.espeak")
    os.kill(pid, signal.SIGKILL)
    with trio.fail_after(PATIENCE_S):
        await replaced.wait()
        assert _spoken_s(await _say(speech, "back again")) > 0.3
    nursery.cancel_scope.cancel()


LONG = '<speak><break time="600000ms"/>a</speak>'
"""Thirty characters that are ten minutes."""


async def test_the_long_texts_of_one_scenario_leave_a_turn_to_the_next(
    speech: OfflineSpeech,
) -> None:
    """The bound on another's prompt is one of them, however many wait."""
    long = [PcmSound(LONG, speech.speak(LONG, Voice(), "hostile")) for _ in range(20)]
    await long[0].audible()
    innocent = PcmSound("Hi", speech.speak("Hi", Voice(), "innocent"))
    await innocent.ready()
    assert [sound.duration_s for sound in long[2:]] == [None] * 18
    for sound in (*long, innocent):
        sound.close()


async def test_a_scenario_has_its_share_of_the_memory_and_no_more(
    speech: OfflineSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.media.sounds.alive.MAX_OWNER_BYTES", 5_000_000)
    held = [PcmSound(LONG, speech.speak(LONG, Voice(), "hostile")) for _ in range(3)]
    await held[0].ready()
    for sound in held[1:]:  # there was room when they were asked for
        with pytest.raises(SoundError, match=r"this scenario holds 9,600,000 bytes of sound"):
            await sound.ready()
    with pytest.raises(SoundError, match=r"this scenario holds 9,600,000 bytes of sound"):
        speech.speak("Hi", Voice(), "hostile")
    innocent = PcmSound("Hi", speech.speak("Hi", Voice(), "innocent"))
    await innocent.ready()
    for sound in (*held, innocent):
        sound.close()
    assert len(await _say(speech, "Hi")) > 0
