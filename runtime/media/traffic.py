"""Reading and sending RTP packets of all legs, by plain Python: the reference for any faster way.

Knows descriptors, rows and plans, but nothing of ports, latching or RTCP (those are the business of
runtime/media/sockets.py).
"""

from __future__ import annotations

import array
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

import attrs
import numpy as np

from runtime.media.clock import STEPS
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import Address

ROUNDS: Final = 2
"""Reads per socket and step: 8 packets in 20 ms, four times what 10 ms packets need."""
MIN_ROWS: Final = 512
ROWS_PER_LEG: Final = 4
"""Packets that a tick may hold on average; the rest waits in the kernel."""


@attrs.define
class Counters:
    """What went wrong on sockets and ended nothing."""

    refused: int = 0
    """Sends and reads that failed because nobody listens there."""
    failed: int = 0
    """Sends that failed for another reason."""


class Traffic(Protocol):
    """Rows that packets are read into, and plans of what is sent in each step of a frame."""

    @property
    def counters(self) -> Counters: ...

    def attend(self, sock: socket.socket, leg: int) -> None:
        """From now on `read` receives on this connected socket for the leg."""

    def leave(self, sock: socket.socket) -> None:
        """The socket is about to be closed, or takes from everybody again."""

    def read(self, timeout_s: float) -> tuple[int, Iterable[int]]:
        """One packet of each readable socket: how many were readable, and which of them are
        somebody else's. Waits for the first one up to the time, in whole milliseconds."""

    def receive_from(self, leg: int, sock: socket.socket, now: float) -> bool:
        """Read one packet with its source; False when no row is free. Raises OSError."""

    def take(self, reports: Sequence[tuple[int, bytes, Address]]) -> Arrivals:
        """What was read since the last call; valid until the next reading."""

    def aim(self, leg: int, sock: socket.socket, target: Address | None, connected: bool) -> None:
        """Where the leg's packets go."""

    def schedule(self, leg: int, views: Sequence[memoryview], slots: Sequence[int]) -> None:
        """Send each view in its step of every frame."""

    def unschedule(self, leg: int, slots: Sequence[int]) -> None: ...

    def forget(self, leg: int) -> None:
        """The leg is closed; its number may be used again."""

    def send_instead(self, leg: int, view: memoryview) -> None:
        """In this frame send `view` in place of the leg's packets."""

    def planned(self, slot: int) -> int:
        """Packets that leave in this step of a frame."""

    def flush(self, slot: int) -> None:
        """Send what is planned for this step."""

    def step(self, slot: int | None, deadline: float) -> Iterable[int]:
        """Sleep until the time, send what is planned for the step, if one is given, and read.

        Returns what is somebody else's; reading stopped there.
        """


def row_count(legs: int) -> int:
    """Rows for packets of one tick."""
    return max(MIN_ROWS, ROWS_PER_LEG * legs)


_Send = Callable[[memoryview], int]


@attrs.define(eq=False)
class _Departure:
    """One packet a frame: how it is sent and where its octets lie."""

    leg: int
    send: _Send
    view: memoryview
    first: bool


