"""When reports are due and what they say, with clocks given by hand."""

from __future__ import annotations

import base64
import random

import attrs
import pytest

from runtime.media.rtp.reports import Heard, Reports, Sent, canonical_name, next_interval
from runtime.media.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    middle_of,
    ntp_time,
    parse_compound,
)

BLOCK = ReportBlock(
    ssrc=1,
    fraction_lost=0,
    cumulative_lost=0,
    highest_sequence=0,
    jitter=0,
    last_report=0,
    delay=0,
)
SILENT = Sent(ssrc=1, timestamp=0, packets=0, octets=0)
SPEAKING = Sent(ssrc=1, timestamp=40160, packets=250, octets=40000)


def heard(expected: int, received: int, ssrc: int = 9) -> Heard:
    return Heard(
        ssrc=ssrc, highest_sequence=65536 + expected, expected=expected, received=received, jitter=8
    )


def block_of(data: bytes) -> ReportBlock:
    report = parse_compound(data)[0]
    assert isinstance(report, SenderReport | ReceiverReport)
    return report.blocks[0]


def test_intervals_are_between_half_and_one_and_a_half_times_five_seconds_compensated() -> None:
    assert next_interval(0.0) == pytest.approx(2.05, abs=0.01)
    assert next_interval(0.999) == pytest.approx(6.15, abs=0.01)
    assert next_interval(0.5, initial=True) == pytest.approx(2.05, abs=0.01)


def test_a_leg_that_sent_nothing_in_two_intervals_sends_a_receiver_report() -> None:
    """RFC 3550 6.4: a sender is who sent "since issuing the last report or the previous one"."""
    reports = Reports("a@b", 0.0)
    first = parse_compound(reports.compound(SPEAKING, None, 5.0, 1000.0))
    second = parse_compound(reports.compound(SPEAKING, None, 10.0, 1005.0))
    third = parse_compound(reports.compound(SPEAKING, None, 15.0, 1010.0))
    assert first == [
        SenderReport(ssrc=1, ntp=ntp_time(1000.0), timestamp=40160, packets=250, octets=40000)
    ]
    assert isinstance(second[0], SenderReport)
    assert third == [ReceiverReport(ssrc=1)]
    silent = Reports("a@b", 0.0)
    assert parse_compound(silent.compound(SILENT, None, 5.0, 0.0)) == [ReceiverReport(ssrc=1)]


def test_nothing_is_said_of_a_stream_of_which_nothing_came_since_the_last_report() -> None:
    reports = Reports("a@b", 0.0)
    before = block_of(reports.compound(SILENT, heard(100, 50), 5.0, 0.0))
    in_a_pause = parse_compound(reports.compound(SILENT, heard(100, 50), 10.0, 0.0))
    after_it = block_of(reports.compound(SILENT, heard(200, 150), 15.0, 0.0))
    assert (before.fraction_lost, before.cumulative_lost) == (128, 50)
    assert in_a_pause == [ReceiverReport(ssrc=1)]
    assert (after_it.fraction_lost, after_it.cumulative_lost) == (0, 50)


def test_canonical_names_are_random_and_never_the_same() -> None:
    names = {canonical_name(random.Random(seed).random) for seed in range(100)}
    assert len(names) == 100
    assert {len(base64.b64decode(name)) for name in names} == {12}


def test_loss_is_reported_since_the_last_report_and_in_all() -> None:
    reports = Reports("a@b", 0.0)
    first = block_of(reports.compound(SILENT, heard(100, 75), 5.0, 1000.0))
    second = block_of(reports.compound(SILENT, heard(200, 175), 10.0, 1005.0))
    assert (first.fraction_lost, first.cumulative_lost) == (64, 25)
    assert (second.fraction_lost, second.cumulative_lost) == (0, 25)


def test_duplicates_never_make_the_loss_negative_and_a_new_stream_starts_at_zero() -> None:
    reports = Reports("a@b", 0.0)
    reports.compound(SILENT, heard(100, 50), 5.0, 1000.0)
    assert block_of(reports.compound(SILENT, heard(110, 120), 6.0, 0.0)).fraction_lost == 0
    fresh = block_of(reports.compound(SILENT, heard(4, 3, ssrc=10), 7.0, 0.0))
    assert fresh.fraction_lost == 64


