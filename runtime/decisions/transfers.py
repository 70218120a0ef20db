"""Which transfers of a call are begun, and what the peer's request may still be told."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

MAX_TRANSFERS: Final = 10
"""REFERs that a script may send in one call: VoxEngine's limit (voxengine.md 3.8)."""

NOT_HANDLED: Final = (603, "nothing in the scenario listens for BlindTransferRequested")
"""What the peer is told when a request finds no listener."""


TARGET_NOT_CONNECTED: Final = (480, "the call to transfer to is not connected")


REPLACES_UNASKED: Final = (
    "Replaces names no call that a BlindTransferRequested of this session named"
)
MAX_PLACES: Final = 64
"""Calls elsewhere that a session remembers being asked into; far more than transfers under way."""


class Places:
    """Which calls elsewhere this session may dial into: those that its peers have named, nobody
    else's. A script makes up none; the one that was named longest ago is forgotten first."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}

    def named(self, replaces: str) -> None:
        self._named.pop(replaces, None)
        self._named[replaces] = None
        if len(self._named) > MAX_PLACES:
            del self._named[next(iter(self._named))]

    def __contains__(self, replaces: object) -> bool:
        return replaces in self._named


class Asked(enum.Enum):
    """The peer's request, as the script sees it."""

    NOTHING = "the peer has asked for no transfer"
    OPEN = "the peer waits for the outcome"


class Step(enum.Enum):
    REQUEST = "BlindTransferRequested"
    OUTCOME = "notifyBlindTransferSuccess() or notifyBlindTransferFailed()"


TABLE: Final[Mapping[tuple[Asked, Step], Asked]] = {
    (Asked.NOTHING, Step.REQUEST): Asked.OPEN,
    # the peer gave its first request up by itself
    (Asked.OPEN, Step.REQUEST): Asked.OPEN,
    (Asked.OPEN, Step.OUTCOME): Asked.NOTHING,
}


def refuse_transfer(*, begun: int, under_way: bool) -> tuple[int, str] | None:
    """Code and reason of TransferFailed for one more; None when it may be begun."""
    if under_way:
        return 491, "a transfer of this call is under way already"
    if begun >= MAX_TRANSFERS:
        return 403, f"a call can be transferred {MAX_TRANSFERS} times"
    return None
