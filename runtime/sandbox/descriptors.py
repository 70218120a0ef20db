"""The descriptors that a running trio keeps, and new ones of the same numbers for a fork.

The zygote forks inside of `trio.run`, so that a worker need not start it. A fork shares its
parent's epoll and wake-up sockets; before anything is awaited it puts fresh ones in their places.
Only the kernel is asked what there is, never trio's insides; what is not as expected refuses to
start.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

OWN: Final = Path("/proc/self")
PAIRS: Final = 2
"""trio wakes itself by two socket pairs: from other threads and signals, and for its own loop."""


class UnknownDescriptors(Exception):
    """This version of trio keeps other descriptors than those that can be made anew."""


@attrs.frozen(kw_only=True)
class TrioDescriptors:
    """What one `trio.run` waits with, as descriptor numbers."""

    epoll: int
    interests: tuple[tuple[int, int], ...]
    """Descriptor and events of everything that is waited for now."""
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def found(cls, before: Collection[int]) -> TrioDescriptors:
        """Those that came since `before`; inside trio.run. Raises UnknownDescriptors."""
        names = {number: name for number, name in open_descriptors() if number not in before}
        epolls = [number for number, name in names.items() if name.endswith("[eventpoll]")]
        sockets = [number for number, name in names.items() if name.startswith("socket:")]
        pairs = tuple(_pairs(sockets))
        if len(epolls) != 1 or len(pairs) != PAIRS or len(names) != 1 + 2 * PAIRS:
            raise UnknownDescriptors(f"trio keeps {sorted(names.values())}")
        (epoll,) = epolls
        return cls(epoll=epoll, interests=tuple(_interests(epoll)), pairs=pairs)

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset((self.epoll, *(end for pair in self.pairs for end in pair)))

    def renew(self) -> None:
        """In a fork: nothing is shared with the parent any more."""
        for pair in self.pairs:
            for fresh, number in zip(socket.socketpair(), pair, strict=True):
                fresh.setblocking(False)
                os.dup2(fresh.fileno(), number, inheritable=False)
                fresh.close()
        epoll = select.epoll()
        for number, events in self.interests:
            epoll.register(number, events)
        os.dup2(epoll.fileno(), self.epoll, inheritable=False)
        epoll.close()


def open_descriptors() -> list[tuple[int, str]]:
    """Number and kind of every open descriptor, but the one that this takes."""
    found = []
    for entry in os.listdir(OWN / "fd"):
        try:
            found.append((int(entry), os.readlink(OWN / "fd" / entry)))
        except FileNotFoundError:
            continue  # the folder that was read
    return found


def _interests(epoll: int) -> Iterator[tuple[int, int]]:
    """proc(5): one line "tfd: NUMBER events: HEX ..." for each."""
    for line in (OWN / "fdinfo" / str(epoll)).read_text(encoding="ascii").splitlines():
        name, *values = line.split()
        if name == "tfd:":
            yield int(values[0]), int(values[2], 16)


def _pairs(sockets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Which sockets are the two ends of one: a byte that goes in here comes out there."""
    left = list(sockets)
    while left:
        one = left.pop()
        os.write(one, b"?")
        for other in left:
            try:
                os.read(other, 1)
            except BlockingIOError:
                continue
            left.remove(other)
            yield one, other
            break
