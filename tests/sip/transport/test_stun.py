"""STUN binding requests on a SIP port (RFC 5626 3.5.2), with the addresses of RFC 5769."""

from __future__ import annotations

import random
import struct

import pytest

from sip.transport.stun import MAX_STUN_BYTES, answer, is_stun

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def request(body: bytes = b"", *, kind: int = 1, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return struct.pack("!HHI", kind, size, 0x2112A442) + TRANSACTION + body


def attribute(kind: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def test_a_request_is_answered_with_its_source_address() -> None:
    reply = answer(request(), "192.0.2.1", 32853)
    # XOR-MAPPED-ADDRESS of the sample response in RFC 5769 2.2
    expected = bytes.fromhex("0101000c2112a442") + TRANSACTION
    assert reply == expected + bytes.fromhex("002000080001a147e112a643")


def test_an_ipv6_source_is_hidden_with_the_transaction() -> None:
    reply = answer(request(), "2001:db8:1234:5678:11:2233:4455:6677%eth0", 32853)
    # RFC 5769 2.3
    assert reply is not None
    assert reply[20:] == bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def test_attributes_that_may_be_ignored_are() -> None:
    body = attribute(0x8022, b"a phone") + attribute(0x0006, b"user") + attribute(0x8028, b"1234")
    reply = answer(request(body), "192.0.2.1", 32853)
    assert reply is not None
    assert reply[:2] == b"\x01\x01"


def test_unknown_attributes_are_named_in_a_420() -> None:
    body = b"".join(attribute(kind) for kind in (0x0003, 0x0024, 0x0025, 0x0026, 0x0027))
    reply = answer(request(body), "192.0.2.1", 32853)
    assert reply is not None
    assert reply[:2] == b"\x01\x11"
    assert bytes.fromhex("0009000400000414") in reply
    assert reply.endswith(bytes.fromhex("000a00080003002400250026"))
    assert len(reply) <= 2 * len(request(body))


@pytest.mark.parametrize(
    "data",
    [
        request(kind=0x0011),  # an indication
        request(kind=0x0101),  # somebody's answer
        request(kind=0x0003),  # TURN
        request(length=4),
        request(b"\0\x06\0\x08user", length=8),
        request(b"xyz"),
        request(attribute(0x8022, b"x" * MAX_STUN_BYTES)),
    ],
)
def test_everything_else_is_left_without_answer(data: bytes) -> None:
    assert is_stun(data)
    assert answer(data, "192.0.2.1", 5060) is None


def test_sip_is_no_stun() -> None:
    for data in (b"OPTIONS sip:a SIP/2.0\r\n", b"\r\n\r\n", b"\0\x01", b"", b"\0" * 30):
        assert not is_stun(data)


def test_no_bytes_make_it_raise_or_answer_at_length() -> None:
    chance = random.Random(8489)
    for _ in range(3_000):
        data = request(chance.randbytes(4 * chance.randrange(40)))
        reply = answer(data, "192.0.2.1", 5060)
        assert reply is None or len(reply) <= 2 * len(data)
