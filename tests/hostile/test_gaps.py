"""When a tone counts as broken off: the judge of the arena, judged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.audio import FRAME, Packet, encode_ulaw, silence, tone
from tests.hostile.gaps import MAX_GAP_S, Beats, gaps

SOUND = encode_ulaw(tone(440, 0.02))
SILENT = encode_ulaw(silence(0.02))


def stream(times: list[float], *, silent: frozenset[int] = frozenset()) -> list[Packet]:
    """Packets with timestamps in step, sent at these times."""
    return [
        Packet(at, n, n * FRAME, 1, 0, False, SILENT if n in silent else SOUND)
        for n, at in enumerate(times)
    ]


def steady(count: int = 100) -> list[float]:
    return [round(n * 0.02, 6) for n in range(count)]


def late(by_s: float, at: int = 50) -> list[float]:
    """From one packet on nothing comes for a while; then what is due comes at once."""
    times = steady()
    return [max(t, times[at] + by_s) if n >= at else t for n, t in enumerate(times)]


def test_a_steady_tone_has_no_gap() -> None:
    assert gaps(stream(steady()), [Beats(steady())]) == []


def test_a_packet_may_be_one_packet_late() -> None:
    assert gaps(stream(late(0.019)), [Beats(steady())]) == []


def test_a_late_engine_beside_punctual_metronomes_is_a_gap_of_its_own() -> None:
    [gap] = gaps(stream(late(0.1)), [Beats(steady()), Beats(steady())])
    assert gap.length_s == pytest.approx(0.12)
    assert gap.own_s > MAX_GAP_S
    assert gap.machine_s == pytest.approx(0)


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_machine_that_stopped_is_no_fault_of_the_engine(stopped: int) -> None:
    """Whichever processor it was on."""
    beats = [Beats(steady()), Beats(steady())]
    beats[stopped] = Beats(late(0.095))
    [gap] = gaps(stream(late(0.1)), beats)
    assert gap.own_s < MAX_GAP_S


def test_what_the_machine_does_not_explain_stays_the_engines() -> None:
    [gap] = gaps(stream(late(0.2)), [Beats(late(0.05))])
    assert gap.own_s == pytest.approx(0.17)


def test_a_machine_that_stopped_at_another_time_explains_nothing() -> None:
    [gap] = gaps(stream(late(0.1, at=50)), [Beats(late(0.3, at=10))])
    assert gap.own_s > MAX_GAP_S


def test_packets_without_tone_count_as_missing() -> None:
    [gap] = gaps(stream(steady(), silent=frozenset({50, 51})), [Beats(steady())])
    assert gap.own_s == pytest.approx(0.06)


def test_frames_that_were_skipped_count_as_missing() -> None:
    packets = stream(steady())
    jumped = [
        Packet(p.at, p.sequence, p.timestamp + (5 * FRAME if n >= 50 else 0), 1, 0, False, SOUND)
        for n, p in enumerate(packets)
    ]
    [gap] = gaps(jumped, [Beats(steady())])
    assert gap.own_s == pytest.approx(0.12)


def test_every_packet_of_the_witness_s_tone_is_loud_enough_to_be_heard() -> None:
    loudest = [np.abs(tone(440, 5.0)[n * FRAME : (n + 1) * FRAME]).max() for n in range(250)]
    assert min(loudest) > 7_000
