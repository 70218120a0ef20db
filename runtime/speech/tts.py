"""Text to speech: the port that voices implement, and which voice a name means.

A name is a BCP-47 tag ("en-GB"), a voice's own name ("German"), or the platform's style
("VoiceList.Amazon.en_US_Joanna", of which the language is taken), each with an optional variant
("de-DE+f3", "fr-FR+female"). A name that means nothing is an error that lists close ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Sequence
from typing import Final, Protocol

import attrs

from runtime.media.port import SoundError
from runtime.media.sounds.sound import SoundSource
from runtime.media.sounds.sound_port import Voice

DEFAULT_VOICE: Final = "en-US"
GENDERS: Final = {"female": "f2", "male": "m3"}
"""Variants that stand for a gender when nothing more is said."""

_TAG: Final = re.compile(r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|\d{3}))?")
_PLATFORM: Final = re.compile(r"(?:.*\.)?([a-z]{2,3})_([A-Z]{2})(?:_\w+)?")


@attrs.frozen(kw_only=True)
class VoiceInfo:
    """One installed voice."""

    identifier: str
    """What the provider calls it."""
    name: str
    """What people call it."""
    languages: tuple[tuple[int, str], ...]
    """(rank, lower-case BCP-47 tag); the lowest rank speaks a tag best."""


class TtsProvider(Protocol):
    """A voice engine. Espeak is one; cloud voices are others."""

    @property
    def name(self) -> str: ...
    def voices(self) -> Sequence[VoiceInfo]: ...
    def speak(self, text: str, voice: Voice, owner: Hashable) -> SoundSource:
        """Begin to speak into the source's buffer; its first samples follow in milliseconds, unless
        others wait: owners take turns.

        Raises SoundError at once for a voice, a text or a queue that is beyond the provider.
        Speaking stops when nobody holds the source any more.
        """


@attrs.frozen(kw_only=True)
class ChosenVoice:
    voice: VoiceInfo
    variant: str
    """Empty for the voice as it is."""


def choose_voice(name: str, voices: Sequence[VoiceInfo], variants: Sequence[str]) -> ChosenVoice:
    """The voice that a name means; SoundError when there is none."""
    wanted, plus, variant = name.strip().partition("+")
    voice = _find(wanted.strip() or DEFAULT_VOICE, voices)
    if voice is None:
        known = {tag for each in voices for _, tag in each.languages}
        known |= {each.name for each in voices}
        raise SoundError(f'no voice is called "{name}"; {_close(wanted, known, "en-US, de, fr")}')
    return ChosenVoice(voice=voice, variant=_variant(name, variant, variants) if plus else "")


def _variant(name: str, variant: str, variants: Sequence[str]) -> str:
    chosen = GENDERS.get(variant.lower(), variant)
    for each in variants:
        if each.lower() == chosen.lower():
            return each
    close = _close(variant, {*variants, *GENDERS}, "male, female, f1-f5, m1-m8, whisper")
    raise SoundError(f'no voice variant is called "{variant}" (in "{name}"); {close}')


def _close(wanted: str, known: set[str], otherwise: str) -> str:
    by_lower = {each.lower(): each for each in sorted(known)}
    close = difflib.get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.5)
    names = ", ".join(by_lower[each] for each in close)
    return f"close ones are {names}" if names else f"there are for example {otherwise}"


def _find(wanted: str, voices: Sequence[VoiceInfo]) -> VoiceInfo | None:
    if (match := _PLATFORM.fullmatch(wanted)) is not None:
        wanted = f"{match[1]}-{match[2]}"
    lower = wanted.lower()
    for voice in voices:
        if lower in (voice.name.strip().lower(), voice.identifier.lower()):
            return voice
    tag = lower.replace("_", "-")
    if (best := _speaks(tag, voices)) is not None:
        return best
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    language, script, _ = match.groups()
    # An unknown region still is the language: es-AR is spoken as es.
    return _speaks(f"{language}{script or ''}", voices) or _speaks(language, voices)


def _speaks(tag: str, voices: Sequence[VoiceInfo]) -> VoiceInfo | None:
    ranked = [
        (rank, index)
        for index, voice in enumerate(voices)
        for rank, known in voice.languages
        if known == tag
    ]
    return voices[min(ranked)[1]] if ranked else None
