"""Packets that wait to be decoded: on time, late, lost, reordered, of any length, at any clock.

A payload is one number, which the decoder below turns into samples of that value; made-up samples
are -1, restored ones the number of the following packet made negative.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.media.codecs.coding import Format, Samples
from runtime.media.rtp.packet_playout import MAX_STORED, PacketPlayout, Voice

MADE_UP = -1
WIDE = Format(name="test", clock_hz=48000, rate_hz=16000)
STEP = 960


class Numbers:
    """20 ms a packet unless its second octet says another number of milliseconds."""

    def decode(self, payload: bytes) -> Samples | None:
        if payload == b"bad":
            return None
        length = payload[1] if len(payload) > 1 else 20
        return np.full(16 * length, payload[0], np.int16)

    def conceal(self, count: int, following: bytes | None) -> Samples:
        value = -following[0] if following else MADE_UP
        return np.full(count, value, np.int16)

    def pause(self) -> None:
        return


class Line:
    """A playout and the packets of one sender."""

    def __init__(self, voice: Voice | None = None) -> None:
        self.voice = voice or Voice(WIDE, Numbers())
        self.playout = PacketPlayout(320)

    def put(self, number: int, at: int | None = None, *, restarted: bool = False) -> None:
        self.put_payload(bytes([number]), number if at is None else at, restarted=restarted)

    def put_payload(self, payload: bytes, at: int, *, restarted: bool = False) -> None:
        timestamp = (at * STEP) & 0xFFFFFFFF
        self.playout.put(timestamp, payload, self.voice, restarted=restarted)

    def frame(self) -> int:
        """The one value of the next 20 ms."""
        samples = self.playout.pull()
        assert len(samples) == 320
        assert len(set(samples.tolist())) == 1, samples
        return int(samples[0])

    def frames(self, count: int) -> list[int]:
        return [self.frame() for _ in range(count)]


def started() -> Line:
    """Packet 1 came, is heard one frame later, and 2 is due next."""
    line = Line()
    line.put(1, restarted=True)
    line.frame()
    line.put(2)
    assert line.frame() == 1
    return line


def test_before_the_first_packet_there_is_silence() -> None:
    assert Line().frames(3) == [0, 0, 0]


def test_packets_in_order_are_heard_in_order() -> None:
    line = started()
    for number in range(3, 9):
        line.put(number)
        assert line.frame() == number - 1


def test_packets_out_of_order_are_heard_in_order() -> None:
    line = started()
    line.put(4)
    assert line.frame() == 2
    line.put(3)
    assert line.frames(2) == [3, 4]


def test_a_lost_packet_is_restored_from_the_one_after_it() -> None:
    line = started()
    line.put(4)
    assert line.frames(3) == [2, -4, 4]


def test_of_a_longer_hole_only_the_end_is_restored() -> None:
    line = started()
    line.put(6)
    assert line.frames(5) == [2, MADE_UP, MADE_UP, -6, 6]


def test_a_malformed_packet_is_made_up_and_counted() -> None:
    line = started()
    line.put_payload(b"bad", 3)
    line.put(4)
    assert line.frames(3)[0] == 2
    assert line.playout.malformed == 1
    line.put(5)
    assert line.frame() == 5


def test_a_late_packet_makes_the_next_ones_wait_a_frame_longer() -> None:
    line = started()
    assert line.frames(2) == [2, MADE_UP]
    line.put(3)
    assert line.frame() == 3
    line.put(4)
    line.put(5)
    assert line.frames(2) == [4, 5]


def test_a_packet_that_is_far_too_late_is_lost() -> None:
    line = started()
    for number in (3, 4, 5):
        line.put(number)
    line.frames(4)
    line.put(6)
    line.frame()
    line.put(2)
    assert line.playout.late == 1


def test_delay_that_nothing_needs_is_cut_after_a_second() -> None:
    line = started()
    for number in range(3, 9):
        line.put(number)  # a burst
    heard = line.frames(1)
    for number in range(9, 14):
        line.put(number)
        heard.append(line.frame())
    line.playout.adjust()
    line.put(14)
    line.put(15)
    line.playout.pull()
    line.playout.adjust()
    for number in range(16, 30):
        line.put(number)
        samples = line.playout.pull()
        heard.append(int(samples[-1]))
    delay = 29 - heard[-1]
    assert delay < 7


def test_a_clock_that_jumps_is_believed_after_three_packets() -> None:
    line = started()
    for number in range(5):
        line.put(100 + number, at=5000 + number)
        line.frame()
    line.put(105, at=5005)
    assert line.frame() == 104


def test_another_stream_begins_at_once() -> None:
    line = started()
    line.put(50, at=777_777, restarted=True)
    line.frame()
    assert line.frame() == 50


def test_another_clock_rate_begins_at_once() -> None:
    line = started()
    slow = Voice(Format(name="slow", clock_hz=8000, rate_hz=16000), Numbers())
    line.playout.put(160 * 9, bytes([9]), slow, restarted=False)
    line.frame()
    assert line.frame() == 9


def test_timestamps_may_wrap_around() -> None:
    line = Line()
    first = (1 << 32) // STEP - 2
    for number in range(8):
        line.put(number + 1, at=first + number, restarted=number == 0)
        line.frame()
    assert line.frame() == 8


def test_timestamps_that_are_a_little_off_lose_nothing() -> None:
    line, heard = Line(), []
    for number in range(12):
        timestamp = number * STEP + (-7, 0, 11)[number % 3]
        line.playout.put(timestamp, bytes([number + 1]), line.voice, restarted=number == 0)
        heard.append(line.frame())
    assert heard[1:] == list(range(1, 12))


def test_after_a_pause_speech_begins_without_the_length_of_the_pause() -> None:
    line = started()
    line.frames(200)
    line.put(3, at=203)
    line.frame()
    assert line.frame() == 3


def test_long_silence_costs_no_decoding() -> None:
    line = started()
    line.frames(60)
    assert line.frames(3) == [0, 0, 0]


@pytest.mark.parametrize("length", [10, 40, 60, 100])
def test_packets_of_other_lengths_are_heard_whole(length: int) -> None:
    line = Line()
    units = STEP * length // 20
    heard: list[int] = []
    for number in range(6):
        payload = bytes([number + 1, length])
        line.playout.put(number * units, payload, line.voice, restarted=number == 0)
        for _ in range(max(1, length // 20) if length >= 20 else number % 2):
            heard += line.playout.pull().tolist()
    for _ in range(4):
        heard += line.playout.pull().tolist()
    runs = [heard.count(number + 1) for number in range(5)]
    assert runs == [16 * length] * 5


def test_longer_packets_are_waited_for_as_long_as_they_are() -> None:
    line, heard = Line(), []
    line.put(1, restarted=True)
    for number in range(2, 20):
        heard.append(line.frame())
        line.put(number)
    for number in range(20, 25):  # of 60 ms, each sent when it was spoken
        heard += line.frames(3)
        line.put_payload(bytes([number, 60]), 19 + 3 * (number - 20))
    heard += line.frames(9)
    assert heard[1:19] == list(range(1, 19))
    # The first one came too late by what nobody knew; then all is heard.
    assert [number for number in heard[19:] if number > 20] == [21] * 3 + [22] * 3 + [23] * 3 + [
        24
    ] * 3


def test_a_flood_is_bounded() -> None:
    line = Line()
    for number in range(1000):
        line.playout.put(number * 3, b"\1", line.voice, restarted=False)
    assert line.playout.late >= 1000 - MAX_STORED


def test_a_stalled_engine_goes_on_with_what_is_due_now() -> None:
    line = started()
    for number in range(3, 8):
        line.put(number)
    line.playout.skip(3)
    assert line.frame() == 5


@given(
    steps=st.lists(
        st.one_of(
            st.none(),
            st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=3), st.booleans()),
        ),
        max_size=60,
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_comes_every_tick_has_20_ms(
    steps: list[tuple[int, bytes, bool] | None],
) -> None:
    class Wild(Numbers):
        def decode(self, payload: bytes) -> Samples | None:
            return np.full(payload[0] * 7, 5, np.int16) if payload else None

    voice, playout = Voice(WIDE, Wild()), PacketPlayout(320)
    for step in steps:
        if step is None:
            assert len(playout.pull()) == 320
            playout.adjust()
        else:
            timestamp, payload, restarted = step
            playout.put(timestamp, payload, voice, restarted=restarted)
    assert len(playout.pull()) == 320


def test_a_malformed_packet_after_one_that_overtook_others_is_made_up() -> None:
    """What a packet of 100 ms overtook lies behind the place at which something is missing."""
    line = Line()
    line.put_payload(bytes([1, 100]), 0)
    line.put(2)
    line.put(3)
    line.put_payload(b"bad", 5)
    line.put(6)
    assert line.frames(9) == [0, 1, 1, 1, 1, 1, -6, 6, MADE_UP]
    assert (line.playout.malformed, line.playout.late) == (1, 2)
