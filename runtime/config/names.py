"""How applications, scenarios, rules and tokens may be called, wherever that is said."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_application(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    """Empty is no application in particular."""
    if value and not NAME.fullmatch(value):
        raise ValueError(f"{value!r} must be 1 to 64 letters, digits, dots, dashes and underscores")
