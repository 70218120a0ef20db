"""The playout buffer of one leg, tick by tick: what is heard is what was sent, in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import numpy as np
import pytest

from runtime.media.frames import FRAME, Samples
from runtime.media.rtp.playout import CAPACITY, MAX_SPLICES, MISSING, TARGET_LEAD, Playout
from tests.media.spectrum import tone

PERIOD = 30000
"""Timestamps are recognised in 16-bit samples up to this."""


@attrs.frozen
class Sent:
    """An audio packet: its place in the sender's stream and the timestamp it carries."""

    timestamp: int
    size: int = 160
    newest: bool = True
    restarted: bool = False
    marker: bool = False


class Line:
    """Feeds packets of a ramp (every sample is its own timestamp) and hears what comes out."""

    def __init__(self) -> None:
        self.playout = Playout(2)
        for leg in (0, 1):
            self.playout.reset(leg)
        self.heard: list[int | None] = []
        self.frames = 0

    def put(self, packet: Sent) -> bool:
        one = np.array([1])
        fitted = self.playout.fit(
            one,
            np.array([packet.timestamp & 0xFFFFFFFF]),
            np.array([packet.size]),
            marker=np.array([packet.marker]),
            newest=np.array([packet.newest]),
            restarted=np.array([packet.restarted]),
        )
        if fitted.accepted[0]:
            samples = np.array(ramp(packet.timestamp, packet.size)) + 1
            at = fitted.position[0] + np.arange(packet.size)
            legs = np.full(packet.size, 1)
            self.playout.write_samples(legs, at, samples.astype(np.int16))
        return bool(fitted.accepted[0])

    def tick(self, packets: Iterable[Sent] = ()) -> None:
        for packet in packets:
            self.put(packet)
        due, written = self.playout.due(2)
        came = due[1] if written[1] else np.full(FRAME, MISSING)
        self.heard += [None if s == MISSING else int(s) - 1 for s in came]
        self.playout.advance(2)
        self.frames += 1
        if self.frames % 50 == 0:
            self.playout.adjust(slice(0, 2))

    def run(self, ticks: int, arrivals: Callable[[int], Iterable[Sent]]) -> None:
        for n in range(ticks):
            self.tick(arrivals(n))

    @property
    def sound(self) -> list[int]:
        return [s for s in self.heard if s is not None]

    def delay(self, sent: int) -> int:
        """How far behind the sender's sample `sent` the line is."""
        last = self.heard[-1]
        assert last is not None
        return (sent - 1 - last) % PERIOD

    @property
    def gaps(self) -> int:
        """Missing samples between the first and the last one heard."""
        inner = "".join("." if s is None else "x" for s in self.heard).strip(".")
        return inner.count(".")


def ramp(start: int, count: int) -> list[int]:
    """What is heard of samples `start` and following."""
    return [(start + k) % PERIOD for k in range(count)]


def steady(n: int) -> list[Sent]:
    return [Sent(1000 + 160 * n, restarted=n == 0)]


