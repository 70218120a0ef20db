"""What networks and senders do to packets, packet by packet, in both engines.

Each packet holds one sample value that tells its number. A transcript lists the numbers of the
packets that come in each tick; what is heard is listed the same way, a frame a tick, with None for
what was made up.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from runtime.media.codec import Law, decode
from runtime.media.native.library import Library
from runtime.media.port import LegClosed, LegStatistics
from tests.media.native.helper import helper
from tests.media.packets import Packet
from tests.media.rig import Rig
from tests.media.speaker import TABLE

FIRST_TIMESTAMP = 50_000
Ticks = Sequence[Sequence[int]]


@pytest.fixture(params=["numpy", "native"])
def network(request: pytest.FixtureRequest) -> Network:
    return Network(helper() if request.param == "native" else None)


class Network:
    """One sender, and the other end of its bridge."""

    def __init__(self, library: Library | None) -> None:
        self.rig = Rig(library=library)
        self.peer = self.rig.peer()
        self.listener = self.rig.peer()
        self.rig.connect(self.peer, self.listener)
        self.rig.tick()
        self.before = len(self.listener.heard)
        self.sequence = 100
        """Of packet 0."""
        self.timestamp = FIRST_TIMESTAMP
        self.law: Law = "PCMU"

    def send(self, number: int, **changes: Any) -> None:
        """Packet `number` arrives, as it should be or changed."""
        fields: dict[str, Any] = {
            "sequence": (self.sequence + number) & 0xFFFF,
            "timestamp": (self.timestamp + 160 * number) & 0xFFFFFFFF,
            "ssrc": 0x5EED,
            "payload_type": 8 if self.law == "PCMA" else 0,
            "payload": bytes([octet_of(number, self.law)]) * 160,
        }
        self.peer.send(Packet(**{**fields, **changes}).to_bytes())

    def tick(self, *numbers: int, **changes: Any) -> None:
        for number in numbers:
            self.send(number, **changes)
        self.rig.tick()

    def run(self, ticks: Ticks) -> list[int | None]:
        """All that is heard from the first packet on."""
        for numbers in ticks:
            self.tick(*numbers)
        return self.heard

    @property
    def heard(self) -> list[int | None]:
        frames = [packet.payload for packet in self.listener.heard[self.before :]]
        numbers = [number_in(frame) for frame in frames]
        sounding = [at for at, frame in enumerate(frames) if set(frame) != {0xFF}]
        return numbers[sounding[0] :] if sounding else []

    def ended(self) -> LegStatistics:
        self.rig.close(self.peer)
        self.rig.tick()
        closed = self.rig.told(self.peer)[-1]
        assert isinstance(closed, LegClosed)
        return closed.statistics


def octet_of(number: int, law: Law = "PCMU") -> int:
    """mu-law of a level that no other number below 100 has; A-law of nearly the same one."""
    octet = 0x80 + number % 100
    if law == "PCMU":
        return octet
    level = int(decode(np.array([octet], dtype=np.uint8), "PCMU")[0])
    laws = decode(np.arange(256, dtype=np.uint8), "PCMA").astype(int)
    return int(np.abs(laws - level).argmin())


def number_in(frame: bytes) -> int | None:
    """Of the packet that a frame comes from; its first half may be a fade from what was before."""
    if len(set(frame[80:])) > 1 or frame[-1] in (0xFF, 0x7F):
        return None
    return frame[-1] - 0x80


def in_order(first: int, last: int) -> list[list[int]]:
    return [[number] for number in range(first, last)]


def numbers(first: int, last: int) -> list[int | None]:
    return list(range(first, last))


def counted(statistics: LegStatistics) -> tuple[int, int, int, int]:
    return (
        statistics.packets_lost,
        statistics.packets_late,
        statistics.packets_duplicated,
        statistics.packets_rejected,
    )


# --- lost, late, early ----------------------------------------------------------------------------


def test_packets_in_order_are_heard_in_order(network: Network) -> None:
    assert network.run(in_order(0, 40)) == numbers(0, 39)
    assert counted(network.ended()) == (0, 0, 0, 0)


def test_a_lost_packet_is_made_up_and_the_others_stay_in_their_places(network: Network) -> None:
    heard = network.run([*in_order(0, 10), [], *in_order(11, 20)])
    assert heard == [*numbers(0, 10), None, *numbers(11, 19)]
    assert counted(network.ended()) == (1, 0, 0, 0)


def test_a_long_hole_falls_silent_and_ends_where_it_should(network: Network) -> None:
    heard = network.run([*in_order(0, 10), *([[]] * 10), *in_order(20, 30)])
    assert heard == [*numbers(0, 10), *([None] * 10), *numbers(20, 29)]
    assert set(network.listener.heard[-13].payload) == {0xFF}
    assert counted(network.ended()) == (10, 0, 0, 0)


def test_a_packet_that_is_late_by_the_lead_is_heard_in_time(network: Network) -> None:
    heard = network.run([*in_order(0, 10), [], [10, 11], *in_order(12, 20)])
    assert heard == numbers(0, 19)
    assert counted(network.ended()) == (0, 0, 0, 0)


def test_a_packet_that_is_later_is_waited_for_and_then_all_wait_as_long(network: Network) -> None:
    heard = network.run([*in_order(0, 10), [], [], [10, 11, 12], *in_order(13, 20)])
    assert heard == [*numbers(0, 10), None, *numbers(10, 18)]
    assert counted(network.ended()) == (0, 0, 0, 0)


def test_a_packet_that_is_far_too_late_is_not_heard(network: Network) -> None:
    heard = network.run([*in_order(0, 10), [], *in_order(11, 20), [10, 20], *in_order(21, 30)])
    assert heard == [*numbers(0, 10), None, *numbers(11, 29)]
    assert counted(network.ended()) == (0, 1, 0, 0)


def test_a_burst_is_heard_in_order_and_its_delay_goes_away(network: Network) -> None:
    # The packets of a fifth of a second come at once.
    heard = network.run([[*range(10)], *in_order(10, 490)])
    assert heard[:50] == numbers(0, 50)
    last = heard[-1]
    assert last is not None
    assert (489 - last) % 100 <= 3
    assert counted(network.ended()) == (0, 0, 0, 0)


# --- again, in another order, around the end of numbers -------------------------------------------


def test_duplicates_are_heard_once_whenever_they_come(network: Network) -> None:
    heard = network.run([*in_order(0, 10), [10, 10], [11, 10, 9], *in_order(12, 20), [20, 3]])
    assert heard == numbers(0, 20)
    assert counted(network.ended()) == (0, 0, 4, 0)


@pytest.mark.parametrize(
    "order",
    [
        [[10], [12, 11], [], [13]],
        [[11, 10], [], [12], [13]],
        [[13, 12, 11, 10], [], [], []],
        [[10], [12], [11, 13], []],
    ],
)
def test_packets_in_another_order_are_heard_in_theirs(network: Network, order: Ticks) -> None:
    heard = network.run([*in_order(0, 10), *order, *in_order(14, 30)])
    assert heard == numbers(0, 29)
    assert counted(network.ended()) == (0, 0, 0, 0)


@pytest.mark.parametrize("codec", ["PCMU", "L16/8000"])
def test_the_jitter_of_packets_in_another_order_is_that_of_rfc_3550(codec: str) -> None:
    """A.8: by the packet that came before, and not by the newest one."""
    generator = random.Random(8)
    rig = Rig(codecs=TABLE)
    peer = rig.peer(codec=codec)
    order = sorted(range(200), key=lambda n: n + generator.choice((0, 0, 0, 1.5, 2.5)))
    jitter, before = 0.0, None
    for number in order:
        peer.send(Packet(sequence=number, timestamp=160 * number, payload=bytes(160)).to_bytes())
        transit = rig.now * 8000 - 160 * number
        if before is not None:
            jitter += (abs(transit - before) - jitter) / 16
        before = transit
        rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_late < 50
    assert closed.statistics.jitter_ms == pytest.approx(jitter / 8, abs=0.01)


def test_sequence_numbers_and_timestamps_wrap_unheard(network: Network) -> None:
    network.sequence, network.timestamp = 65_530, 2**32 - 160 * 9
    assert network.run(in_order(0, 40)) == numbers(0, 39)
    assert counted(network.ended()) == (0, 0, 0, 0)


def test_loss_and_another_order_across_the_wrap(network: Network) -> None:
    network.sequence, network.timestamp = 65_530, 2**32 - 160 * 6
    ticks = [[0], [1], [2], [3], [], [5, 4], [7, 6], [], [], [9], [10, 5], *in_order(11, 20)]
    heard = network.run(ticks)
    assert heard == [*numbers(0, 8), None, *numbers(9, 19)]
    assert counted(network.ended()) == (1, 0, 1, 0)


# --- senders that begin anew ----------------------------------------------------------------------


def test_another_ssrc_is_heard_at_once(network: Network) -> None:
    network.run(in_order(0, 10))
    network.sequence, network.timestamp = 40_000, 7
    for number in range(10, 30):
        network.tick(number, ssrc=0xBEEF)
    assert network.heard == numbers(0, 29)
    assert counted(network.ended()) == (0, 0, 0, 0)


def test_two_ssrcs_that_take_turns_are_both_heard(network: Network) -> None:
    for number in range(0, 40, 4):
        for ssrc in (0xA, 0xB):
            half = 2 * (ssrc == 0xB)
            network.tick(number + half, ssrc=ssrc)
            network.tick(number + half + 1, ssrc=ssrc)
    assert network.heard == numbers(0, 39)


@pytest.mark.parametrize("jump", [8000 * 3600, -8000 * 3600, 2**31 - 5])
def test_a_clock_that_jumps_by_hours_is_followed_after_three_packets(
    network: Network, jump: int
) -> None:
    network.run(in_order(0, 10))
    network.timestamp += jump
    heard = network.run(in_order(10, 30))
    assert heard[:10] == numbers(0, 10)
    assert heard[-17:] == numbers(12, 29)
    assert counted(network.ended()) == (0, 2, 0, 0)


@pytest.mark.parametrize("jump", [5_000, -5_000, 32_768])
def test_a_sequence_that_jumps_is_believed_at_its_second_packet(
    network: Network, jump: int
) -> None:
    network.run(in_order(0, 10))
    network.sequence += jump
    heard = network.run(in_order(10, 30))
    assert heard[:10] == numbers(0, 10)
    assert heard[-18:] == numbers(11, 29)
    assert counted(network.ended()) == (0, 0, 0, 1)


def test_a_marker_in_the_middle_of_speech_changes_nothing(network: Network) -> None:
    network.run(in_order(0, 10))
    network.tick(10, marker=True)
    assert network.run(in_order(11, 20)) == numbers(0, 19)


def test_bursts_of_a_stranger_delay_nothing(network: Network) -> None:
    chance = np.random.default_rng(4)
    network.tick(0)
    for number in range(1, 60):
        for _ in range(20):
            sequence, timestamp = (int(n) for n in chance.integers(0, 2**16, 2))
            packet = Packet(sequence=sequence, timestamp=timestamp * 65_000, ssrc=0x5EED)
            network.peer.send(packet.to_bytes(), source=("203.0.113.9", 5000))
        network.tick(number)
    assert network.heard == numbers(0, 59)
    assert counted(network.ended()) == (0, 0, 0, 59 * 20)


# --- payload types --------------------------------------------------------------------------------


def test_a_peer_may_change_its_law_at_any_packet(network: Network) -> None:
    for number in range(40):
        network.law = "PCMA" if number // 3 % 2 else "PCMU"
        network.tick(number)
    heard = [np.array(decode(np.frombuffer(p.payload, dtype=np.uint8), "PCMU")).astype(int)
             for p in network.listener.heard[-39:]]  # fmt: skip
    for number, frame in enumerate(heard):
        sent = int(decode(np.array([octet_of(number)], dtype=np.uint8), "PCMU")[0])
        assert np.abs(frame - sent).max() <= abs(sent) / 15 + 8, number


def test_packets_of_a_type_that_was_not_agreed_disturb_nothing(network: Network) -> None:
    for number in range(30):
        if number % 5 == 4:
            network.send(number, payload_type=3)
        network.tick(number)
    assert network.heard == numbers(0, 29)
    assert counted(network.ended()) == (0, 0, 0, 6)


def test_a_change_to_a_type_that_was_not_agreed_is_silence_and_is_counted(
    network: Network,
) -> None:
    network.run(in_order(0, 10))
    for number in range(10, 20):
        network.tick(number, payload_type=3)
    heard = network.run(in_order(20, 30))
    assert heard == [*numbers(0, 10), *([None] * 10), *numbers(20, 29)]
    assert network.ended().packets_rejected == 10
