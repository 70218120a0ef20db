"""Reading and sending by the compiled helper: a few calls a frame instead of two a packet."""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.clock import STEPS
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import Address
from runtime.media.traffic import CONTROL_SIZE, Counters, arrival, named, row_count

from .library import Departure, Inbox, Library, Outbox, pointer, structure

RESTING: Final = 50
"""Frames in a row without a packet (1 s), after which a socket is asked when it sends: engine.c."""
NOWHERE: Final = -1
"""In place of a descriptor."""
NOTHING_PLANNED: Final = (0, 0)


class NativeTraffic:
    """Implements runtime.media.traffic.Traffic."""

    def __init__(self, library: Library, legs: int) -> None:
        self._library = library
        count = row_count(legs)
        self._rows = np.zeros((count, MAX_PACKET), dtype=np.uint8)
        self._lengths = np.zeros(count, dtype=np.int64)
        self._legs = np.zeros(count, dtype=np.int64)
        self._times = np.zeros(count)
        self._numbers: dict[int, int] = {}
        """By descriptor: the place of a connected socket in the columns below."""
        self._sockets = np.zeros(legs, dtype=np.int32)
        self._socket_legs = np.zeros(legs, dtype=np.int32)
        self._idle = np.zeros(legs, dtype=np.uint8)
        """By leg: in how many frames in a row its connected socket had nothing."""
        self._again = np.zeros(legs, dtype=np.int32)
        self._inbox = structure(
            Inbox,
            sockets=pointer(self._sockets),
            socket_legs=pointer(self._socket_legs),
            idle=pointer(self._idle),
            idle_count=legs,
            again=pointer(self._again),
            rows=pointer(self._rows),
            row_size=MAX_PACKET,
            capacity=count,
            lengths=pointer(self._lengths),
            legs=pointer(self._legs),
            times=pointer(self._times),
        )
        self._sources: list[tuple[int, Address]] = []
        self._departures: Any = (Departure * legs)()
        for departure in self._departures:
            departure.fd = NOWHERE
        self._outbox = structure(Outbox, departures=ctypes.addressof(self._departures), legs=legs)
        self._inbox_at = ctypes.addressof(self._inbox)
        self._outbox_at = ctypes.addressof(self._outbox)
        self._plan: list[list[int]] = [[] for _ in range(STEPS)]
        """What is sent in each step: a leg's number times two, plus which of its packets."""
        self._plan_arrays = [np.zeros(0, dtype=np.int32) for _ in range(STEPS)]
        self._plans = [NOTHING_PLANNED] * STEPS
        """Where the arrays lie, and how long they are."""
        self._views: dict[int, list[NDArray[np.uint8]]] = {}
        self._instead: dict[int, NDArray[np.uint8]] = {}
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        self._counters.refused += self._inbox.refused + self._outbox.refused
        self._counters.failed += self._outbox.failed
        self._inbox.refused = self._outbox.refused = self._outbox.failed = 0
        return self._counters

    # --- frames in a row ------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """How many packets a tick may hold."""
        return len(self._rows)

    @property
    def places(self) -> tuple[int, int]:
        """Where inbox and outbox lie."""
        return self._inbox_at, self._outbox_at

    @property
    def judged_sources(self) -> bool:
        """Whether packets wait whose source is to be judged; they stay in their rows."""
        return bool(self._sources)

    def lay_plans(self, cruise: Any) -> None:
        for step, (place, count) in enumerate(self._plans):
            cruise.plans[step], cruise.planned[step] = place, count

    # --- receiving ------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        return bool(self._inbox.count >= len(self._rows))

    def attend(self, sock: socket.socket, leg: int) -> None:
        number = self._numbers[sock.fileno()] = len(self._numbers)
        self._sockets[number], self._socket_legs[number] = sock.fileno(), leg
        self._idle[leg] = 1
        self._inbox.sockets_count = len(self._numbers)

    def leave(self, sock: socket.socket, peer: Address) -> None:
        number = self._numbers.pop(sock.fileno())
        waiting = self._legs[: self._inbox.count].tolist()
        self._sources = named(self._sources, waiting, int(self._socket_legs[number]), peer)
        last = len(self._numbers)
        if number < last:  # the last one takes its place
            for column in (self._sockets, self._socket_legs):
                column[number] = column[last]
            self._numbers[int(self._sockets[number])] = number
        self._inbox.sockets_count = last

    def read(self) -> bool:
        return self._library.read(self._inbox_at) > 0

    def receive_from(self, leg: int, sock: socket.socket, now: float) -> bool:
        number = self._inbox.count
        if number >= len(self._rows):
            return False
        length, about, _, source = sock.recvmsg_into([self._rows[number].data], CONTROL_SIZE)
        self._lengths[number], self._legs[number] = length, leg
        self._times[number] = arrival(about, now, time.time())
        self._inbox.count = number + 1
        self._sources.append((number, source[:2]))
        return True

    def take(self, reports: Sequence[tuple[int, bytes, Address]]) -> Arrivals:
        count = self._inbox.count
        arrivals = Arrivals(
            rows=self._rows[:count],
            lengths=self._lengths[:count],
            legs=self._legs[:count],
            times=self._times[:count],
            sources=self._sources,
            reports=reports,
        )
        self._inbox.count = 0
        self._sources = []
        for leg in self._instead:
            self._departures[leg].instead_size = 0
        self._instead.clear()
        return arrivals

    # --- sending --------------------------------------------------------------------------------

    def aim(self, leg: int, sock: socket.socket, target: Address | None, connected: bool) -> None:
        departure = self._departures[leg]
        departure.fd = NOWHERE if target is None else sock.fileno()
        address = b"" if connected or target is None else _socket_address(target)
        departure.address_size = len(address)
        ctypes.memmove(departure.address, address, len(address))

    def schedule(self, leg: int, views: Sequence[memoryview], slots: Sequence[int]) -> None:
        self._views[leg] = octets = [np.frombuffer(view, dtype=np.uint8) for view in views]
        departure = self._departures[leg]
        for part, (slot, packet) in enumerate(zip(slots, octets, strict=True)):
            departure.packets[part], departure.sizes[part] = pointer(packet), len(packet)
            self._plan[slot].append(2 * leg + part)
            self._renew(slot)

    def unschedule(self, leg: int, slots: Sequence[int]) -> None:
        for slot in slots:
            self._plan[slot] = [entry for entry in self._plan[slot] if entry // 2 != leg]
            self._renew(slot)
        self._views.pop(leg, None)

    def forget(self, leg: int) -> None:
        self._departures[leg].fd = NOWHERE

    def send_instead(self, leg: int, view: memoryview) -> None:
        self._instead[leg] = octets = np.frombuffer(view, dtype=np.uint8)
        departure = self._departures[leg]
        departure.instead, departure.instead_size = pointer(octets), len(octets)

    def planned(self, slot: int) -> int:
        return len(self._plan[slot])

    def flush(self, slot: int) -> None:
        self._library.send(*self.places, *self._plans[slot])

    def step(self, slot: int, deadline: float) -> None:
        self._library.step(*self.places, deadline, *self._plans[slot])

    def _renew(self, slot: int) -> None:
        entries = self._plan_arrays[slot] = np.array(self._plan[slot], dtype=np.int32)
        self._plans[slot] = pointer(entries), len(entries)


def _socket_address(address: Address) -> bytes:
    """A sockaddr_in or sockaddr_in6 of a numeric address."""
    host, port = address
    if ":" not in host:
        return struct.pack("=H2s4s8x", socket.AF_INET, port.to_bytes(2), socket.inet_aton(host))
    host, _, zone = host.partition("%")
    scope = int(zone) if zone.isdigit() else _interface(zone)
    numbers = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("=H2sI16sI", socket.AF_INET6, port.to_bytes(2), 0, numbers, scope)


def _interface(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:  # gone, or none given: the kernel chooses, or refuses to send
        return 0
