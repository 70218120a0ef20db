"""Reading and sending by the compiled helper: a few calls a frame instead of two a packet."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.clock import STEPS
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import Address
from runtime.media.traffic import ROUNDS, Counters, row_count

from .library import Departure, Inbox, Library, Outbox, pointer, structure

NO_LEG: Final = -1
NOWHERE: Final = -1
"""In place of a descriptor."""
NOTHING_PLANNED: Final = (0, 0)
EVENT_SIZE: Final = 16
"""A struct epoll_event has 12 or 16 octets, depending on the processor."""


class NativeTraffic:
    """Implements runtime.media.traffic.Traffic."""

    def __init__(self, library: Library, epoll: select.epoll, legs: int) -> None:
        self._library = library
        count = row_count(legs)
        self._rows = np.zeros((count, MAX_PACKET), dtype=np.uint8)
        self._lengths = np.zeros(count, dtype=np.int64)
        self._legs = np.zeros(count, dtype=np.int64)
        self._times = np.zeros(count)
        self._others = np.zeros(count, dtype=np.int32)
        self._events = np.zeros(count * EVENT_SIZE, dtype=np.uint8)
        self._leg_of: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._inbox = structure(
            Inbox,
            epoll=epoll.fileno(),
            rows=pointer(self._rows),
            row_size=MAX_PACKET,
            capacity=count,
            lengths=pointer(self._lengths),
            legs=pointer(self._legs),
            times=pointer(self._times),
            others=pointer(self._others),
            events=pointer(self._events),
            events_size=self._events.nbytes,
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

    def attend(self, sock: socket.socket, leg: int) -> None:
        fd = sock.fileno()
        if fd >= len(self._leg_of):
            missing = fd + 1 - len(self._leg_of)
            more = np.full(missing, NO_LEG, dtype=np.int32)
            self._leg_of = np.concatenate((self._leg_of, more))
            self._inbox.leg_of = pointer(self._leg_of)
            self._inbox.descriptors = len(self._leg_of)
        self._leg_of[fd] = leg

    def leave(self, sock: socket.socket) -> None:
        if sock.fileno() < len(self._leg_of):
            self._leg_of[sock.fileno()] = NO_LEG

    def read(self, timeout_s: float) -> tuple[int, Iterable[int]]:
        # Rounded up as select.epoll does.
        readable = self._library.receive(self._inbox_at, -int(-timeout_s * 1000 // 1))
        return readable, self.others_found()

    def receive_from(self, leg: int, sock: socket.socket, now: float) -> bool:
        number = self._inbox.count
        if number >= len(self._rows):
            return False
        length, source = sock.recvfrom_into(self._rows[number].data)
        self._lengths[number], self._legs[number], self._times[number] = length, leg, now
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
        self._library.send(self._outbox_at, *self._plans[slot])

    def step(self, slot: int | None, deadline: float) -> Iterable[int]:
        plan = NOTHING_PLANNED if slot is None else self._plans[slot]
        inbox, outbox = self._inbox_at, self._outbox_at
        if self._library.step(inbox, outbox, deadline, ROUNDS, *plan):
            return self.others_found()
        return ()

    def others_found(self) -> list[int]:
        found: list[int] = self._others[: self._inbox.others_count].tolist()
        return found

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
