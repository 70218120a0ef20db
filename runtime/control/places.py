"""How many connections the HTTP listener holds, and how many of one address. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Final

MAX_CONNECTIONS: Final = 2_000
"""Each holds a descriptor and some tasks; one more is closed at once."""
MAX_PER_ADDRESS: Final = 500
"""Of those from elsewhere: nobody keeps all others out by connecting and saying nothing. A proxy on
another machine has enough of them."""


class Places:
    """Taken when a connection comes, left when it is over."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._refused = 0

    def take(self, address: str) -> bool:
        """Whether there is one for this address."""
        mine = self._taken[address]
        if self._taken.total() < MAX_CONNECTIONS and (
            mine < MAX_PER_ADDRESS or _is_this_machine(address)
        ):
            self._taken[address] = mine + 1
            return True
        self._refused += 1
        return False

    def leave(self, address: str) -> None:
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]

    @property
    def worth_telling(self) -> str:
        """After a refusal, what the log is told: at the first one and at each doubling, since who
        connects again and again must not fill it."""
        if self._refused & (self._refused - 1):
            return ""
        return (
            f"{self._refused} HTTP connections were closed at once: "
            f"{self._taken.total()} are open, from {len(self._taken)} addresses"
        )


def _is_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # no address of a network at all
        return True
