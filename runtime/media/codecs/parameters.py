"""The format parameters of an `a=fmtp` line, as far as a codec looks at them."""

from __future__ import annotations

from typing import Final

MAX_DIGITS: Final = 9
"""No parameter of an audio codec is a larger number."""


def parse_parameters(fmtp: str) -> dict[str, str]:
    """`useinbandfec=1; stereo=0` as lower-case names and values; what is no pair is left out."""
    pairs = (part.partition("=") for part in fmtp.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def number(parameters: dict[str, str], name: str, default: int) -> int:
    """A decimal parameter; the default when it is absent or no number."""
    text = parameters.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else default
