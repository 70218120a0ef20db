"""Telephone events, packet by packet: one press each, whatever is lost, repeated or reordered."""

from __future__ import annotations

import struct

import attrs

from runtime.media.dtmf import (
    DIGITS,
    PRESS_BURST,
    EventPacket,
    EventReceiver,
    EventSender,
    PressEnded,
    PressStarted,
)

TICK_S = 0.02


@attrs.frozen
class Event:
    """A telephone-event packet as a person reads it."""

    digit: str
    duration: int
    end: bool = False
    timestamp: int = 1000
    sequence: int = 0

    @property
    def payload(self) -> bytes:
        flags = 0x8A if self.end else 0x0A
        return struct.pack(">BBH", DIGITS.index(self.digit), flags, self.duration)


def press(digit: str, ms: int, timestamp: int, sequence: int) -> list[Event]:
    """What a phone sends for a press: one packet per 20 ms, the last one three times."""
    durations = [160 * n for n in range(1, ms // 20)]
    events = [Event(digit, d, False, timestamp, sequence + n) for n, d in enumerate(durations)]
    final = sequence + len(events)
    events += [Event(digit, ms * 8, True, timestamp, final + n) for n in range(3)]
    return events


def receive(
    events: list[Event | None], receiver: EventReceiver | None = None, start: float = 0.0
) -> list[tuple[float, PressStarted | PressEnded]]:
    """Feed one packet (or none) per 20 ms and list what comes out when."""
    receiver = receiver or EventReceiver()
    heard: list[tuple[float, PressStarted | PressEnded]] = []
    for n, event in enumerate(events):
        now = round(start + n * TICK_S, 3)
        out = receiver.on_time(now)
        if event is not None:
            out += receiver.on_packet(event.payload, event.timestamp, event.sequence, now)
        heard += [(now, item) for item in out]
    return heard


def test_a_press_is_reported_at_its_first_end_packet_and_once() -> None:
    assert receive([*press("5", 100, 1000, 1), *[None] * 20]) == [
        (0.0, PressStarted("5")),
        (0.08, PressEnded("5", 100)),
    ]


def test_a_press_whose_end_packets_are_lost_ends_120_ms_after_its_last_packet() -> None:
    events = [*press("5", 100, 1000, 1)[:4], *[None] * 20]
    assert receive(events) == [(0.0, PressStarted("5")), (0.18, PressEnded("5", 80))]


def test_end_packets_that_come_after_the_time_out_are_the_same_press() -> None:
    whole = press("5", 100, 1000, 1)
    heard = receive([*whole[:4], *[None] * 10, *whole[4:], *[None] * 10])
    assert [item for _, item in heard] == [PressStarted("5"), PressEnded("5", 80)]


def test_a_press_is_known_by_a_single_end_packet() -> None:
    for survivor in range(4, 7):
        heard = receive([press("9", 100, 1000, 1)[survivor], *[None] * 10])
        assert [item for _, item in heard] == [PressStarted("9"), PressEnded("9", 100)]


def test_two_presses_of_the_same_key_are_two() -> None:
    events = [*press("1", 40, 1000, 1), *press("1", 40, 1640, 6)]
    ends = [item for _, item in receive(list(events)) if isinstance(item, PressEnded)]
    assert ends == [PressEnded("1", 40)] * 2


def test_all_digits_of_40_ms_with_gaps_of_40_ms_are_seen_in_order() -> None:
    events: list[Event | None] = []
    for n, digit in enumerate(DIGITS):
        events += press(digit, 40, 1000 + 640 * n, 1 + 4 * n)
    ends = [item.digit for _, item in receive(events) if isinstance(item, PressEnded)]
    assert "".join(ends) == DIGITS


def test_a_lost_end_is_reported_when_the_next_press_begins() -> None:
    events = [*press("1", 40, 1000, 1)[:1], *press("2", 40, 1640, 6)]
    assert [item for _, item in receive(list(events))] == [
        PressStarted("1"),
        PressEnded("1", 20),
        PressStarted("2"),
        PressEnded("2", 40),
    ]


def test_stragglers_of_an_ended_press_are_not_a_new_one() -> None:
    first, *rest = press("1", 100, 1000, 1)
    heard = receive([*rest, first, *press("2", 100, 3000, 20), first, rest[-1]])
    assert [item for _, item in heard if isinstance(item, PressEnded)] == [
        PressEnded("1", 100),
        PressEnded("2", 100),
    ]


def test_a_sender_that_never_changes_its_timestamp_still_presses_twice() -> None:
    events = [*press("1", 100, 1000, 1), *press("1", 100, 1000, 8), *press("2", 60, 1000, 20)]
    ends = [item for _, item in receive(list(events)) if isinstance(item, PressEnded)]
    assert ends == [PressEnded("1", 100), PressEnded("1", 100), PressEnded("2", 60)]


def test_a_long_press_in_segments_is_one_press() -> None:
    first = [Event("3", d, False, 1000, n) for n, d in enumerate(range(160, 65441, 160))]
    second = [
        Event("3", d, False, 1000 + 65440, 500 + n) for n, d in enumerate(range(160, 8001, 160))
    ]
    end = Event("3", 8000, True, 1000 + 65440, 600)
    heard = [item for _, item in receive([*first, *second, end, end])]
    assert heard == [PressStarted("3"), PressEnded("3", (65440 + 8000) // 8)]


def test_malformed_and_unknown_events_are_counted_and_ignored() -> None:
    receiver = EventReceiver()
    for payload in (b"", b"\x01", b"\x01\x0a\x00", b"\x10\x0a\x00\xa0", b"\xff\x8a\xff\xff"):
        assert receiver.on_packet(payload, 1, 1, 0.0) == []
    assert receiver.ignored == 5
    # More octets than one event (redundant events, RFC 4733 2.5.1.2): the first one counts.
    assert receiver.on_packet(b"\x01\x8a\x00\xa0\x02\x8a\x00\xa0", 9, 9, 0.0) == [
        PressStarted("1"),
        PressEnded("1", 20),
    ]


def test_a_flood_of_presses_is_cut_to_what_a_hand_can_do() -> None:
    receiver = EventReceiver()
    out = []
    for n in range(5000):
        event = Event("1", 160, True, 1000 + 160 * n, n)
        out += receiver.on_packet(event.payload, event.timestamp, n, n * 0.001)
    ends = [item for item in out if isinstance(item, PressEnded)]
    assert PRESS_BURST <= len(ends) <= PRESS_BURST + 5 * 25 + 1
    assert receiver.ignored == 5000 - len(ends)


# --- sending ------------------------------------------------------------------------------------


def sent(sender: EventSender, frames: int, start: int = 8000) -> list[EventPacket | None]:
    return [sender.on_frame(start + 160 * n) for n in range(frames)]


def durations(packets: list[EventPacket | None]) -> list[str]:
    """ "160" for a packet, "800E" for an end packet, "" for none."""
    text = []
    for packet in packets:
        if packet is None:
            text.append("")
            continue
        _, flags, duration = struct.unpack(">BBH", packet.payload)
        text.append(f"{duration}{'E' if flags & 0x80 else ''}")
    return text


def test_a_digit_is_100_ms_of_tone_with_three_end_packets_and_100_ms_of_gap() -> None:
    sender = EventSender()
    sender.queue("5")
    packets = sent(sender, 12)
    assert durations(packets) == ["160", "320", "480", "640", *["800E"] * 3, *[""] * 5]
    assert {p.timestamp for p in packets if p} == {8000}
    assert [p.marker for p in packets if p] == [True] + [False] * 6
    assert {p.payload[0] for p in packets if p} == {5}


def test_digits_follow_each_other_every_200_ms_and_p_is_half_a_second() -> None:
    sender = EventSender()
    sender.queue("1p#")
    packets = sent(sender, 50)
    starts = [n for n, p in enumerate(packets) if p and p.marker]
    assert starts == [0, 10 + 25]
    assert [packets[n].payload[0] for n in starts] == [1, 11]  # type: ignore[union-attr]


def test_the_end_is_announced_once_after_the_last_gap() -> None:
    sender = EventSender()
    assert not sender.take_announcement()
    sender.queue("12")
    announced = []
    for n in range(30):
        sender.on_frame(160 * n)
        announced.append(sender.take_announcement())
    assert announced.index(True) == 19
    assert announced.count(True) == 1


def test_symbols_that_are_no_digits_are_refused_and_still_answered() -> None:
    sender = EventSender()
    sender.queue("xyz")
    assert sender.refused == 3
    assert sender.take_announcement()


def test_letters_may_be_small() -> None:
    sender = EventSender()
    sender.queue("aD")
    codes = [p.payload[0] for p in sent(sender, 20) if p and p.marker]
    assert codes == [12, 15]


def test_a_press_that_is_passed_on_lasts_until_it_is_released() -> None:
    sender = EventSender()
    sender.press("7")
    assert durations(sent(sender, 3)) == ["160", "320", "480"]
    sender.release("7")
    assert durations(sent(sender, 5)) == ["640E", "640E", "640E", "", ""]


def test_short_presses_passed_on_without_a_pause_all_get_their_end_packets() -> None:
    sender = EventSender()
    text: list[str] = []
    for digit in "123":
        sender.press(digit)
        text += durations(sent(sender, 1))
        sender.release(digit)
        text += durations(sent(sender, 3))
    assert text == ["160", "320E", "320E", "320E"] * 3


def test_a_press_released_at_once_still_lasts_40_ms() -> None:
    sender = EventSender()
    sender.press("0")
    sender.release("0")
    assert durations(sent(sender, 5)) == ["160", "320E", "320E", "320E", ""]


def test_a_long_press_is_sent_in_segments_that_a_receiver_counts_once() -> None:
    sender, receiver = EventSender(), EventReceiver()
    sender.press("8")
    heard = []
    markers = 0
    for n in range(520):
        if n == 500:
            sender.release("8")
        packet = sender.on_frame(8000 + 160 * n)
        if packet is not None:
            markers += packet.marker
            heard += receiver.on_packet(packet.payload, packet.timestamp, n, n * TICK_S)
    assert heard == [PressStarted("8"), PressEnded("8", 501 * 20)]
    assert markers == 1


def test_the_queue_is_bounded() -> None:
    sender = EventSender()
    for _ in range(1000):
        sender.queue("123")
    assert sender.refused == 3000 - 512


def test_in_band_digits_say_which_samples_to_play() -> None:
    sender = EventSender()
    sender.queue("1")
    frames = [sender.on_frame_in_band() for _ in range(11)]
    assert frames[:5] == [
        ("1", 0, False),
        ("1", 160, False),
        ("1", 320, False),
        ("1", 480, False),
        ("1", 640, True),
    ]
    assert frames[5:] == [None] * 6
    assert sender.take_announcement()
