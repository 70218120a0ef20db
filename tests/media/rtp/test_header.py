"""RTP headers, one packet at a time as bytes and all of them at once as columns."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.rtp.header import MAX_PACKET, packet_type, parse_headers, write_headers
from tests.media.packets import Packet, rows_of


def valid(*packets: bytes) -> list[bool]:
    rows, lengths = rows_of(list(packets))
    return [bool(v) for v in parse_headers(rows, lengths).valid]


def payloads(*packets: bytes) -> list[bytes]:
    rows, lengths = rows_of(list(packets))
    headers = parse_headers(rows, lengths)
    assert headers.valid.all()
    return [
        row[offset : offset + size].tobytes()
        for row, offset, size in zip(rows, headers.offset, headers.size, strict=True)
    ]


def test_each_field_is_read_into_its_column() -> None:
    first = Packet(sequence=65535, timestamp=2**32 - 1, ssrc=2**32 - 2, payload_type=127)
    second = Packet(sequence=0, timestamp=1, ssrc=7, payload_type=8, marker=True)
    rows, lengths = rows_of([first.to_bytes(), second.to_bytes()])
    headers = parse_headers(rows, lengths)
    assert headers.valid.tolist() == [True, True]
    assert headers.sequence.tolist() == [65535, 0]
    assert headers.timestamp.tolist() == [2**32 - 1, 1]
    assert headers.ssrc.tolist() == [2**32 - 2, 7]
    assert headers.payload_type.tolist() == [127, 8]
    assert headers.marker.tolist() == [False, True]
    assert headers.offset.tolist() == [12, 12]
    assert headers.size.tolist() == [160, 160]


def test_csrc_list_extension_and_padding_are_left_out_of_the_payload() -> None:
    fixed = bytes(11)
    plain = b"\x80" + fixed + b"audio"
    contributed = b"\x82" + fixed + bytes(8) + b"audio"
    extended = b"\x90" + fixed + b"\xbe\xde\x00\x02" + bytes(8) + b"audio"
    padded = b"\xa0" + fixed + b"audio" + b"\x00\x00\x03"
    everything = b"\xb1" + fixed + bytes(4) + b"\x00\x00\x00\x00" + b"audio" + b"\x01"
    packets = (plain, contributed, extended, padded, everything)
    assert payloads(*packets) == [b"audio"] * 5


@pytest.mark.parametrize(
    ("lie", "packet"),
    [
        ("is empty", b""),
        ("is one octet short of a header", b"\x80" + bytes(10)),
        ("has version 0", b"\x00" + bytes(171)),
        ("has version 1", b"\x40" + bytes(171)),
        ("has version 3", b"\xc0" + bytes(171)),
        ("claims 15 CSRC and has none", b"\x8f" + bytes(11)),
        ("claims an extension and ends", b"\x90" + bytes(11)),
        ("ends inside its extension header", b"\x90" + bytes(11) + b"\x00\x00\x00"),
        ("claims a huge extension", b"\x90" + bytes(11) + b"\x00\x00\xff\xff" + bytes(100)),
        ("claims no padding although the bit is set", b"\xa0" + bytes(11) + b"ab\x00"),
        ("claims more padding than payload", b"\xa0" + bytes(11) + b"ab\x04"),
        ("has padding and no payload", b"\xa0" + bytes(11)),
        ("is longer than a row", b"\x80" + bytes(MAX_PACKET)),
        ("fills its row", b"\x80" + bytes(MAX_PACKET - 1)),
    ],
)
def test_a_packet_that_lies_is_invalid_and_does_not_disturb_its_neighbour(
    lie: str, packet: bytes
) -> None:
    good = Packet(sequence=1, timestamp=2).to_bytes()
    assert valid(packet) == [False], lie
    assert valid(good, packet, good) == [True, False, True], lie


def test_an_empty_payload_is_valid_and_empty() -> None:
    assert payloads(b"\x80" + bytes(11), b"\xa0" + bytes(11) + b"\x01") == [b"", b""]


def test_no_packets_give_empty_columns() -> None:
    rows, lengths = rows_of([])
    assert len(parse_headers(rows, lengths).valid) == 0


def test_written_headers_read_back_and_wide_counters_wrap() -> None:
    packets = np.zeros(2, dtype=packet_type(160))
    packets["payload"] = 0xFF
    write_headers(
        packets,
        marker=np.array([True, False]),
        payload_type=np.array([0, 8]),
        sequence=np.array([65536 + 5, 6]),
        timestamp=np.array([2**32 + 160, 2**32 - 1]),
        ssrc=np.array([1, 2**32 - 1]),
    )
    assert packets.dtype.itemsize == 172
    first, second = (Packet.parse(p.tobytes()) for p in packets)
    assert first == Packet(sequence=5, timestamp=160, ssrc=1, marker=True)
    assert second == Packet(sequence=6, timestamp=2**32 - 1, ssrc=2**32 - 1, payload_type=8)