class PythonTraffic:
    """Calls of the socket module."""

    def __init__(self, epoll: select.epoll, legs: int) -> None:
        self.counters = Counters()
        self._epoll = epoll
        self._readers: list[Callable[[memoryview], int] | None] = []
        """By descriptor: how a connected RTP socket is read."""
        self._leg_of: list[int] = []
        """By descriptor."""
        self._rows = np.zeros((row_count(legs), MAX_PACKET), dtype=np.uint8)
        self._views = [row.data for row in self._rows]
        self._lengths = array.array("q")
        self._legs = array.array("q")
        self._times = array.array("d")
        self._sources: list[tuple[int, Address]] = []
        self._sends: dict[int, _Send] = {}
        self._plan: list[list[_Departure]] = [[] for _ in range(STEPS)]
        self._instead: dict[int, memoryview] = {}

    # --- receiving ------------------------------------------------------------------------------

    def attend(self, sock: socket.socket, leg: int) -> None:
        fd = sock.fileno()
        missing = fd + 1 - len(self._readers)
        self._readers += [None] * missing
        self._leg_of += [-1] * missing
        self._readers[fd], self._leg_of[fd] = sock.recv_into, leg

    def leave(self, sock: socket.socket) -> None:
        if sock.fileno() < len(self._readers):
            self._readers[sock.fileno()] = None

    def read(self, timeout_s: float) -> tuple[int, Iterable[int]]:
        room = len(self._views) - len(self._lengths)
        if room <= 0:
            return 0, ()
        events = self._epoll.poll(timeout_s, room)
        others: list[int] = []
        if events:
            self._receive(iter(events), others, time.monotonic())
        return len(events), others

    def _receive(self, events: Iterator[tuple[int, int]], others: list[int], now: float) -> None:
        readers, leg_of, views = self._readers, self._leg_of, self._views
        lengths, legs, times = self._lengths, self._legs, self._times
        while True:
            try:
                for fd, _ in events:
                    reader = readers[fd] if fd < len(readers) else None
                    if reader is None:
                        others.append(fd)
                    else:
                        lengths.append(reader(views[len(lengths)]))
                        legs.append(leg_of[fd])
                        times.append(now)
                return
            except ConnectionRefusedError:
                self.counters.refused += 1
            except OSError:  # nothing there after all (a bad checksum), or the route is gone
                continue

    def receive_from(self, leg: int, sock: socket.socket, now: float) -> bool:
        number = len(self._lengths)
        if number >= len(self._views):
            return False
        length, source = sock.recvfrom_into(self._views[number])
        self._lengths.append(length)
        self._legs.append(leg)
        self._times.append(now)
        self._sources.append((number, source[:2]))
        return True

    def take(self, reports: Sequence[tuple[int, bytes, Address]]) -> Arrivals:
        arrivals = Arrivals(
            rows=self._rows[: len(self._lengths)],
            lengths=np.array(self._lengths, dtype=np.int64),
            legs=np.array(self._legs, dtype=np.int64),
            times=np.array(self._times, dtype=np.float64),
            sources=self._sources,
            reports=reports,
        )
        self._lengths, self._legs = array.array("q"), array.array("q")
        self._times = array.array("d")
        self._sources = []
        self._instead.clear()
        return arrivals

    # --- sending --------------------------------------------------------------------------------

    def aim(self, leg: int, sock: socket.socket, target: Address | None, connected: bool) -> None:
        self._sends[leg] = send = _sender(sock, target, connected)
        for departures in self._plan:
            for departure in departures:
                if departure.leg == leg:
                    departure.send = send

    def schedule(self, leg: int, views: Sequence[memoryview], slots: Sequence[int]) -> None:
        # Whoever was not aimed has nowhere to send to.
        send = self._sends.get(leg, len)
        for number, (slot, view) in enumerate(zip(slots, views, strict=True)):
            self._plan[slot].append(_Departure(leg, send, view, number == 0))

    def unschedule(self, leg: int, slots: Sequence[int]) -> None:
        for slot in slots:
            self._plan[slot] = [d for d in self._plan[slot] if d.leg != leg]

    def forget(self, leg: int) -> None:
        self._sends.pop(leg, None)

    def send_instead(self, leg: int, view: memoryview) -> None:
        self._instead[leg] = view

    def planned(self, slot: int) -> int:
        return len(self._plan[slot])

    def flush(self, slot: int) -> None:
        departures = iter(self._plan[slot])
        while True:
            try:
                if self._instead:
                    self._send_or_replace(departures)
                else:
                    for departure in departures:
                        departure.send(departure.view)
                return
            except ConnectionRefusedError:
                self.counters.refused += 1
            except OSError:
                self.counters.failed += 1

    def step(self, slot: int | None, deadline: float) -> Iterable[int]:
        time.sleep(max(0.0, deadline - time.monotonic()))
        if slot is not None:
            self.flush(slot)
        others: Iterable[int] = ()
        for _ in range(ROUNDS):
            readable, others = self.read(0.0)
            if others or not readable:
                break
        return others

    def _send_or_replace(self, departures: Iterator[_Departure]) -> None:
        for departure in departures:
            view = self._instead.get(departure.leg)
            if view is None:
                departure.send(departure.view)
            elif departure.first:
                departure.send(view)


def _sender(sock: socket.socket, target: Address | None, connected: bool) -> _Send:
    """How a packet is sent: connected sockets are cheaper for the kernel."""
    if connected:
        return sock.send
    sendto = sock.sendto
    if target is None:
        return len  # nowhere to send to: nothing happens
    return lambda view: sendto(view, target)
