"""The legs' RTP and RTCP sockets: opened, listened to, aimed, closed; and when each leg sends.

A leg's RTP port has two sockets (docs/design/doors-and-lines.md). Its line is connected to where
the leg sends: the kernel hands it what comes from there and nothing else, and a Traffic
(runtime/media/traffic.py) reads it and sends on it. Its door takes from everybody else, and what
comes there is judged, until the peer's address is certain; then it is shut, and the kernel drops
strangers. Doors are read here, one packet per readable socket and round, so that a flood costs its
own leg only. Errors of single sends and reads (a peer's port is closed, a route is gone) are
counted and end nothing.
"""

from __future__ import annotations

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
SLOT_FILL: Final = 200
"""Legs whose packets may leave in one go (1 ms, 43 kB) before the next step is used as well. That
is cheaper than small goes: whoever receives them is not woken for each packet."""
SEND_TRIES: Final = 2
"""The first may fail for what came back of an earlier packet (ICMP)."""

MAPPED: Final = "::ffff:"
"""Before an IPv4 address that a socket of both families speaks to, as the kernel writes it."""

NewTraffic = Callable[[int], Traffic]
"""Made for a number of legs."""


@attrs.define(eq=False)
class _Pair:
    """The sockets of a leg's two ports. Of door and line there is always one."""

    door: socket.socket | None
    rtcp: socket.socket
    line: socket.socket | None = None
    target: Address | None = None
    reports_to: Address | None = None
    slots: tuple[int, ...] = ()
    listening: bool = False

    @property
    def rtp(self) -> socket.socket:
        """What is sent on."""
        sock = self.line or self.door
        assert sock is not None
        return sock


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
        door, rtcp, port = self._ports.take()
        self._pairs[leg] = _Pair(door, rtcp)
        return port, port + 1

    def listen(self, leg: int) -> None:
        pair = self._pairs[leg]
        assert pair.door is not None
        _drain(pair.door)
        _drain(pair.rtcp)
        pair.listening = True
        _stamp(pair.door)
        self._open_door(leg, pair.door)
        self._watch(pair.rtcp.fileno(), lambda _: self._receive_report(leg, pair.rtcp))

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        pair = self._pairs[leg]
        if self._both_families:
            rtp, rtcp = _mapped(rtp), _mapped(rtcp)
        goes_on = rtp == pair.target and pair.line is not None and pair.door is not None
        pair.reports_to = rtcp
        if not goes_on:
            self._hang_up(leg, pair)
            pair.target = rtp
            if pair.door is not None and rtp is not None:
                pair.line = self._line(leg, pair.door, rtp)
            self.traffic.aim(leg, pair.rtp, rtp, pair.line is not None)
        if exclusive and pair.line is not None:
            self._shut_door(pair)

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
            self._reports_failed += not any(
                _sent(sock, data, pair.reports_to) for _ in range(SEND_TRIES)
            )

    def close(self, leg: int) -> None:
        pair = self._pairs.pop(leg)
        self.traffic.forget(leg)
        if pair.line is not None and pair.target is not None:
            self.traffic.leave(pair.line, pair.target)
            pair.line.close()
        if pair.door is not None and pair.listening:
            self._shut_door(pair)
        elif pair.door is not None:
            pair.door.close()
        if pair.listening:
            self._unwatch(pair.rtcp.fileno())
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

    # --- doors and lines ------------------------------------------------------------------------

    def _line(self, leg: int, door: socket.socket, target: Address) -> socket.socket | None:
        """Connected and attended; None where that is not possible, and the door sends as well."""
        line = self._ports.beside(door)
        if line is None:
            return None
        _stamp(line)
        try:
            line.connect(target)
        except OSError:  # no route; sends by the door will say so, too
            line.close()
            return None
        # Until it was connected, everybody's packets came here, too: a few microseconds.
        _drain(line)
        self.traffic.attend(line, leg)
        return line

    def _hang_up(self, leg: int, pair: _Pair) -> None:
        """What was the line is another door, if there is none."""
        line, pair.line = pair.line, None
        if line is None or pair.target is None:
            return
        self.traffic.leave(line, pair.target)
        if pair.door is None:
            _disconnect(line)
            pair.door = line
            self._open_door(leg, line)
        else:
            line.close()

    def _open_door(self, leg: int, door: socket.socket) -> None:
        """Read with the source's address, which the engine judges."""

        def receive(now: float) -> None:
            self.traffic.receive_from(leg, door, now)

        self._watch(door.fileno(), receive)

    def _shut_door(self, pair: _Pair) -> None:
        """What still waits there is of strangers, or of a source that is left."""
        door, pair.door = pair.door, None
        if door is not None:
            self._unwatch(door.fileno())
            door.close()

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


def _sent(sock: socket.socket, data: bytes, to: Address) -> bool:
    try:
        sock.sendto(data, to)
    except OSError:
        return False
    return True


def _stamp(sock: socket.socket) -> None:
    """Have the kernel tell when it had each packet."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def _disconnect(sock: socket.socket) -> None:
    """Receive from everybody again (connect to AF_UNSPEC, which the socket module cannot say)."""
    nobody = (ctypes.c_ubyte * 16)()
    ctypes.CDLL(None).connect(sock.fileno(), nobody, len(nobody))


def _drain(sock: socket.socket) -> None:
    for _ in range(MAX_DRAINED):
        try:
            sock.recv(1)
        except BlockingIOError:
            return
        except OSError:  # not of what waits here, but of what was sent (ICMP)
            continue
