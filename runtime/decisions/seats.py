"""Who may have one of a fixed number of places that are held for long, and never taken back.

Nobody waits for a place, and nobody is thrown out of one. So what an owner may hold depends on what
is free: whoever is alone has three quarters of all, and leaves a quarter to the next, who leaves a
quarter of that (the dynamic thresholds by which switches share a buffer: Choudhury, Hahne, 1998). A
fixed share would leave many places unused on a machine that serves one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Final

OWN_TO_FREE: Final = 3
"""So many times what is free may be one owner's: it may keep three of four, as with file decoders,
and four owners who take all they can leave one place in 256."""


class Seats:
    """The places, by who holds them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[Hashable] = Counter()

    @property
    def taken(self) -> int:
        return self._held.total()

    def held_by(self, owner: Hashable) -> int:
        return self._held[owner]

    def take(self, owner: Hashable) -> bool:
        """Whether the owner has one more now; it gives it back with `leave`."""
        free = self._most - self.taken
        if self._held[owner] >= OWN_TO_FREE * free:
            return False
        self._held[owner] += 1
        return True

    def leave(self, owner: Hashable) -> None:
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
