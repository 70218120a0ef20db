"""All system calls of a tick on RTP and RTCP sockets: epoll, receiving, sending.

One read per readable socket and round, so that a flood costs its own leg only; a connected socket
once the peer's address is certain, so that the kernel drops strangers. Errors of single sends and
reads (a peer's port is closed, a route is gone) are counted and end nothing.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from runtime.media.clock import STEPS
from runtime.media.ports import PortPool
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import Address
from runtime.media.rtp.rtcp import MAX_COMPOUND

ROUNDS: Final = 2
"""Reads per socket and step: 8 packets in 20 ms, four times what 10 ms packets need."""
MIN_ROWS: Final = 512
ROWS_PER_LEG: Final = 4
"""Packets that a tick may hold on average; the rest waits in the kernel."""
MAX_REPORTS: Final = 256
"""RTCP packets per tick; more are dropped."""
MAX_DRAINED: Final = 512
"""Stale packets thrown away when a leg starts to listen."""
SLOT_FILL: Final = 64
"""Legs whose packets may leave in one go before the next step is used as well."""

_Send = Callable[[memoryview], int]


@attrs.define(eq=False)
class _Departure:
    """One packet a tick: how it is sent and where its octets lie."""

    leg: int
    send: _Send
    view: memoryview
    first: bool


@attrs.define(eq=False)
class _Pair:
    """The two sockets of a leg."""

    rtp: socket.socket
    rtcp: socket.socket
    target: Address | None = None
    reports_to: Address | None = None
    exclusive: bool = False
    slots: tuple[int, ...] = ()
    listening: bool = False


class UdpSockets:
    """Real sockets; implements runtime.media.rtp.datagrams.RtpSockets."""

    def __init__(self, host: str, first_port: int, last_port: int, legs: int) -> None:
        self._ports = PortPool(host, first_port, last_port)
        self._pairs: dict[int, _Pair] = {}
        self._epoll = select.epoll()
        self._readers: list[Callable[[memoryview], int] | None] = []
        """By descriptor: how a connected RTP socket is read."""
        self._leg_of: list[int] = []
        """By descriptor."""
        self._others: dict[int, Callable[[float], None]] = {}
        """By descriptor: everything that is not a connected RTP socket."""
        rows = max(MIN_ROWS, ROWS_PER_LEG * legs)
        self._rows = np.zeros((rows, MAX_PACKET), dtype=np.uint8)
        self._views = [self._rows[n].data for n in range(rows)]
        self._lengths = array.array("q")
        self._legs = array.array("q")
        self._times = array.array("d")
        self._sources: list[tuple[int, Address]] = []
        self._reports: list[tuple[int, bytes, Address]] = []
        self._plan: list[list[_Departure]] = [[] for _ in range(STEPS)]
        self._instead: dict[int, memoryview] = {}
        self.refused = 0
        """Sends and reads that failed because nobody listens there."""
        self.failed = 0
        """Sends that failed for another reason."""

    # --- one leg --------------------------------------------------------------------------------

    def open(self, leg: int) -> tuple[int, int]:
        rtp, rtcp, port = self._ports.take()
        self._pairs[leg] = _Pair(rtp, rtcp)
        return port, port + 1

    def listen(self, leg: int) -> None:
        pair = self._pairs[leg]
        _drain(pair.rtp)
        _drain(pair.rtcp)
        pair.listening = True
        self._make_room(max(pair.rtp.fileno(), pair.rtcp.fileno()))
        self._leg_of[pair.rtp.fileno()] = leg
        self._others[pair.rtp.fileno()] = lambda now: self._receive_from(leg, pair, now)
        self._others[pair.rtcp.fileno()] = lambda _: self._receive_report(leg, pair.rtcp)
        self._epoll.register(pair.rtp.fileno(), select.EPOLLIN)
        self._epoll.register(pair.rtcp.fileno(), select.EPOLLIN)

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        pair = self._pairs[leg]
        if pair.exclusive:
            _disconnect(pair.rtp)
            self._readers[pair.rtp.fileno()] = None
        pair.target, pair.reports_to, pair.exclusive = rtp, rtcp, False
        pair.exclusive = exclusive and rtp is not None and _connect(pair.rtp, rtp)
        send = _sender(pair)
        for slot in pair.slots:
            for departure in self._plan[slot]:
                if departure.leg == leg:
                    departure.send = send

    def schedule(self, leg: int, views: Sequence[memoryview]) -> None:
        pair = self._pairs[leg]
        slot = self._choose_slot(len(views))
        pair.slots = tuple(slot + n * STEPS // len(views) for n in range(len(views)))
        send = _sender(pair)
        for number, (at, view) in enumerate(zip(pair.slots, views, strict=True)):
            self._plan[at].append(_Departure(leg, send, view, number == 0))

    def unschedule(self, leg: int) -> None:
        pair = self._pairs[leg]
        for slot in pair.slots:
            self._plan[slot] = [d for d in self._plan[slot] if d.leg != leg]
        pair.slots = ()

    def send_instead(self, leg: int, view: memoryview) -> None:
        self._instead[leg] = view

    def send_report(self, leg: int, data: bytes) -> None:
        pair = self._pairs[leg]
        if pair.reports_to is not None:
            # One address for both means that they share our port, too (RFC 5761).
            sock = pair.rtp if pair.reports_to == pair.target else pair.rtcp
            try:
                sock.sendto(data, pair.reports_to)
            except OSError:
                self.failed += 1

    def close(self, leg: int) -> None:
        pair = self._pairs.pop(leg)
        for sock in (pair.rtp, pair.rtcp):
            if pair.listening:
                self._epoll.unregister(sock.fileno())
                self._others.pop(sock.fileno(), None)
                self._readers[sock.fileno()] = None
            sock.close()

    # --- all legs -------------------------------------------------------------------------------

    def watch(self, fd: int, on_readable: Callable[[], None]) -> None:
        """Have another descriptor watched by the same epoll."""
        self._make_room(fd)
        self._others[fd] = lambda _: on_readable()
        self._epoll.register(fd, select.EPOLLIN)

    def collect(self, timeout_s: float = 0.0) -> bool:
        """Read what has come (or comes within the time, whole milliseconds); False for nothing."""
        came = False
        for round_number in range(ROUNDS):
            room = len(self._views) - len(self._lengths)
            if room <= 0:
                break
            events = self._epoll.poll(0 if round_number else timeout_s, room)
            if not events:
                break
            came = True
            self._read(events, time.monotonic())
        return came

    def take(self) -> Arrivals:
        count = len(self._lengths)
        arrivals = Arrivals(
            rows=self._rows[:count],
            lengths=np.array(self._lengths, dtype=np.int64),
            legs=np.array(self._legs, dtype=np.int64),
            times=np.array(self._times, dtype=np.float64),
            sources=self._sources,
            reports=self._reports,
        )
        self._lengths, self._legs = array.array("q"), array.array("q")
        self._times = array.array("d")
        self._sources, self._reports = [], []
        self._instead.clear()
        return arrivals

    def planned(self, slot: int) -> int:
        """Packets that leave in this step of a frame."""
        return len(self._plan[slot])

    def flush(self, slot: int) -> None:
        """Send what is planned for this step of the frame."""
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
                self.refused += 1
            except OSError:
                self.failed += 1

    # --- inside ---------------------------------------------------------------------------------

    def _read(self, events: list[tuple[int, int]], now: float) -> None:
        """One packet of each readable socket."""
        readers, leg_of, views = self._readers, self._leg_of, self._views
        lengths, legs, times = self._lengths, self._legs, self._times
        pending = iter(events)
        while True:
            try:
                for fd, _ in pending:
                    reader = readers[fd]
                    if reader is None:
                        self._others[fd](now)
                    elif len(lengths) < len(views):
                        lengths.append(reader(views[len(lengths)]))
                        legs.append(leg_of[fd])
                        times.append(now)
                return
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:  # nothing there after all (a bad checksum), or the route is gone
                continue

    def _receive_from(self, leg: int, pair: _Pair, now: float) -> None:
        """Read with the source's address, which the engine judges."""
        if not pair.exclusive:
            self._receive_one(leg, pair.rtp, now)
            return
        # Connected just now: what strangers sent before is still queued. Once the queue was empty,
        # the kernel vouches for the source.
        with contextlib.suppress(BlockingIOError):
            for _ in range(MAX_DRAINED):
                if not self._receive_one(leg, pair.rtp, now):
                    return
        self._readers[pair.rtp.fileno()] = pair.rtp.recv_into

    def _receive_one(self, leg: int, sock: socket.socket, now: float) -> bool:
        number = len(self._lengths)
        if number >= len(self._views):
            return False
        length, source = sock.recvfrom_into(self._views[number])
        self._lengths.append(length)
        self._legs.append(leg)
        self._times.append(now)
        self._sources.append((number, source[:2]))
        return True

    def _receive_report(self, leg: int, sock: socket.socket) -> None:
        data, source = sock.recvfrom(MAX_COMPOUND + 1)
        if len(self._reports) < MAX_REPORTS:
            self._reports.append((leg, data, source[:2]))

    def _send_or_replace(self, departures: Iterator[_Departure]) -> None:
        for departure in departures:
            view = self._instead.get(departure.leg)
            if view is None:
                departure.send(departure.view)
            elif departure.first:
                departure.send(view)

    def _choose_slot(self, packets: int) -> int:
        """The first step that is not full; when all are, the emptiest."""
        slots = range(STEPS // packets)
        for slot in slots:
            if len(self._plan[slot]) < SLOT_FILL:
                return slot
        return min(slots, key=lambda slot: len(self._plan[slot]))

    def _make_room(self, fd: int) -> None:
        missing = fd + 1 - len(self._readers)
        self._readers += [None] * missing
        self._leg_of += [-1] * missing


def _sender(pair: _Pair) -> _Send:
    """How a packet of this leg is sent: connected sockets are cheaper for the kernel."""
    if pair.exclusive:
        return pair.rtp.send
    target, sendto = pair.target, pair.rtp.sendto
    if target is None:
        return len  # nowhere to send to: nothing happens
    return lambda view: sendto(view, target)


def _connect(sock: socket.socket, address: Address) -> bool:
    try:
        sock.connect(address)
    except OSError:  # no route; unconnected sends will say so, too
        return False
    return True


def _disconnect(sock: socket.socket) -> None:
    """Receive from everybody again (connect to AF_UNSPEC, which the socket module cannot say)."""
    nobody = (ctypes.c_ubyte * 16)()
    ctypes.CDLL(None).connect(sock.fileno(), nobody, len(nobody))


def _drain(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(MAX_DRAINED):
            sock.recv(1)
