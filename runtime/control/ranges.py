"""Which bytes a Range header asks for (RFC 9110 14.1.2, 14.2). Pure.

What cannot be read is ignored, as 14.2 says: the whole is an answer to every request.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

_ONE: Final = re.compile(r"[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")
MAX_HEADER: Final = 100
"""Characters; a player asks for one range."""


@attrs.frozen
class Slice:
    """Bytes `start` to `end`, without `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Unsatisfiable(Exception):
    """No byte of the range is there: 416 (RFC 9110 15.5.17)."""


def read_range(header: str, size: int) -> Slice | None:
    """The one range that is asked for; None for the whole. Raises Unsatisfiable.

    Several ranges are ignored (14.2 allows it): no player asks for them, and their overlaps are a
    known way to make a server work.
    """
    unit, equals, wanted = header[: MAX_HEADER + 1].partition("=")
    match = _ONE.fullmatch(wanted)
    if len(header) > MAX_HEADER or not equals or unit.strip().lower() != "bytes" or match is None:
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return Slice(start, end)
