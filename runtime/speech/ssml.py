"""From what authors write to what the voice understands: SSML when it begins with <speak>.

The tolerant minimum: spelling slips of the platform's own examples are mended (`< speak >`,
`<speack>`, `xml: lang`), tags the voice does not need are dropped while their text stays, stray
`<` and `&` are read as characters. Tags that would make the voice open files (audio, voice) never
reach it.
"""

from __future__ import annotations

import re
from typing import Final

MAX_TEXT: Final = 1500
"""Characters of one text (voxengine.md 1.3)."""
TAGS: Final = frozenset(
    ("speak", "break", "emphasis", "prosody", "say-as", "sub", "p", "s", "mark", "w")
)
_END: Final = "</speak>"
_MISSPELT: Final = {"speack": "speak"}
_BEGINS: Final = re.compile(r"\s*<\s*speac?k\b", re.IGNORECASE)
_TAG: Final = re.compile(r"<\s*+(/?)\s*+([A-Za-z][\w.-]*+)((?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*)>")
"""Repetitions that are never gone back into, here and below: the core reads what scripts write. Of
groups they are not: before 3.11.5 Python matches those wrongly, and these have one way to match."""
_ATTRIBUTE: Final = re.compile(
    r"(?<![\w:-])([A-Za-z][\w-]*+(?:\s*+:\s*+[\w-]++)?)\s*+=\s*+(\"[^\"<]*+\"|'[^'<]*+')"
)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_INSTRUCTION: Final = re.compile(r"<\?.*?\?>", re.DOTALL)
_DECLARATION: Final = re.compile(r"<![^<>]*>")
_STRAY_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


def is_ssml(text: str) -> bool:
    return _BEGINS.match(text) is not None


def normalise(text: str) -> str:
    """SSML that the voice reads as its author meant it; linear in the length of the text."""
    parts, position = [], 0
    text = _without(_COMMENT, "-->", text)
    text = _without(_INSTRUCTION, "?>", text)
    text = _DECLARATION.sub(" ", text)
    for tag in _TAG.finditer(text):
        parts += [_characters(text[position : tag.start()]), _tag(tag)]
        position = tag.end()
    parts.append(_characters(text[position:]))
    # A full stop right before </speak> would be read as "dot"; a newline ends the sentence.
    read = "".join(parts)
    spoken = read.rstrip()
    if spoken.endswith(_END):
        read = f"{spoken.removesuffix(_END).rstrip()}\n{_END}"
    return read + "\n"


def _without(what: re.Pattern[str], end: str, text: str) -> str:
    """What begins after the last end has none, and is not searched for one again and again."""
    last = text.rfind(end) + len(end)
    return what.sub(" ", text[:last]) + text[last:]


def _characters(text: str) -> str:
    text = _STRAY_AMPERSAND.sub("&amp;", text)
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _tag(match: re.Match[str]) -> str:
    slash, name, rest = match.groups()
    name = name.lower()
    name = _MISSPELT.get(name, name)
    if name not in TAGS:
        return " "
    if slash:
        return f"</{name}>"
    attributes = "".join(_attribute(name, each) for each in _ATTRIBUTE.finditer(rest))
    return f"<{name}{attributes}{'/' if rest.rstrip().endswith('/') else ''}>"


def _attribute(tag: str, match: re.Match[str]) -> str:
    key = re.sub(r"\s", "", match[1]).lower()
    value = match[2][1:-1]
    if tag == "say-as" and key == "interpret-as" and value.lower() == "digits":
        value = "tts:digits"  # the voice's own name for it
    if tag == "prosody" and key == "volume" and value.lower() == "silent":
        value = "x-soft"  # the voice knows no silence
    return f' {key}="{value.replace(chr(34), "")}"'
