"""Which arriving calls this runtime has placed itself: told by their Call-ID.

A script may dial its own number, and that call's script again; whoever counts sessions must know
whose doing a call is.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MAX_REMEMBERED: Final = 4_096
"""Calls placed last. One to ourselves arrives within milliseconds; far fewer are placed in half a
minute, after which a repeated INVITE is given up (RFC 3261 17.1.1.2, timer B)."""


class OwnCalls:
    """Call-ID -> the session that placed the call."""

    def __init__(self) -> None:
        self._placed: OrderedDict[str, str] = OrderedDict()

    def placed(self, call_id: str, session_id: str) -> None:
        self._placed[call_id] = session_id
        while len(self._placed) > MAX_REMEMBERED:
            self._placed.popitem(last=False)

    def session_of(self, call_id: str) -> str:
        """Empty for everybody else's calls."""
        return self._placed.get(call_id, "")
