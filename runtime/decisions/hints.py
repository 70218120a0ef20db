"""What a script wants of the embedded recogniser, and what it can have of it. Pure. [core, worker]

It tells apart a list of phrases, in English. Two phrases that sound alike to its dictionary (case
and punctuation say nothing) are one, and its text is as the script wrote it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

MAX_HINTS: Final = 200
"""A menu has ten; from a hundred on, phrases sound too much alike."""
MAX_WORDS: Final = 10
"""Of one phrase."""
OFFLINE: Final = "offline:"
"""Profiles of the embedded recogniser begin so: ASRProfileList.Offline."""
_WORD: Final = re.compile(r"[a-z][a-z']{0,40}")


class HintsRefused(Exception):
    """The embedded recogniser cannot do what is wanted; str() says what can be done."""


@attrs.frozen
class Phrase:
    """One hint, as it was written and as it sounds."""

    text: str
    words: tuple[str, ...]


def wants_embedded(wishes: Mapping[str, Any]) -> bool:
    """Whether the script has chosen the embedded recogniser, whatever else is configured."""
    return str(wishes.get("profile", "")).lower().startswith(OFFLINE)


def wishes_of(text: str) -> dict[str, Any]:
    """The options of createASR as a script's worker sent them; none for what is no object."""
    try:
        wishes: Any = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return wishes if isinstance(wishes, dict) else {}


def phrases_wanted(wishes: Mapping[str, Any]) -> tuple[Phrase, ...]:
    """The distinct phrases of `phraseHints`. Raises HintsRefused."""
    language = _language(wishes)
    if re.split("[-_]", language.lower())[0] != "en":
        raise HintsRefused(
            f"the embedded recogniser understands English only, not {language[:40]!r}; for other "
            "languages give [asr] url in callstage.toml"
        )
    hints: Any = wishes.get("phraseHints") or []
    if isinstance(hints, str):
        hints = [hints]
    if not isinstance(hints, list) or not hints:
        raise HintsRefused(
            "the embedded recogniser tells phrases apart and takes no dictation: give them as "
            "phraseHints (hints of gather), or a recogniser as [asr] url in callstage.toml"
        )
    if len(hints) > MAX_HINTS:
        raise HintsRefused(
            f"{len(hints)} phraseHints; the embedded recogniser takes {MAX_HINTS} at most"
        )
    found: dict[tuple[str, ...], Phrase] = {}
    for hint in map(str, hints):
        phrase = Phrase(hint, _words(hint))
        found.setdefault(phrase.words, phrase)
    return tuple(found.values())


def unknown_words(phrases: Iterable[Phrase], known: Callable[[str], bool]) -> list[str]:
    """The words that a dictionary lacks, in order."""
    words = dict.fromkeys(word for phrase in phrases for word in phrase.words)
    return [word for word in words if not known(word)]


def grammar_of(phrases: Iterable[Phrase]) -> str:
    """A JSGF grammar (W3C note of June 2000) that is exactly one of the phrases."""
    choices = " | ".join(" ".join(phrase.words) for phrase in phrases)
    return f"#JSGF V1.0;\ngrammar hints;\npublic <hint> = {choices};\n"


def _language(wishes: Mapping[str, Any]) -> str:
    profile = str(wishes.get("profile") or "")
    if profile.lower().startswith(OFFLINE):
        profile = profile[len(OFFLINE) :]
    return str(wishes.get("language") or profile or "en")


def _words(hint: str) -> tuple[str, ...]:
    plain = hint.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = tuple(re.sub(r"[-\s,.!?;:\"]+", " ", plain).split())
    wrong = [word for word in words if not _WORD.fullmatch(word)]
    if not words or wrong:
        what = f"{wrong[0][:40]!r} in it" if wrong else "it"
        raise HintsRefused(
            f"the hint {hint[:80]!r} cannot be recognised: {what} is no English word; write it "
            "as it is spoken ('two' for 2)"
        )
    if len(words) > MAX_WORDS:
        raise HintsRefused(f"the hint {hint[:80]!r} has more than {MAX_WORDS} words")
    return words
