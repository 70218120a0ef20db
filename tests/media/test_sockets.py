"""The engine's sockets on loopback: ports, latching by the kernel, errors that end nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial

import attrs
import pytest

from runtime.media.native.traffic import RESTING, NativeTraffic
from runtime.media.ports import PortPool
from runtime.media.rtp.datagrams import Arrivals, NoPorts
from runtime.media.sockets import SLOT_FILL, NewTraffic, UdpSockets
from runtime.media.traffic import READS, TURNS, Counters, PythonTraffic
from tests.e2e.home import has_ipv6
from tests.media.native.helper import helper

pytestmark = pytest.mark.loopback
PATIENCE_S = 30
NEAR_S = 0.01
"""Two clocks are read one after the other."""
BASE = 42_000 + os.getpid() % 500 * 16
"""Test runs beside each other use other ports."""


@contextlib.contextmanager
def telephone(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.settimeout(PATIENCE_S)
        yield sock


EngineSockets = Callable[..., contextlib.AbstractContextManager[UdpSockets]]


@pytest.fixture(params=["python", "helper"])
def engine_sockets(request: pytest.FixtureRequest) -> EngineSockets:
    """Sockets that are read and written by Python, and by the compiled helper."""
    if request.param == "python":
        return partial(_engine_sockets, PythonTraffic)
    return partial(_engine_sockets, partial(NativeTraffic, helper()))


@contextlib.contextmanager
def _engine_sockets(
    new_traffic: NewTraffic, legs: int = 4, host: str = "127.0.0.1"
) -> Iterator[UdpSockets]:
    sockets = UdpSockets(host, 0, 0, legs, new_traffic)
    opened: list[int] = []
    original = sockets.open

    def open_and_remember(leg: int) -> tuple[int, int]:
        opened.append(leg)
        return original(leg)

    sockets.open = open_and_remember  # type: ignore[method-assign]
    try:
        yield sockets
    finally:
        for leg in opened:
            with contextlib.suppress(KeyError):
                sockets.close(leg)


def collected(sockets: UdpSockets, enough: Callable[[Arrivals], bool]) -> list[Arrivals]:
    """Collect until `enough` is true of a batch."""
    until = time.monotonic() + PATIENCE_S
    batches = []
    while time.monotonic() < until:
        sockets.collect(0.01)
        batches.append(sockets.take())
        if enough(batches[-1]):
            return batches
    raise AssertionError("nothing came")


def one_packet(sockets: UdpSockets) -> tuple[bytes, Arrivals]:
    batch = collected(sockets, lambda arrivals: len(arrivals.legs) > 0)[-1]
    return batch.rows[0, : batch.lengths[0]].tobytes(), batch


def test_ports_are_even_and_odd_neighbours(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets:
        rtp, rtcp = sockets.open(0)
        assert rtp % 2 == 0
        assert rtcp == rtp + 1


def test_ports_are_given_out_in_turn_and_taken_ones_stepped_over() -> None:
    pool = PortPool("127.0.0.1", BASE + 1, BASE + 9)
    ports = []
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", BASE + 5))
        for _ in range(6):
            rtp, rtcp, port = pool.take()
            ports.append(port)
            rtp.close()
            rtcp.close()
    assert ports == [BASE + n for n in (2, 6, 8, 2, 6, 8)]


def test_a_full_range_is_refused_with_the_range_and_what_to_do() -> None:
    pool = PortPool("127.0.0.1", BASE, BASE + 3)
    taken = [pool.take(), pool.take()]
    with pytest.raises(NoPorts, match=rf"{BASE} to {BASE + 3} on 127\.0\.0\.1; widen --rtp-ports"):
        pool.take()
    for rtp, rtcp, _ in taken:
        rtp.close()
        rtcp.close()


def test_a_range_without_a_pair_is_refused() -> None:
    with pytest.raises(NoPorts):
        PortPool("127.0.0.1", BASE + 1, BASE + 2).take()


def test_what_came_before_listening_is_thrown_away(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, rtcp = sockets.open(2)
        phone.sendto(b"early", ("127.0.0.1", rtp))
        phone.sendto(b"early", ("127.0.0.1", rtcp))
        sockets.listen(2)
        phone.sendto(b"in time", ("127.0.0.1", rtp))
        data, batch = one_packet(sockets)
        assert data == b"in time"
        assert batch.legs.tolist() == [2]
        assert batch.sources == [(0, phone.getsockname())]
        assert batch.reports == []


def test_a_leg_that_is_aimed_sends_there_and_reports_beside(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone, telephone() as reports:
        rtp, rtcp = sockets.open(0)
        sockets.listen(0)
        sockets.aim(0, phone.getsockname(), reports.getsockname(), exclusive=False)
        sockets.schedule(0, [memoryview(b"audio")])
        sockets.flush(0)
        sockets.send_report(0, b"report")
        assert phone.recvfrom(100) == (b"audio", ("127.0.0.1", rtp))
        assert reports.recvfrom(100) == (b"report", ("127.0.0.1", rtcp))


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_leg_aimed_at_one_address_for_both_reports_from_its_rtp_port(
    exclusive: bool, engine_sockets: EngineSockets
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp = _listening(sockets)
        sockets.aim(0, phone.getsockname(), phone.getsockname(), exclusive=exclusive)
        sockets.send_report(0, b"report")
        assert phone.recvfrom(100) == (b"report", ("127.0.0.1", rtp))


def test_an_aimed_leg_names_all_sources_but_where_it_is_aimed(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as phone, telephone() as stranger:
        rtp = _listening(sockets)
        sockets.aim(0, phone.getsockname(), None, exclusive=False)
        for number in range(3):
            phone.sendto(b"peer %d" % number, ("127.0.0.1", rtp))
            stranger.sendto(b"stranger %d" % number, ("127.0.0.1", rtp))
        heard = _named(collected_until(sockets, 6))
        assert sorted(heard) == [
            *((b"peer %d" % number, None) for number in range(3)),
            *((b"stranger %d" % number, stranger.getsockname()) for number in range(3)),
        ]


def test_an_exclusive_leg_hears_its_peer_only(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone, telephone() as thief:
        rtp = _listening(sockets)
        thief.sendto(b"queued", ("127.0.0.1", rtp))
        sockets.aim(0, phone.getsockname(), None, exclusive=True)
        thief.sendto(b"late", ("127.0.0.1", rtp))
        phone.sendto(b"peer 1", ("127.0.0.1", rtp))
        thief.sendto(b"late again", ("127.0.0.1", rtp))
        phone.sendto(b"peer 2", ("127.0.0.1", rtp))
        heard = _named(collected_until(sockets, 2))
        assert heard == [(b"peer 1", None), (b"peer 2", None)]
        sockets.schedule(0, [memoryview(b"answer")])
        sockets.flush(0)
        assert phone.recvfrom(100) == (b"answer", ("127.0.0.1", rtp))


def test_a_leg_that_is_aimed_elsewhere_names_whom_it_was_aimed_at(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as old, telephone() as new:
        rtp = _listening(sockets)
        sockets.aim(0, old.getsockname(), None, exclusive=False)
        old.sendto(b"read before", ("127.0.0.1", rtp))
        sockets.collect()
        sockets.aim(0, new.getsockname(), None, exclusive=False)
        old.sendto(b"still here", ("127.0.0.1", rtp))
        new.sendto(b"from there", ("127.0.0.1", rtp))
        assert sorted(_named(collected_until(sockets, 3))) == [
            (b"from there", None),
            (b"read before", old.getsockname()),
            (b"still here", old.getsockname()),
        ]


def test_no_other_program_can_share_a_legs_port(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp = _listening(sockets)
        for exclusive in (False, True):
            sockets.aim(0, phone.getsockname(), None, exclusive=exclusive)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind(("127.0.0.1", rtp))


def test_a_peer_that_begins_to_listen_late_gets_every_packet_from_then_on(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets:
        with telephone() as phone:
            address = phone.getsockname()
        _listening(sockets)
        sockets.aim(0, address, None, exclusive=False)
        sockets.schedule(0, [memoryview(b"audio")])
        for _ in range(3):
            sockets.flush(0)
        assert sockets.counters.refused > 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(address)
            phone.settimeout(PATIENCE_S)
            for _ in range(3):
                sockets.flush(0)
            assert [phone.recv(100) for _ in range(3)] == [b"audio"] * 3
        assert sockets.counters.failed == 0


@pytest.mark.parametrize("sending", [True, False])
def test_a_line_that_was_silent_for_long_is_read_in_the_next_frame(
    engine_sockets: EngineSockets, sending: bool
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, _ = _connected(sockets, phone)
        if sending:
            sockets.schedule(0, [memoryview(b"audio")])
        for _ in range(3 * RESTING):
            sockets.collect()
            sockets.flush(0)
        assert len(sockets.take().legs) == 0
        phone.sendto(b"again", ("127.0.0.1", rtp))
        sockets.flush(0)
        sockets.collect()
        assert _contents(sockets.take()) == [b"again"]


def test_a_burst_that_ends_a_long_silence_does_not_wait_in_the_kernel(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, _ = _connected(sockets, phone)
        sockets.schedule(0, [memoryview(b"audio")])
        for _ in range(3 * RESTING):
            sockets.collect()
            sockets.flush(0)
        for _ in range(4):
            phone.sendto(bytes(172), ("127.0.0.1", rtp))
        sockets.flush(0)
        sockets.collect()
        assert len(sockets.take().legs) == 4


def collected_until(sockets: UdpSockets, packets: int) -> list[Arrivals]:
    """Batches that hold so many packets together; copies, as batches live until the next one."""
    until, batches, count = time.monotonic() + PATIENCE_S, [], 0
    while count < packets and time.monotonic() < until:
        sockets.collect(0.01)
        batch = sockets.take()
        batches.append(attrs.evolve(batch, rows=batch.rows.copy(), lengths=batch.lengths.copy()))
        count += len(batch.legs)
    return batches


def _named(batches: list[Arrivals]) -> list[tuple[bytes, tuple[str, int] | None]]:
    """Each packet, and its source if that is told."""
    return [
        (data, dict(batch.sources).get(number))
        for batch in batches
        for number, data in enumerate(_contents(batch))
    ]


def _contents(batch: Arrivals) -> list[bytes]:
    return [row[:length].tobytes() for row, length in zip(batch.rows, batch.lengths, strict=True)]


def test_an_exclusive_leg_can_be_aimed_anew_and_keeps_its_port(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as old, telephone() as new:
        rtp = _listening(sockets)
        sockets.aim(0, old.getsockname(), None, exclusive=True)
        sockets.schedule(0, [memoryview(b"audio")])
        sockets.aim(0, new.getsockname(), None, exclusive=False)
        sockets.flush(0)
        assert new.recvfrom(100) == (b"audio", ("127.0.0.1", rtp))
        new.sendto(b"hello", ("127.0.0.1", rtp))
        old.sendto(b"not yet gone", ("127.0.0.1", rtp))
        assert sorted(_named(collected_until(sockets, 2))) == [
            (b"hello", None),
            (b"not yet gone", old.getsockname()),
        ]


def test_a_peer_that_is_gone_is_counted_and_the_others_go_on(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        with telephone() as gone:
            address = gone.getsockname()
        for leg, target in ((0, address), (1, phone.getsockname())):
            sockets.open(leg)
            sockets.listen(leg)
            sockets.aim(leg, target, target, exclusive=True)
            sockets.schedule(leg, [memoryview(b"audio")])
        for _ in range(10):
            sockets.flush(0)
            sockets.collect()
        assert sockets.counters.refused > 0
        assert [phone.recv(100) for _ in range(10)] == [b"audio"] * 10


def test_a_leg_without_a_target_sends_nothing(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets:
        _listening(sockets)
        sockets.aim(0, None, None, exclusive=False)
        sockets.schedule(0, [memoryview(b"audio")])
        sockets.flush(0)
        sockets.send_report(0, b"report")
        assert sockets.counters == Counters()


def test_a_flood_on_one_leg_is_read_a_few_packets_at_a_time(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as flood, telephone() as phone:
        ports = []
        for leg in (0, 1):
            ports.append(sockets.open(leg)[0])
            sockets.listen(leg)
        for _ in range(60):
            flood.sendto(b"flood", ("127.0.0.1", ports[0]))
        phone.sendto(b"peer", ("127.0.0.1", ports[1]))
        sockets.collect()
        batch = sockets.take()
        assert batch.legs.tolist().count(0) == READS
        assert batch.legs.tolist().count(1) == 1


def test_a_packet_longer_than_a_row_is_cut_to_the_row(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp = _listening(sockets)
        phone.sendto(bytes(5000), ("127.0.0.1", rtp))
        _, batch = one_packet(sockets)
        assert batch.lengths.tolist() == [batch.rows.shape[1]]


def test_reports_come_with_their_source(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        _, rtcp = sockets.open(3)
        sockets.listen(3)
        phone.sendto(b"report", ("127.0.0.1", rtcp))
        batch = collected(sockets, lambda a: len(a.reports) > 0)[-1]
        assert batch.reports == [(3, b"report", phone.getsockname())]


def test_packets_of_many_legs_are_spread_over_the_steps_of_a_frame(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets(legs=5 * SLOT_FILL) as sockets:
        for leg in range(5 * SLOT_FILL):
            sockets.open(leg)
            sockets.listen(leg)
            sockets.schedule(leg, [memoryview(b"audio")])
        planned = [sockets.planned(slot) for slot in range(4)]
        assert sum(planned) == 5 * SLOT_FILL
        assert max(planned) == min(planned) == 5 * SLOT_FILL // 4


def test_two_packets_of_a_leg_leave_ten_milliseconds_apart(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        _listening(sockets)
        sockets.aim(0, phone.getsockname(), None, exclusive=False)
        sockets.schedule(0, [memoryview(b"first"), memoryview(b"second")])
        assert [sockets.planned(slot) for slot in range(4)] == [1, 0, 1, 0]
        sockets.send_instead(0, memoryview(b"event"))
        for slot in range(4):
            sockets.flush(slot)
        sockets.take()
        for slot in range(4):
            sockets.flush(slot)
        assert [phone.recv(100) for _ in range(3)] == [b"event", b"first", b"second"]
        sockets.unschedule(0)
        assert [sockets.planned(slot) for slot in range(4)] == [0, 0, 0, 0]


def test_descriptors_that_are_used_again_belong_to_the_new_leg(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        for leg in range(4):
            rtp, _ = sockets.open(leg)
            sockets.listen(leg)
            sockets.aim(leg, phone.getsockname(), None, exclusive=leg % 2 == 0)
            phone.sendto(b"hello", ("127.0.0.1", rtp))
            _, batch = one_packet(sockets)
            assert batch.legs.tolist() == [leg]
            sockets.close(leg)


def test_a_step_waits_for_its_time_then_sends(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        _listening(sockets)
        sockets.aim(0, phone.getsockname(), None, exclusive=True)
        sockets.schedule(0, [memoryview(b"audio")])
        deadline = time.monotonic() + 0.01
        sockets.step(0, deadline)
        assert time.monotonic() >= deadline
        assert phone.recv(100) == b"audio"
        sockets.step(1, 0.0)
        phone.setblocking(False)
        with pytest.raises(BlockingIOError):
            phone.recv(100)


def test_what_waits_is_collected_in_one_go(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, rtcp = _connected(sockets, phone)
        phone.sendto(b"more", ("127.0.0.1", rtp))
        phone.sendto(b"report", ("127.0.0.1", rtcp))
        sockets.collect()
        arrivals = sockets.take()
        assert _contents(arrivals) == [b"more"]
        assert arrivals.reports == [(0, b"report", phone.getsockname())]


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_packet_is_stamped_when_it_comes_and_not_when_it_is_read(
    engine_sockets: EngineSockets, exclusive: bool
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp = _connected(sockets, phone)[0] if exclusive else _listening(sockets)
        before = time.monotonic()
        phone.sendto(b"audio", ("127.0.0.1", rtp))
        after = time.monotonic()
        while time.monotonic() < after + 5 * NEAR_S:
            time.sleep(NEAR_S)
        _, batch = one_packet(sockets)
        assert before - NEAR_S < batch.times[0] < after + NEAR_S


def test_one_usual_packet_is_read_in_each_frame_and_a_queue_does_not_stay(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, _ = _connected(sockets, phone)
        counts = []
        for number in range(3 * TURNS):
            for _ in range(2 if number == TURNS else 1):
                phone.sendto(bytes(172), ("127.0.0.1", rtp))
            sockets.collect()
            counts.append(len(sockets.take().legs))
        assert counts[:TURNS] == [1] * TURNS
        assert sum(counts) == 3 * TURNS + 1, "all came"
        assert set(counts) == {1, 2}


def test_after_a_frame_without_a_packet_all_that_came_late_is_read(
    engine_sockets: EngineSockets,
) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        rtp, _ = _connected(sockets, phone)
        phone.sendto(bytes(172), ("127.0.0.1", rtp))
        sockets.collect()
        sockets.take()
        assert not sockets.collect()
        for _ in range(3):
            phone.sendto(bytes(172), ("127.0.0.1", rtp))
        sockets.collect()
        assert len(sockets.take().legs) == 3


def _listening(sockets: UdpSockets) -> int:
    rtp, _ = sockets.open(0)
    sockets.listen(0)
    return rtp


def _connected(sockets: UdpSockets, phone: socket.socket) -> tuple[int, int]:
    """Leg 0 with its socket connected and attended by the traffic; RTP and RTCP port."""
    rtp, rtcp = sockets.open(0)
    sockets.listen(0)
    sockets.aim(0, phone.getsockname(), None, exclusive=True)
    phone.sendto(b"first", ("127.0.0.1", rtp))
    assert one_packet(sockets)[0] == b"first"
    return rtp, rtcp


def test_addresses_of_both_families_are_sent_to(engine_sockets: EngineSockets) -> None:
    with engine_sockets() as sockets, telephone() as phone:
        _listening(sockets)
        sockets.schedule(0, [memoryview(b"audio")])
        sockets.aim(0, ("::1", 9), None, exclusive=False)  # from an IPv4 socket: impossible
        sockets.flush(0)
        assert sockets.counters.failed == 1
        sockets.aim(0, phone.getsockname(), None, exclusive=False)
        sockets.flush(0)
        assert phone.recv(100) == b"audio"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback: both families were NOT tested")
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_sockets_of_both_families_know_their_peers_by_plain_addresses(
    engine_sockets: EngineSockets, host: str, exclusive: bool
) -> None:
    with engine_sockets(host="::") as sockets, telephone(host) as phone:
        rtp, rtcp = sockets.open(0)
        sockets.listen(0)
        where = phone.getsockname()[:2]
        phone.sendto(b"audio", (host, rtp))
        data, batch = one_packet(sockets)
        assert (data, batch.sources) == (b"audio", [(0, where)])
        phone.sendto(b"report", (host, rtcp))
        reports = collected(sockets, lambda arrivals: len(arrivals.reports) > 0)[-1].reports
        assert reports == [(0, b"report", where)]
        sockets.aim(0, where, where, exclusive=exclusive)
        sockets.schedule(0, [memoryview(b"answer")])
        for slot in range(4):
            sockets.flush(slot)
        assert phone.recv(100) == b"answer"
        sockets.send_report(0, b"ours")
        assert phone.recv(100) == b"ours"
        assert sockets.counters == Counters()
