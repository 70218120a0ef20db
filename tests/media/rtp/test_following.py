"""The shortcut for expected packets: octet for octet, and never after anything else happened."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.rtp.following import Following
from runtime.media.rtp.header import HEADER_SIZE
from tests.media.packets import Packet, rows_of

LEG = np.array([1])
SEEN = Packet(sequence=65535, timestamp=2**32 - 160, ssrc=0xFFFFFFFE, payload_type=8)
NEXT = Packet(sequence=0, timestamp=0, ssrc=0xFFFFFFFE, payload_type=8)


def matches(following: Following, packet: bytes) -> bool:
    rows, lengths = rows_of([packet])
    return bool(following.matches(rows[:, :HEADER_SIZE], lengths, LEG)[0])


def learned(packet: Packet = SEEN) -> Following:
    following = Following(2)
    following.learn(
        LEG,
        payload_type=np.array([packet.payload_type]),
        sequence=np.array([packet.sequence]),
        timestamp=np.array([packet.timestamp]),
        ssrc=np.array([packet.ssrc]),
        tables=np.array([256], dtype=np.uint16),
    )
    return following


def test_the_next_packet_matches_across_the_wraps() -> None:
    following = learned()
    assert matches(following, NEXT.to_bytes())
    assert following.tables(LEG).tolist() == [256]
    following.advance(LEG)
    assert not matches(following, NEXT.to_bytes())
    assert matches(
        following,
        Packet(sequence=1, timestamp=160, ssrc=0xFFFFFFFE, payload_type=8).to_bytes(),
    )


@pytest.mark.parametrize(
    ("what", "packet"),
    [
        ("repeated", SEEN),
        ("skipped one", Packet(sequence=1, timestamp=160, ssrc=0xFFFFFFFE, payload_type=8)),
        ("jumped in time", Packet(sequence=0, timestamp=1, ssrc=0xFFFFFFFE, payload_type=8)),
        ("another source", Packet(sequence=0, timestamp=0, ssrc=1, payload_type=8)),
        ("another type", Packet(sequence=0, timestamp=0, ssrc=0xFFFFFFFE, payload_type=0)),
        (
            "marked",
            Packet(sequence=0, timestamp=0, ssrc=0xFFFFFFFE, payload_type=8, marker=True),
        ),
        (
            "longer",
            Packet(sequence=0, timestamp=0, ssrc=0xFFFFFFFE, payload_type=8, payload=bytes(161)),
        ),
        (
            "shorter",
            Packet(sequence=0, timestamp=0, ssrc=0xFFFFFFFE, payload_type=8, payload=bytes(80)),
        ),
    ],
)
def test_anything_else_does_not(what: str, packet: Packet) -> None:
    assert not matches(learned(), packet.to_bytes()), what


def test_options_in_the_header_are_never_expected() -> None:
    plain = NEXT.to_bytes()
    for first in (0x81, 0x90, 0xA0, 0x00, 0x40):
        assert not matches(learned(), bytes([first]) + plain[1:])


def test_nothing_is_expected_before_the_first_packet_or_after_forgetting() -> None:
    following = learned()
    following.forget(LEG)
    assert not matches(following, NEXT.to_bytes())
    assert not matches(Following(2), bytes(172))
    assert not matches(Following(2), b"\x80" + bytes(171))
