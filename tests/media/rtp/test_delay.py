"""How long sound waits: more under jitter, as little as before after it, never more than the bound.

The peers here may be hostile: timestamps of any value, packets of any length, bursts, silence.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.media.codecs.l16 import L16Decoder
from runtime.media.codecs.table import FORMATS
from runtime.media.frames import FRAME
from runtime.media.rtp.concealment import Concealment
from runtime.media.rtp.header import HEADER_SIZE, MAX_PACKET
from runtime.media.rtp.packet_playout import MAX_STORED, PacketPlayout, Voice
from runtime.media.rtp.playout import CAPACITY, MAX_LEAD, MISSING, TARGET_LEAD, Playout

LEGS = 2
CHECK = 50
LONGEST = MAX_PACKET - HEADER_SIZE - 1


@attrs.frozen
class Came:
    """A packet, by its distance from where the honest stream is."""

    offset: int = 0
    size: int = FRAME
    marker: bool = False
    newest: bool = True
    restarted: bool = False


class Leg:
    """Leg 1 of a playout; what it holds never breaks its bounds."""

    def __init__(self) -> None:
        self.playout = Playout(LEGS)
        for leg in range(LEGS):
            self.playout.reset(leg)
        self.concealment = Concealment(LEGS, self.playout)
        self.rows = np.zeros((LEGS, FRAME), dtype=np.int16)
        self.ticks = 0

    @property
    def waiting(self) -> int:
        """Samples that are still to be heard."""
        return int(self.playout.columns()["end"][1]) - self.playout.clock

    def put(self, packet: Came, at: int | None = None) -> None:
        timestamp = FRAME * (self.ticks if at is None else at) + packet.offset
        fitted = self.playout.fit(
            np.array([1]),
            np.array([timestamp & 0xFFFFFFFF]),
            np.array([packet.size]),
            marker=np.array([packet.marker]),
            newest=np.array([packet.newest]),
            restarted=np.array([packet.restarted]),
        )
        if fitted.accepted[0]:
            at = int(fitted.position[0])
            assert -packet.size < at - self.playout.clock <= CAPACITY - FRAME - packet.size
            positions = at + np.arange(packet.size)
            samples = np.full(packet.size, 1000, dtype=np.int16)
            self.playout.write_samples(np.ones_like(positions), positions, samples)

    def tick(self) -> None:
        assert self.waiting <= CAPACITY - FRAME
        self.concealment.play(self.rows)
        assert MISSING not in self.rows
        self.playout.advance(LEGS)
        self.ticks += 1
        if self.ticks % CHECK == 0:
            self.playout.adjust(slice(0, LEGS))

    def calm(self, seconds: int) -> None:
        """The honest stream alone."""
        for _ in range(seconds * CHECK):
            self.put(Came())
            self.tick()


def delayed(chance: np.random.Generator, packets: int, frames: int) -> list[list[int]]:
    """By tick: packets each of which took up to so many frames longer than the quickest."""
    arrivals: list[list[int]] = [[] for _ in range(packets + frames + 1)]
    for number in range(packets):
        arrivals[number + int(chance.integers(0, frames + 1))].append(number)
    return arrivals


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8])
def test_the_delay_grows_under_jitter_and_comes_back_after_it(frames: int) -> None:
    leg, seen, waits, late = Leg(), -1, [], 0
    arrivals = delayed(np.random.default_rng(frames), 1500, frames)
    for tick in range(1500):
        for number in arrivals[tick]:
            leg.put(Came(newest=number > seen, restarted=seen < 0), at=number)
            seen = max(seen, number)
        leg.tick()
        waits.append(leg.waiting)
        if tick == 500:
            late = int(leg.playout.late[1])
    # It has learned the jitter: of the last thousand packets one of forty is late at most.
    assert int(leg.playout.late[1]) - late <= 25
    assert max(waits) <= MAX_LEAD + 2 * FRAME
    assert np.median(waits[500:]) >= (frames - 1) * FRAME / 2
    for number in range(1500, 2100):
        leg.put(Came(), at=number)
        leg.tick()
    assert leg.waiting <= TARGET_LEAD + 2 * FRAME


def any_packets() -> st.SearchStrategy[Came]:
    near = st.integers(-40, 40).map(lambda frames: frames * FRAME)
    crooked = st.integers(-6000, 6000)
    hours = st.integers(-(2**31), 2**31 - 1)
    return st.builds(
        Came,
        offset=st.one_of(st.just(0), st.just(0), near, crooked, hours),
        size=st.sampled_from([FRAME, FRAME, FRAME, 1, 40, 80, 159, 240, 480, LONGEST]),
        marker=st.booleans(),
        newest=st.sampled_from([True, True, True, False]),
        restarted=st.sampled_from([False] * 7 + [True]),
    )


def any_ticks() -> st.SearchStrategy[list[list[Came]]]:
    return st.lists(st.lists(any_packets(), max_size=4), max_size=80)


@given(ticks=any_ticks(), skipped=st.sampled_from([0, 1, 40, 5000]))
@settings(max_examples=50, deadline=None)
def test_no_peer_makes_a_leg_wait_longer_than_the_bound_or_for_good(
    ticks: list[list[Came]], skipped: int
) -> None:
    leg = Leg()
    for packets in ticks:
        for packet in packets:
            leg.put(packet)
        leg.tick()
    leg.playout.skip(skipped, LEGS)
    leg.ticks += skipped
    leg.calm(12)
    assert 0 <= leg.waiting <= TARGET_LEAD + 3 * FRAME
    before = int(leg.playout.late[1])
    leg.calm(2)
    assert int(leg.playout.late[1]) == before
    assert set(leg.rows[1].tolist()) == {1000}


def payloads(came: list[Came]) -> Iterator[tuple[Came, bytes]]:
    for packet in came:
        yield packet, np.full(packet.size, 1000, dtype=">i2").tobytes()


@given(ticks=any_ticks())
@settings(max_examples=60, deadline=None)
def test_no_peer_makes_a_coded_leg_wait_longer_than_the_bound_or_for_good(
    ticks: list[list[Came]],
) -> None:
    voice, playout = Voice(FORMATS["L16/8000"], L16Decoder(8000)), PacketPlayout(FRAME)

    def tick(number: int, came: list[Came]) -> None:
        for packet, payload in payloads(came):
            timestamp = (FRAME * number + packet.offset) & 0xFFFFFFFF
            playout.put(timestamp, payload, voice, restarted=packet.restarted)
        frame = playout.pull()
        assert len(frame) == FRAME
        state = vars(playout)
        assert len(state["_waiting"]) <= MAX_STORED
        assert len(state["_ready"]) <= LONGEST + 3 * FRAME
        if number % CHECK == CHECK - 1:
            playout.adjust()

    for number, came in enumerate(ticks):
        tick(number, came)
    calm, end = len(ticks) + 12 * CHECK, len(ticks) + 14 * CHECK
    for number in range(len(ticks), calm):
        tick(number, [Came()])
    late = playout.late
    for number in range(calm, end):
        tick(number, [Came()])
    assert playout.late == late
    # What was still to be heard, and 10 ms at full level instead of what never came.
    left = [playout.pull() for _ in range(10)]
    assert sum(int(frame[0]) == 1000 for frame in left) <= 5
