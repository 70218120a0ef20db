"""Which arriving calls this runtime has placed itself: told by their Call-ID.

A script may dial its own number, and that call's script again; whoever counts sessions must know
whose doing a call is.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

MAX_REMEMBERED: Final = 4_096
"""Calls placed last. One to ourselves arrives within milliseconds; far fewer are placed in half a
minute, after which a repeated INVITE is given up (RFC 3261 17.1.1.2, timer B)."""


@attrs.frozen
class Placed:
    """Who placed a call, and whether into one of our own shared sessions."""

    session: str = ""
    conference: bool = False


class OwnCalls:
    """Call-ID -> the session that placed the call."""

    def __init__(self) -> None:
        self._placed: OrderedDict[str, Placed] = OrderedDict()

    def placed(self, call_id: str, session_id: str, *, conference: bool = False) -> None:
        self._placed[call_id] = Placed(session_id, conference)
        while len(self._placed) > MAX_REMEMBERED:
            self._placed.popitem(last=False)

    def of(self, call_id: str) -> Placed:
        """Without a session for everybody else's calls."""
        return self._placed.get(call_id, Placed())
