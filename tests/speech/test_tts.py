"""Which voice a name means, and how prosody words become factors."""

from __future__ import annotations

import pytest

from runtime.media.port import SoundError
from runtime.media.sounds.sound_port import Voice
from runtime.speech.prosody import Prosody, prosody_of
from runtime.speech.tts import VoiceInfo, choose_voice


def _voice(identifier: str, name: str, *languages: tuple[int, str]) -> VoiceInfo:
    return VoiceInfo(identifier=identifier, name=name, languages=languages)


VOICES = [
    _voice("gmw/de", "German", (5, "de")),
    _voice("gmw/en", "English (Great Britain)", (2, "en-gb"), (2, "en")),
    _voice("gmw/en-US", "English (America)", (2, "en-us"), (3, "en")),
    _voice("roa/fr-BE", "French (Belgium)", (5, "fr-be"), (8, "fr")),
    _voice("roa/fr", "French (France)", (5, "fr-fr"), (5, "fr")),
    _voice("gmq/nb", "Norwegian Bokmål", (5, "nb"), (5, "no")),
]
VARIANTS = ["f1", "f2", "m3", "whisper", "Alicia"]


@pytest.mark.parametrize(
    ("name", "identifier", "variant"),
    [
        ("", "gmw/en-US", ""),
        ("en-US", "gmw/en-US", ""),
        ("en_us", "gmw/en-US", ""),
        ("EN-gb", "gmw/en", ""),
        ("en", "gmw/en", ""),
        ("en-AU", "gmw/en", ""),
        ("de-DE", "gmw/de", ""),
        ("fr", "roa/fr", ""),
        ("fr-BE", "roa/fr-BE", ""),
        ("fr-CA", "roa/fr", ""),
        ("German", "gmw/de", ""),
        ("gmw/de", "gmw/de", ""),
        ("VoiceList.Amazon.en_US_Joanna", "gmw/en-US", ""),
        ("de_DE_Vicki", "gmw/de", ""),
        ("de-DE+f1", "gmw/de", "f1"),
        ("de+female", "gmw/de", "f2"),
        ("+male", "gmw/en-US", "m3"),
        ("de+alicia", "gmw/de", "Alicia"),
    ],
)
def test_a_name_means_one_voice(name: str, identifier: str, variant: str) -> None:
    chosen = choose_voice(name, VOICES, VARIANTS)
    assert (chosen.voice.identifier, chosen.variant) == (identifier, variant)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("xx-XX", "for example en-US, de, fr"),
        ("Germn", "close ones are German"),
        ("no-such-voice", 'no voice is called "no-such-voice"'),
        ("Englisch (America)", r"close ones are English \(America\)"),
        ("en-US+whisperr", "close ones are whisper"),
        ("en-US+", "male, female"),
        ("../../etc/passwd", "no voice"),
    ],
)
def test_an_unknown_voice_is_an_error_that_helps(name: str, hint: str) -> None:
    with pytest.raises(SoundError, match=hint):
        choose_voice(name, VOICES, VARIANTS)


@pytest.mark.parametrize(
    ("voice", "prosody"),
    [
        (Voice(), Prosody()),
        (Voice(rate="slow", pitch="high", volume="silent"), Prosody(rate=0.8, pitch=1.2, volume=0)),
        (Voice(rate="150%", pitch="+10%", volume="-50%"), Prosody(rate=1.5, pitch=1.1, volume=0.5)),
        (Voice(rate="1.5", pitch="+12st", volume="+20dB"), Prosody(rate=1.5, pitch=2, volume=10)),
        (Voice(pitch="+60Hz"), Prosody(pitch=1.5)),
        (Voice(pitch="240Hz"), Prosody(pitch=2.0)),
        (Voice(rate="-200%"), Prosody(rate=0)),
    ],
)
def test_prosody_words_and_numbers_are_factors(voice: Voice, prosody: Prosody) -> None:
    assert prosody_of(voice) == prosody


@pytest.mark.parametrize("rate", ["quick", "10dB", "1e9", "--1", "99999999", "%", "nan"])
def test_prosody_that_is_not_understood_is_an_error(rate: str) -> None:
    with pytest.raises(SoundError, match=f'rate "{rate}" is not understood; write one of x-slow'):
        prosody_of(Voice(rate=rate))
