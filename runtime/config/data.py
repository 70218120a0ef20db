"""[data]: where things are kept, how much of them, for how long, and what seals the secret ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal

import attrs

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)?\s*", re.IGNORECASE)
_UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str) -> int:
    """Bytes of "10 GB"; decimal units."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not a size; write it like "10 GB" or "500 MB"')
    return int(float(match[1]) * _UNITS[(match[2] or "B").upper()])


def not_negative(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if value < 0:
        raise ValueError(f"{value} must not be negative")


def _size(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    parse_size(value)


@attrs.frozen(kw_only=True)
class DataSettings:
    dir: Path = Path(".callstage")
    recordings_max: str = attrs.field(default="10 GB", validator=_size)
    recordings_full: Literal["refuse", "delete-oldest"] = "refuse"
    """What gives way when recordings take as much as they may."""
    recordings_days: float = attrs.field(default=0, validator=not_negative)
    history_days: float = attrs.field(default=0, validator=not_negative)
    """How long recordings, and sessions with their timelines, are kept; 0 = for ever."""
    key: str = attrs.field(default="", repr=False)
    key_file: Path | None = None
    key_env: str = ""
    """What seals secrets in the database: from one of these, else DATA/callstage.key."""
