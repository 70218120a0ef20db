"""Cutting text to what a frame may carry: by characters and by its size as JSON.

A legal line of 15,000 characters can be 180 KB once escaped; the wire allows 64 KiB a frame. What
is cut ends with a mark. The result never holds NUL or lone surrogates, which the core refuses.
"""

from __future__ import annotations

import json
from typing import Final

MARK: Final = "... [cut]"
MAX_ENCODED: Final = 48 * 1024
"""Leaves room in a 64 KiB frame for the other fields."""


def shorten(text: str, characters: int) -> str:
    """`text`, cut to at most `characters`."""
    return text if len(text) <= characters else text[: characters - len(MARK)] + MARK


def clip(text: str, characters: int, encoded: int = MAX_ENCODED) -> str:
    """`text`, cut to at most `characters` and to `encoded` bytes of JSON."""
    text = _sendable(text[: characters + 1])
    cut = len(text) > characters
    if cut:
        text = text[: characters - len(MARK)]
    if len(text) * 12 > encoded and _size(text) > encoded:
        fitting = _fitting(text, encoded - len(MARK))
        cut, text = True, text[: min(fitting, characters - len(MARK))]
    return text + MARK if cut else text


def _sendable(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\\0")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _size(text: str) -> int:
    return len(json.dumps(text))


def _fitting(text: str, encoded: int) -> int:
    """The greatest length whose JSON fits."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) <= encoded:
            low = middle
        else:
            high = middle - 1
    return low
