"""The legs' RTP and RTCP sockets: opened, listened to, aimed, closed; and when each leg sends.

One read per readable socket and round, so that a flood costs its own leg only; a connected socket
once the peer's address is certain, so that the kernel drops strangers. Errors of single sends and
reads (a peer's port is closed, a route is gone) are counted and end nothing. The packets themselves
are read and sent by a Traffic (runtime/media/traffic.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from runtime.media.clock import STEPS
from runtime.media.ports import BOTH_FAMILIES, PortPool
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.latching import Address
from runtime.media.rtp.rtcp import MAX_COMPOUND
from runtime.media.traffic import ROUNDS, Counters, PythonTraffic, Traffic

MAX_REPORTS: Final = 256
"""RTCP packets per tick; more are dropped."""
MAX_DRAINED: Final = 512
"""Stale packets thrown away when a leg starts to listen."""
SLOT_FILL: Final = 64
"""Legs whose packets may leave in one go before the next step is used as well."""

MAPPED: Final = "::ffff:"
"""Before an IPv4 address that a socket of both families speaks to, as the kernel writes it."""

NewTraffic = Callable[[select.epoll, int], Traffic]
"""Made for the descriptors watched by an epoll, and a number of legs."""


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

    def __init__(
        self,
        host: str,
        first_port: int,
        last_port: int,
        legs: int,
        new_traffic: NewTraffic = PythonTraffic,
    ) -> None:
        self._ports = PortPool(host, first_port, last_port)
        self._both_families = host == BOTH_FAMILIES
        self._pairs: dict[int, _Pair] = {}
        self._epoll = select.epoll()
        self.traffic = new_traffic(self._epoll, legs)
        self._others: dict[int, Callable[[float], None]] = {}
        """By descriptor: what to do when it is readable and not attended by the traffic."""
        self._reports: list[tuple[int, bytes, Address]] = []
        self._reports_failed = 0

    @property
    def counters(self) -> Counters:
        """Errors since the start."""
        counted = self.traffic.counters
        return Counters(counted.refused, counted.failed + self._reports_failed)

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
        self._others[pair.rtp.fileno()] = lambda now: self._receive_from(leg, pair, now)
        self._others[pair.rtcp.fileno()] = lambda _: self._receive_report(leg, pair.rtcp)
        self._epoll.register(pair.rtp.fileno(), select.EPOLLIN)
        self._epoll.register(pair.rtcp.fileno(), select.EPOLLIN)

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        pair = self._pairs[leg]
        if pair.exclusive:
            _disconnect(pair.rtp)
            self.traffic.leave(pair.rtp)
        if self._both_families:
            rtp, rtcp = _mapped(rtp), _mapped(rtcp)
        pair.target, pair.reports_to = rtp, rtcp
        pair.exclusive = exclusive and rtp is not None and _connect(pair.rtp, rtp)
        self.traffic.aim(leg, pair.rtp, rtp, pair.exclusive)

    def schedule(self, leg: int, views: Sequence[memoryview]) -> None:
        pair = self._pairs[leg]
        slot = self._choose_slot(len(views))
        pair.slots = tuple(slot + n * STEPS // len(views) for n in range(len(views)))
        self.traffic.schedule(leg, views, pair.slots)

    def unschedule(self, leg: int) -> None:
        pair = self._pairs[leg]
        self.traffic.unschedule(leg, pair.slots)
        pair.slots = ()

    def send_instead(self, leg: int, view: memoryview) -> None:
        self.traffic.send_instead(leg, view)

    def send_report(self, leg: int, data: bytes) -> None:
        pair = self._pairs[leg]
        if pair.reports_to is not None:
            # One address for both means that they share our port, too (RFC 5761).
            sock = pair.rtp if pair.reports_to == pair.target else pair.rtcp
            try:
                sock.sendto(data, pair.reports_to)
            except OSError:
                self._reports_failed += 1

    def close(self, leg: int) -> None:
        pair = self._pairs.pop(leg)
        self.traffic.leave(pair.rtp)
        self.traffic.forget(leg)
        for sock in (pair.rtp, pair.rtcp):
            if pair.listening:
                self._epoll.unregister(sock.fileno())
                self._others.pop(sock.fileno(), None)
            sock.close()

    # --- all legs -------------------------------------------------------------------------------

    def watch(self, fd: int, on_readable: Callable[[], None]) -> None:
        """Have another descriptor watched by the same epoll."""
        self._others[fd] = lambda _: on_readable()
        self._epoll.register(fd, select.EPOLLIN)

    def collect(self, timeout_s: float = 0.0) -> bool:
        """Read what has come (or comes within the time, whole milliseconds); False for nothing."""
        for round_number in range(ROUNDS):
            readable, others = self.traffic.read(0.0 if round_number else timeout_s)
            self.serve(others)
            if not readable:
                return round_number > 0
        return True

    def serve(self, others: Iterable[int]) -> None:
        """Read what is readable beside the legs' connected sockets."""
        now = time.monotonic()
        for fd in others:
            try:
                self._others[fd](now)
            except ConnectionRefusedError:
                self.traffic.counters.refused += 1
            except OSError:  # nothing there after all (a bad checksum), or the route is gone
                continue

    def step(self, slot: int | None, deadline: float) -> None:
        """Sleep until the time, send what is planned for the step if any, read what has come."""
        others = self.traffic.step(slot, deadline)
        if others:
            self.serve(others)
            self.serve(self.traffic.read(0.0)[1])

    def take(self) -> Arrivals:
        reports, self._reports = self._reports, []
        arrivals = self.traffic.take(reports)
        if self._both_families and arrivals.sources:
            plain = [(number, _unmapped(source)) for number, source in arrivals.sources]
            return attrs.evolve(arrivals, sources=plain)
        return arrivals

    def planned(self, slot: int) -> int:
        """Packets that leave in this step of a frame."""
        return self.traffic.planned(slot)

    def flush(self, slot: int) -> None:
        """Send what is planned for this step of the frame."""
        self.traffic.flush(slot)

    # --- inside ---------------------------------------------------------------------------------

    def _receive_from(self, leg: int, pair: _Pair, now: float) -> None:
        """Read with the source's address, which the engine judges."""
        if not pair.exclusive:
            self.traffic.receive_from(leg, pair.rtp, now)
            return
        # Connected just now: what strangers sent before is still queued. Once the queue was empty,
        # the kernel vouches for the source.
        with contextlib.suppress(BlockingIOError):
            for _ in range(MAX_DRAINED):
                if not self.traffic.receive_from(leg, pair.rtp, now):
                    return
        self.traffic.attend(pair.rtp, leg)

    def _receive_report(self, leg: int, sock: socket.socket) -> None:
        data, source = sock.recvfrom(MAX_COMPOUND + 1)
        if len(self._reports) < MAX_REPORTS:
            self._reports.append((leg, data, _unmapped(source[:2])))

    def _choose_slot(self, packets: int) -> int:
        """The first step that is not full; when all are, the emptiest."""
        slots = range(STEPS // packets)
        for slot in slots:
            if self.planned(slot) < SLOT_FILL:
                return slot
        return min(slots, key=self.planned)


def _mapped(address: Address | None) -> Address | None:
    """As a socket of both families wants it."""
    if address is None or ":" in address[0]:
        return address
    return MAPPED + address[0], address[1]


def _unmapped(source: Address) -> Address:
    """As the peer is known by."""
    return source[0].removeprefix(MAPPED), source[1]


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