def test_the_delay_since_the_peers_report_is_told_and_gives_both_sides_the_round_trip() -> None:
    ours, theirs = Reports("a@b", 0.0), Reports("c@d", 0.0)
    wall = 1000.0
    report = parse_compound(theirs.compound(SPEAKING, None, 0.0, wall))
    ours.on_packets(report, ours=1, now=0.05)
    block = block_of(ours.compound(SPEAKING, heard(10, 10, ssrc=1), 2.05, wall + 2.05))
    assert block.last_report == middle_of(ntp_time(wall))
    assert block.delay == pytest.approx(2 * 65536, abs=2)
    answer = ReceiverReport(ssrc=7, blocks=(block,))
    theirs.on_packets([answer], ours=1, now=2.1)
    assert theirs.round_trip_s == pytest.approx(0.1, abs=0.001)
    assert theirs.remote == block


def test_a_report_block_that_lies_about_time_gives_no_round_trip() -> None:
    reports = Reports("a@b", 0.0)
    lie = ReportBlock(
        ssrc=1,
        fraction_lost=255,
        cumulative_lost=1,
        highest_sequence=0,
        jitter=0,
        last_report=1,
        delay=0xFFFFFFFF,
    )
    reports.on_packets([ReceiverReport(ssrc=7, blocks=(lie,))], ours=1, now=1.0)
    assert reports.round_trip_s is None
    assert reports.remote == lie


def test_a_block_about_a_report_that_was_never_sent_gives_no_round_trip() -> None:
    reports = Reports("a@b", 0.0)
    sent = parse_compound(reports.compound(SPEAKING, None, 5.0, 1000.0))[0]
    assert isinstance(sent, SenderReport)
    honest = attrs.evolve(BLOCK, last_report=middle_of(sent.ntp), delay=65536)
    for last_report in (0, 1, honest.last_report + 1):
        made_up = attrs.evolve(honest, last_report=last_report)
        reports.on_packets([ReceiverReport(ssrc=7, blocks=(made_up,))], ours=1, now=6.5)
        assert reports.round_trip_s is None
    reports.on_packets([ReceiverReport(ssrc=7, blocks=(honest,))], ours=1, now=6.5)
    assert reports.round_trip_s == pytest.approx(0.5)


def test_a_block_that_was_held_longer_than_it_can_have_been_gives_no_round_trip() -> None:
    reports = Reports("a@b", 0.0)
    sent = parse_compound(reports.compound(SPEAKING, None, 5.0, 1000.0))[0]
    assert isinstance(sent, SenderReport)
    held = attrs.evolve(BLOCK, last_report=middle_of(sent.ntp), delay=2 * 65536)
    reports.on_packets([ReceiverReport(ssrc=7, blocks=(held,))], ours=1, now=6.0)
    assert reports.round_trip_s is None


def test_a_stepped_wall_clock_does_not_matter_to_the_round_trip() -> None:
    reports = Reports("a@b", 0.0)
    sent = parse_compound(reports.compound(SPEAKING, None, 5.0, 1000.0))[0]
    assert isinstance(sent, SenderReport)
    reports.compound(attrs.evolve(SPEAKING, packets=500), None, 10.0, 4600.0)
    answer = attrs.evolve(BLOCK, last_report=middle_of(sent.ntp), delay=5 * 65536)
    reports.on_packets([ReceiverReport(ssrc=7, blocks=(answer,))], ours=1, now=10.1)
    assert reports.round_trip_s == pytest.approx(0.1)


def test_the_report_of_another_stream_is_not_referred_to() -> None:
    reports = Reports("a@b", 0.0)
    other = SenderReport(ssrc=8, ntp=ntp_time(1000.0), timestamp=0, packets=1, octets=1)
    reports.on_packets([other], ours=1, now=5.0)
    block = block_of(reports.compound(SILENT, heard(10, 10, ssrc=9), 6.0, 1001.0))
    assert (block.last_report, block.delay) == (0, 0)


def test_blocks_about_others_are_not_ours() -> None:
    reports = Reports("a@b", 0.0)
    other = ReceiverReport(ssrc=7, blocks=(block_of(reports.compound(SILENT, heard(9, 1), 0, 0)),))
    reports.on_packets([other], ours=1, now=1.0)
    assert reports.remote is None


def test_the_farewell_ends_with_bye_and_a_received_bye_is_remembered() -> None:
    reports = Reports("a@b", 0.0)
    data = reports.farewell(SPEAKING, None, 5.0, 1000.0)
    packets = parse_compound(data)
    assert packets[-1] == Goodbye((1,))
    reports.on_packets(packets, ours=2, now=5.0)
    assert reports.goodbye