def test_a_steady_stream_is_heard_20_ms_after_it_came_without_a_gap() -> None:
    line = Line()
    line.run(20, steady)
    assert line.heard[:TARGET_LEAD] == [None] * TARGET_LEAD
    assert line.heard[TARGET_LEAD:] == ramp(1000, 19 * 160)


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 60, 100])
def test_packets_of_any_length_give_the_same_sound(milliseconds: int) -> None:
    size = milliseconds * 8
    line = Line()

    def arrivals(n: int) -> list[Sent]:
        first, last = -(-(160 * n) // size), -(-(160 * (n + 1)) // size)
        return [Sent(size * k, size, restarted=k == 0) for k in range(first, last)]

    line.run(200, arrivals)
    settled = line.heard[50 * 160 :]
    assert None not in settled
    assert settled == ramp(settled[0] or 0, len(settled))
    assert line.gaps <= 160


def test_timestamps_wrap_without_a_gap() -> None:
    line = Line()
    start = 2**32 - 5 * 160
    line.run(12, lambda n: [Sent(start + 160 * n, restarted=n == 0)])
    assert line.gaps == 0
    assert len(line.sound) == 11 * 160


def test_packets_that_change_places_are_heard_in_order() -> None:
    line = Line()
    order = [0, 2, 1, 3, 5, 4, 6, 7]
    newest = [True, True, False, True, True, False, True, True]
    line.run(8, lambda n: [Sent(160 * order[n], newest=newest[n], restarted=n == 0)])
    line.run(2, lambda _: [])
    assert line.sound == ramp(0, 8 * 160)
    assert line.gaps == 0


def test_a_lost_packet_leaves_a_hole_of_its_length() -> None:
    line = Line()
    line.run(10, lambda n: steady(n) if n != 5 else [])
    assert line.gaps == 160
    assert line.heard[160 * 7 :] == ramp(1000 + 160 * 6, 160 * 3)


def test_a_packet_that_comes_too_late_moves_the_stream_by_one_frame() -> None:
    line = Line()
    late = {10: [], 11: [], 12: [10, 11, 12]}
    line.run(20, lambda n: [steady(k)[0] for k in late.get(n, [n])])
    # The first late packet waits one frame; nothing is lost, nothing is heard twice.
    assert line.sound == ramp(1000, len(line.sound))
    assert line.gaps == 160


def test_jitter_is_absorbed_and_its_delay_is_given_back_when_it_is_over() -> None:
    line = Line()
    generator = np.random.default_rng(1)
    arrival: dict[int, list[Sent]] = {}
    for n in range(3000):
        delay = int(generator.integers(0, 4)) if n < 1000 else 0
        arrival.setdefault(n + delay, []).extend(steady(n))
    seen = -1
    for n in range(3000):
        packets = []
        for packet in arrival.get(n, []):
            packets.append(attrs.evolve(packet, newest=packet.timestamp > seen))
            seen = max(seen, packet.timestamp)
        line.tick(packets)
    assert int(line.playout.late[1]) < 40
    assert line.delay(1000 + 3000 * 160) <= 3 * 160


@pytest.mark.parametrize("parts_per_million", [-500, -100, 100, 500])
def test_clock_drift_never_makes_the_delay_grow(parts_per_million: int) -> None:
    line = Line()
    ticks = 6000
    sent = 0
    for n in range(ticks):
        due = int((n + 1) * (1 + parts_per_million / 1e6))
        packets = [steady(k)[0] for k in range(sent, due)]
        sent = max(sent, due)
        line.tick(packets)
    assert line.delay(1000 + sent * 160) <= 4 * 160
    shifts = abs(parts_per_million) * ticks / 1e6
    assert line.gaps <= 160 * (shifts + 1)


def test_a_burst_at_the_start_does_not_stay_as_delay() -> None:
    line = Line()
    line.tick([steady(n)[0] for n in range(10)])
    line.run(500, lambda n: steady(n + 10))
    assert line.delay(1000 + 510 * 160) <= 3 * 160


def test_a_pause_with_running_timestamps_keeps_the_mapping() -> None:
    line = Line()
    line.run(10, steady)
    line.run(100, lambda _: [])
    line.run(5, lambda n: [Sent(1000 + 160 * (110 + n), marker=n == 0)])
    assert line.heard[111 * 160 :] == ramp(1000 + 160 * 110, 160 * 4)


def test_a_pause_with_timestamps_that_stood_still_maps_anew_at_once() -> None:
    line = Line()
    line.run(10, steady)
    line.run(100, lambda _: [])
    line.run(5, lambda n: steady(10 + n))
    assert line.heard[111 * 160 :] == ramp(1000 + 160 * 10, 160 * 4)


@pytest.mark.parametrize("jump", [5_000_000, -5_000_000, 2**31 - 1])
def test_a_jump_of_timestamps_is_followed_within_three_packets(jump: int) -> None:
    line = Line()
    line.run(10, steady)
    line.run(20, lambda n: [Sent(1000 + jump + 160 * (10 + n))])
    assert len(line.sound) >= 26 * 160
    assert line.delay(1000 + jump + 160 * 30) <= 3 * 160


def test_a_new_stream_replaces_the_old_one_at_once() -> None:
    line = Line()
    line.run(10, steady)
    line.run(10, lambda n: [Sent(77_000 + 160 * n, restarted=n == 0)])
    assert line.gaps == 0
    assert line.heard[11 * 160] == 77_000 % PERIOD


def test_what_is_far_too_late_is_dropped_and_counted() -> None:
    line = Line()
    line.run(10, steady)
    assert not line.put(Sent(1000 + 160 * 2, newest=False))
    assert line.playout.late[1] == 1
    line.run(5, lambda n: steady(10 + n))
    assert line.gaps == 0


def test_what_is_far_too_early_is_dropped() -> None:
    line = Line()
    line.run(10, steady)
    assert not line.put(Sent(1000 + 160 * 9 + CAPACITY))


def test_a_stall_of_the_engine_loses_its_time_and_adds_no_delay() -> None:
    line = Line()
    line.run(10, steady)
    line.playout.skip(15, 2)
    line.tick([attrs.evolve(steady(n)[0]) for n in range(10, 26)])
    line.run(10, lambda n: steady(26 + n))
    assert line.delay(1000 + 36 * 160) <= 3 * 160


def test_a_very_long_stall_leaves_nothing_old_in_the_buffer() -> None:
    line = Line()
    line.tick([steady(n)[0] for n in range(8)])
    line.playout.skip(1000, 2)
    line.run(3, lambda _: [])
    assert set(line.heard[160:]) == {None}


def hear_tones(
    frequency: Callable[[int], float], arrivals: Callable[[int], Iterable[int]], ticks: int
) -> tuple[Playout, list[Samples]]:
    """Packets of a sound whose frequency goes by the number of its packet; frames as heard."""
    playout = Playout(1)
    playout.reset(0)
    leg, heard = np.array([0]), []
    for tick in range(ticks):
        for number in arrivals(tick):
            fitted = playout.fit(
                leg,
                np.array([FRAME * number]),
                np.array([FRAME]),
                marker=np.array([False]),
                newest=np.array([True]),
                restarted=np.array([number == 0]),
            )
            sound = tone(frequency(number), 8000, 0.02)
            playout.write_frames(leg, fitted.position, sound[None, :])
        due, written = playout.due(1)
        heard.append(np.where(written[0], due[0], np.int16(MISSING)))
        playout.advance(1)
        if tick % 50 == 49:
            playout.adjust(slice(0, 1))
    return playout, heard


def waiting(playout: Playout) -> int:
    """Samples that are still to be heard."""
    return int(playout.columns()["end"][0]) - playout.clock


def test_packets_that_all_come_at_the_last_moment_are_given_time_without_a_gap() -> None:
    playout, heard = hear_tones(lambda _: 400, lambda n: [n] if n else [], 200)
    assert waiting(playout) == 160  # the first one waits for a frame, as all do
    # From the 100th on, every packet comes one tick later than before.
    playout, heard = hear_tones(
        lambda _: 400, lambda n: [n] if n < 100 else [n - 1] if n > 100 else [], 200
    )
    assert 80 <= waiting(playout) <= 160
    assert not any(MISSING in frame for frame in heard[1:])
    assert np.abs(np.diff(np.concatenate(heard[1:]).astype(int))).max() < 2600


def test_a_splice_waits_for_a_place_where_it_is_not_heard_but_not_for_ever() -> None:
    def noise_for(seconds: int) -> int:
        """Samples that wait after so many seconds of a sound that is never like itself."""
        chance = np.random.default_rng(1)
        pitches = chance.integers(100, 3400, 2000)
        early = [[0, 1, 2], *([n + 2] for n in range(1, 50 * seconds))]
        playout, _ = hear_tones(lambda n: float(pitches[n]), early.__getitem__, 50 * seconds)
        return waiting(playout)

    assert noise_for(2) == 480
    assert noise_for(12) < 480


def test_a_change_for_all_legs_at_once_is_made_up_for_some_at_a_time() -> None:
    legs = 3 * MAX_SPLICES
    playout = Playout(legs)
    for leg in range(legs):
        playout.reset(leg)
    everyone = np.arange(legs)
    level: Samples = np.full((legs, FRAME), 5000, dtype=np.int16)
    ends = playout.columns()["end"]
    for tick in range(250):
        for number in range(3) if tick == 0 else [tick + 2]:
            fitted = playout.fit(
                everyone,
                np.full(legs, FRAME * number),
                np.full(legs, FRAME),
                marker=np.zeros(legs, dtype=np.bool_),
                newest=np.ones(legs, dtype=np.bool_),
                restarted=np.full(legs, number == 0),
            )
            playout.write_frames(everyone, fitted.position, level)
        playout.advance(legs)
        if tick % 50 == 49:
            playout.adjust(slice(0, legs))
            # In the first second some packets needed their time; then each splice takes 20 ms.
            shorter = int((480 - (ends - playout.clock)).sum())
            assert shorter == MAX_SPLICES * FRAME * (tick // 50)
    assert np.count_nonzero(ends - playout.clock < 480) > MAX_SPLICES


def test_shortening_cross_fades_over_the_cut() -> None:
    playout = Playout(1)
    playout.reset(0)
    leg = np.array([0])
    flags = {"marker": np.array([False]), "newest": np.array([True])}
    level: Samples = np.full((1, FRAME), 5000, dtype=np.int16)
    for n in range(150):
        packets = range(6) if n == 0 else [n + 5]
        for k in packets:
            fitted = playout.fit(
                leg,
                np.array([160 * k]),
                np.array([160]),
                restarted=np.array([k == 0]),
                **flags,
            )
            playout.write_frames(leg, fitted.position, level)
        due, written = playout.due(1)
        if n > 0:
            assert written[0]
            assert set(due[0].tolist()) == {5000}
        playout.advance(1)
        if n % 50 == 49:
            playout.adjust(slice(0, 1))
    assert fitted.position[0] - playout.clock <= TARGET_LEAD + FRAME
