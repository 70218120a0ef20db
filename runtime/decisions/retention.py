"""How long a recording is kept for whom its script asks, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DAY_S: Final = 86_400.0
DAYS: Final[Mapping[str, float | None]] = MappingProxyType(
    {"": None, "-6m": 183, "-1y": 365, "-2y": 730, "-3y": 1_095, "-5y": 1_826}
)
"""By the values of RecordExpireTime. The first is VoxEngine's default of three months, and here
what the operator has set: nothing is deleted earlier because a script said nothing."""


def kept_s(expire: str) -> float | None:
    """Seconds from the end of the recording; None where the operator alone decides."""
    days = DAYS[expire]
    return None if days is None else days * DAY_S


def recording_name(prefix: str, session_id: str, number: int, container: str) -> str:
    """What a recording is saved as by whoever fetches it."""
    return f"{prefix}{session_id}-{number}.{container}"
