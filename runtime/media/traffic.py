"""Reading and sending RTP packets of all legs, by plain Python: the reference for any faster way.

Knows descriptors, rows and plans, but nothing of ports, latching or RTCP (those are the business of
runtime/media/sockets.py).
"""

from __future__ import annotations

import array
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import attrs
import numpy as np

from runtime.media.clock import STEPS
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import Address

READS: Final = 8
"""Of one socket in a frame of 20 ms: four times what 10 ms packets need."""
TURNS: Final = 16
"""In one of so many frames a socket that gives the usual packet in each is asked for more, too."""
SO_TIMESTAMPNS: Final = 35
"""Has the kernel tell when it had a packet (socket(7)); the socket module has no name for it."""
STAMP: Final = struct.Struct("@qq")
"""Seconds and nanoseconds of the wall clock."""
CONTROL_SIZE: Final = socket.CMSG_SPACE(STAMP.size)
OLDEST_S: Final = 1.0
"""A stamp that is older (or in the future) means that the wall clock was set since."""
MIN_ROWS: Final = 512
ROWS_PER_LEG: Final = 4
"""Packets that a tick may hold on average; the rest waits in the kernel."""


@attrs.define
class Counters:
    """What went wrong on sockets and ended nothing."""

    refused: int = 0
    """Times that a peer's system said that nobody listens there."""
    failed: int = 0
    """Sends that failed for another reason."""


class Traffic(Protocol):
    """Rows that packets are read into, and plans of what is sent in each step of a frame."""

    @property
    def counters(self) -> Counters: ...

    @property
    def full(self) -> bool:
        """Whether no row is left for another packet."""

    def attend(self, sock: socket.socket, leg: int) -> None:
        """From now on `read` receives on this connected socket for the leg."""

    def leave(self, sock: socket.socket, peer: Address) -> None:
        """The attended socket is about to be closed, or takes from everybody again: what was read
        from it and not taken yet is named by its peer."""

    def read(self) -> bool:
        """What has come on attended sockets, up to READS packets of each; False for nothing."""

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

    def step(self, slot: int, deadline: float) -> None:
        """Sleep until the time, then send what is planned for the step."""


def row_count(legs: int) -> int:
    """Rows for packets of one tick."""
    return max(MIN_ROWS, ROWS_PER_LEG * legs)


def arrival(about: Sequence[tuple[int, int, bytes]], now: float, wall: float) -> float:
    """When the kernel had a packet, as monotonic time: `now` less its age. `about`: what
    recvmsg(2) said beside it."""
    for level, kind, data in about:
        if (level, kind, len(data)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, STAMP.size):
            seconds, nanoseconds = map(int, STAMP.unpack(data))
            age = wall - (seconds + nanoseconds * 1e-9)
            if 0 <= age <= OLDEST_S:
                return now - age
    return now


def named(
    sources: Sequence[tuple[int, Address]], legs: Sequence[int], leg: int, peer: Address
) -> list[tuple[int, Address]]:
    """The sources, and `peer` as that of the leg's other packets; `legs`: of each packet."""
    known = dict(sources)
    known.update({n: peer for n, whose in enumerate(legs) if whose == leg and n not in known})
    return sorted(known.items())


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

    def __init__(self, legs: int) -> None:
        self.counters = Counters()
        self._epoll = select.epoll()
        self._attended: dict[int, tuple[socket.socket, int]] = {}
        """By descriptor: a connected RTP socket, and whose leg's it is."""
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

    @property
    def full(self) -> bool:
        return len(self._lengths) >= len(self._views)

    def attend(self, sock: socket.socket, leg: int) -> None:
        self._attended[sock.fileno()] = sock, leg
        self._epoll.register(sock, select.EPOLLIN)

    def leave(self, sock: socket.socket, peer: Address) -> None:
        _, leg = self._attended.pop(sock.fileno())
        self._epoll.unregister(sock)
        self._sources = named(self._sources, self._legs, leg, peer)

    def read(self) -> bool:
        before = len(self._lengths)
        for _ in range(READS):
            room = len(self._views) - len(self._lengths)
            events = self._epoll.poll(0.0, room) if room else ()
            if not events:
                break
            self._receive(iter(events), time.monotonic(), time.time())
        return len(self._lengths) > before

    def _receive(self, events: Iterator[tuple[int, int]], now: float, wall: float) -> None:
        while True:
            try:
                for fd, _ in events:
                    sock, leg = self._attended[fd]
                    self._receive_one(leg, sock, now, wall)
                return
            except ConnectionRefusedError:
                self.counters.refused += 1
            except OSError:  # nothing there after all (a bad checksum), or the route is gone
                continue

    def receive_from(self, leg: int, sock: socket.socket, now: float) -> bool:
        if self.full:
            return False
        source = self._receive_one(leg, sock, now, time.time())
        self._sources.append((len(self._lengths) - 1, source[:2]))
        return True

    def _receive_one(self, leg: int, sock: socket.socket, now: float, wall: float) -> Address:
        """Into the next row; returns the source. Raises OSError."""
        view = self._views[len(self._lengths)]
        length, about, _, source = sock.recvmsg_into([view], CONTROL_SIZE)
        self._lengths.append(length)
        self._legs.append(leg)
        self._times.append(arrival(about, now, wall))
        address: Address = source
        return address

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
        self._sends[leg] = send = self._sender(sock, target, connected)
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
            except OSError:
                self.counters.failed += 1

    def step(self, slot: int, deadline: float) -> None:
        time.sleep(max(0.0, deadline - time.monotonic()))
        self.flush(slot)

    def _send_or_replace(self, departures: Iterator[_Departure]) -> None:
        for departure in departures:
            view = self._instead.get(departure.leg)
            if view is None:
                departure.send(departure.view)
            elif departure.first:
                departure.send(view)

    def _sender(self, sock: socket.socket, target: Address | None, connected: bool) -> _Send:
        """How a packet is sent: connected sockets are cheaper for the kernel."""
        if target is None:
            return len  # nowhere to send to: nothing happens
        if not connected:
            return lambda view: sock.sendto(view, target)

        def send(view: memoryview) -> int:
            try:
                return sock.send(view)
            except BlockingIOError:
                raise
            except OSError as exc:
                # What came back of an earlier packet (ICMP); this one has not been sent yet.
                self.counters.refused += isinstance(exc, ConnectionRefusedError)
                return sock.send(view)

        return send
