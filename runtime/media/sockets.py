"""The legs' RTP and RTCP sockets: opened, listened to, aimed, closed; and when each leg sends.

A socket takes from everybody, and its packets are judged, until the peer's address is certain; then
it is connected, so that the kernel drops strangers, and is attended by a Traffic
(runtime/media/traffic.py), which sends all packets, too. The others are read here, one packet per
readable socket and round, so that a flood costs its own leg only. Errors of single sends and reads
(a peer's port is closed, a route is gone) are counted and end nothing.
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
from runtime.media.traffic import READS, SO_TIMESTAMPNS, Counters, PythonTraffic, Traffic

MAX_REPORTS: Final = 256
"""RTCP packets per tick; more are dropped."""
MAX_DRAINED: Final = 512
"""Stale packets thrown away when a leg starts to listen."""
SLOT_FILL: Final = 64
"""Legs whose packets may leave in one go before the next step is used as well."""

MAPPED: Final = "::ffff:"
"""Before an IPv4 address that a socket of both families speaks to, as the kernel writes it."""

NewTraffic = Callable[[int], Traffic]
"""Made for a number of legs."""


@attrs.define(eq=False)
class _Pair:
    """The two sockets of a leg."""

    rtp: socket.socket
    rtcp: socket.socket
    target: Address | None = None
    reports_to: Address | None = None
    exclusive: bool = False
    attended: bool = False
    """Read by the traffic; otherwise here."""
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
        self.traffic = new_traffic(legs)
        self._epoll = select.epoll()
        self._others: dict[int, Callable[[float], None]] = {}
        """By descriptor, of those that the epoll watches: what to do when it is readable."""
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
        pair.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._watch(pair.rtp.fileno(), lambda now: self._receive_from(leg, pair, now))
        self._watch(pair.rtcp.fileno(), lambda _: self._receive_report(leg, pair.rtcp))

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        pair = self._pairs[leg]
        if pair.exclusive:
            _disconnect(pair.rtp)
            self._read_here(leg, pair)
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
        self.traffic.forget(leg)
        if pair.attended:
            self.traffic.leave(pair.rtp)
        elif pair.listening:
            self._unwatch(pair.rtp.fileno())
        if pair.listening:
            self._unwatch(pair.rtcp.fileno())
        pair.rtp.close()
        pair.rtcp.close()

    # --- all legs -------------------------------------------------------------------------------

    def watch(self, fd: int, on_readable: Callable[[], None]) -> None:
        """Have another descriptor looked after whenever packets are collected."""
        self._watch(fd, lambda _: on_readable())

    @property
    def watched(self) -> int:
        """The descriptor that is readable when something is to be collected which the traffic does
        not read."""
        return self._epoll.fileno()

    def collect(self, timeout_s: float = 0.0) -> bool:
        """Read what has come; False for nothing. Waits up to the time for what is not attended by
        the traffic."""
        came = self.traffic.read()
        return self.collect_others(0.0 if came else timeout_s) or came

    def collect_others(self, timeout_s: float = 0.0) -> bool:
        """Read what has come beside the legs' connected sockets; False for nothing."""
        for number in range(READS):
            readable = self._epoll.poll(0.0 if number else timeout_s)
            if not readable or self.traffic.full:
                return number > 0
            self._serve(readable)
        return True

    def step(self, slot: int, deadline: float) -> None:
        """Sleep until the time, then send what is planned for the step."""
        self.traffic.step(slot, deadline)

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

    def _serve(self, readable: Iterable[tuple[int, int]]) -> None:
        now = time.monotonic()
        for fd, _ in readable:
            try:
                self._others[fd](now)
            except ConnectionRefusedError:
                self.traffic.counters.refused += 1
            except OSError:  # nothing there after all (a bad checksum), or the route is gone
                continue

    def _watch(self, fd: int, on_readable: Callable[[float], None]) -> None:
        self._others[fd] = on_readable
        self._epoll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        del self._others[fd]
        self._epoll.unregister(fd)

    def _read_here(self, leg: int, pair: _Pair) -> None:
        if pair.attended:
            self.traffic.leave(pair.rtp)
            self._watch(pair.rtp.fileno(), lambda now: self._receive_from(leg, pair, now))
            pair.attended = False

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
        self._unwatch(pair.rtp.fileno())
        self.traffic.attend(pair.rtp, leg)
        pair.attended = True

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
