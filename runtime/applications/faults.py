"""Why something that was uploaded is not taken: every fault at once."""

from __future__ import annotations

import enum
from collections.abc import Sequence

Fault = tuple[str, str]
"""A field, and what is wrong with it."""


class Kind(enum.Enum):
    """Whose fault it is; control/applications.py makes a status of it."""

    INVALID = "invalid"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    FULL = "full"


class Refused(Exception):
    """Nothing was changed; str() says what was asked for, `faults` what to mend."""

    def __init__(self, kind: Kind, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.kind = kind
        self.faults = tuple(faults)


def unknown(what: str) -> Refused:
    return Refused(Kind.UNKNOWN, what)
