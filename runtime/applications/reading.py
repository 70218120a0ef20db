"""JSON that somebody sent, read so that every fault is told at once, each with its field."""

from __future__ import annotations

from typing import Any, Final

from runtime.applications.faults import Fault, Kind, Refused
from runtime.config.names import NAME

MAX_FAULTS: Final = 50
"""Told at once."""


def check_name(kind: str, name: str) -> None:
    """Raises Refused."""
    if not NAME.fullmatch(name):
        raise Refused(
            Kind.INVALID,
            f"{name[:64]!r} is no name of {kind}: 1 to 64 letters, digits, dots, dashes and "
            "underscores, a letter or digit first",
        )


def read_table(given: Any, field: str, known: set[str], faults: list[Fault]) -> dict[str, Any]:
    if not isinstance(given, dict):
        faults.append((field, "must be an object"))
        return {}
    for key in sorted(given.keys() - known)[:MAX_FAULTS]:
        name = f"{field}.{key[:64]}" if field else key[:64]
        faults.append((name, f"is not known; there are {', '.join(sorted(known))}"))
    return {key: given[key] for key in given.keys() & known}


def read_text(table: dict[str, Any], key: str, faults: list[Fault], default: str = "") -> str:
    """A text, or `default` with or without a fault."""
    value = table.get(key, default)
    if isinstance(value, str) and is_text(value):
        return value
    faults.append((key, "must be a text"))
    return default


def is_text(value: str) -> bool:
    """JSON can carry half a character, which no file holds."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def raise_faults(detail: str, faults: list[Fault]) -> None:
    """Raises Refused if there are any."""
    if faults:
        raise Refused(Kind.INVALID, detail, faults[:MAX_FAULTS])
