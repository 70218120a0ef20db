"""RTCP out and in: compounds, their lengths, and what hostile ones become."""

from __future__ import annotations

import pytest

from runtime.media.rtp.rtcp import (
    Description,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    middle_of,
    ntp_time,
    parse_compound,
)

BLOCK = ReportBlock(
    ssrc=0xDEADBEEF,
    fraction_lost=64,
    cumulative_lost=-2,
    highest_sequence=0x1FFFF,
    jitter=17,
    last_report=0x12345678,
    delay=65536,
)
SENDER = SenderReport(
    ssrc=1, ntp=0x0123456789ABCDEF, timestamp=160, packets=50, octets=8000, blocks=(BLOCK,)
)
RECEIVER = ReceiverReport(ssrc=1, blocks=(BLOCK, BLOCK))


def test_reports_and_goodbye_read_back_as_written() -> None:
    data = SENDER.to_bytes() + Description(1, "leg@callstage").to_bytes() + Goodbye((1,)).to_bytes()
    assert parse_compound(data) == [SENDER, Goodbye((1,))]
    assert parse_compound(RECEIVER.to_bytes()) == [RECEIVER]
    assert parse_compound(ReceiverReport(ssrc=9).to_bytes()) == [ReceiverReport(ssrc=9)]


def test_a_sender_report_has_the_layout_of_rfc_3550() -> None:
    data = SENDER.to_bytes()
    assert data[:4] == bytes([0x81, 200, 0, 12])
    assert data[28:].hex() == "deadbeef" + "40fffffe" + "0001ffff" + "00000011" + "1234567800010000"


@pytest.mark.parametrize("length", range(1, 20))
def test_a_description_is_padded_to_words_and_ends_with_a_null(length: int) -> None:
    data = Description(5, "x" * length).to_bytes()
    assert len(data) % 4 == 0
    assert int.from_bytes(data[2:4], "big") * 4 + 4 == len(data)
    assert data.endswith(b"\0")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SENDER.to_bytes()[:-1],
        SENDER.to_bytes() + b"\0",
        SENDER.to_bytes() + b"\x81\xc8\xff\xff",
        b"\x00" + SENDER.to_bytes()[1:],
        b"\xa1" + SENDER.to_bytes()[1:] + Goodbye((1,)).to_bytes(),
        Goodbye((1,)).to_bytes() + SENDER.to_bytes(),
        ReceiverReport(ssrc=1).to_bytes() * 17,
        bytes(2000),
    ],
    ids=[
        "empty",
        "cut off",
        "an octet too many",
        "length beyond the end",
        "version 0",
        "padding before the last packet",
        "does not begin with a report",
        "too many packets",
        "too long",
    ],
)
def test_a_malformed_compound_is_ignored_as_a_whole(data: bytes) -> None:
    assert parse_compound(data) == []


def test_a_report_that_claims_more_blocks_than_it_has_is_left_out() -> None:
    lying = b"\x9f" + RECEIVER.to_bytes()[1:]
    assert parse_compound(lying) == []


def test_ntp_time_counts_from_1900_in_fixed_point() -> None:
    assert ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert middle_of(0x0123456789ABCDEF) == 0x456789AB
