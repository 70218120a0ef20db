"""What is made of what was heard, where the machine that speaks may be late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from runtime.media.listening import HeardInterval

HOLE_S: Final = 0.25
"""A telephone that speaks on a busy machine is late by less; what is missing then is a hole in its
tone, and not the end of it. Whether we lose anything is judged by the packets, elsewhere."""


def joined(heard: Iterable[HeardInterval]) -> list[HeardInterval]:
    """With parts of one tone that are only that far apart taken as one."""
    parts: list[HeardInterval] = []
    for part in heard:
        last = parts[-1] if parts else None
        if last is not None and _goes_on(last, part):
            parts[-1] = attrs.evolve(last, end_s=part.end_s)
        else:
            parts.append(part)
    return parts


def _goes_on(last: HeardInterval, part: HeardInterval) -> bool:
    return (
        last.kind == part.kind == "tone"
        and _pitches(last) == _pitches(part)
        and part.start_s - last.end_s < HOLE_S
    )


def _pitches(part: HeardInterval) -> list[float]:
    return [round(hertz, -1) for hertz in part.frequencies_hz]
