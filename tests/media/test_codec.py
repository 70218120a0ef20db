"""Both laws of G.711, for every possible input, against the formula written out bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.codec import Law, decode, encode

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_OCTET = np.arange(256, dtype=np.uint8)


def ulaw_octet(sample: int) -> int:
    """ulaw_compress of ITU-T G.191, one sample."""
    magnitude = ((~sample if sample < 0 else sample) >> 2) + 33
    magnitude = min(magnitude, 0x1FFF)
    segment, rest = 1, magnitude >> 6
    while rest:
        segment += 1
        rest >>= 1
    octet = ((8 - segment) << 4) | (15 - ((magnitude >> segment) & 15))
    return octet | 0x80 if sample >= 0 else octet


def alaw_octet(sample: int) -> int:
    """alaw_compress of ITU-T G.191, one sample."""
    value = (~sample if sample < 0 else sample) >> 4
    if value > 15:
        exponent = 1
        while value > 31:
            value >>= 1
            exponent += 1
        value = value - 16 + (exponent << 4)
    if sample >= 0:
        value |= 0x80
    return value ^ 0x55


def ulaw_sample(octet: int) -> int:
    """ulaw_expand of ITU-T G.191."""
    mantissa = ~octet
    exponent = (mantissa >> 4) & 7
    step = 4 << (exponent + 1)
    magnitude = (0x80 << exponent) + step * (mantissa & 15) + step // 2 - 4 * 33
    return magnitude if octet >= 0x80 else -magnitude


def alaw_sample(octet: int) -> int:
    """alaw_expand of ITU-T G.191."""
    value = (octet ^ 0x55) & 0x7F
    exponent, mantissa = value >> 4, value & 15
    if exponent > 0:
        mantissa += 16
    mantissa = (mantissa << 4) + 8
    if exponent > 1:
        mantissa <<= exponent - 1
    return mantissa if octet > 127 else -mantissa


def test_every_sample_is_encoded_as_the_formula_says() -> None:
    samples = EVERY_SAMPLE.tolist()
    assert encode(EVERY_SAMPLE, "PCMU").tolist() == [ulaw_octet(s) for s in samples]
    assert encode(EVERY_SAMPLE, "PCMA").tolist() == [alaw_octet(s) for s in samples]


def test_every_octet_is_decoded_as_the_formula_says() -> None:
    octets = EVERY_OCTET.tolist()
    assert decode(EVERY_OCTET, "PCMU").tolist() == [ulaw_sample(o) for o in octets]
    assert decode(EVERY_OCTET, "PCMA").tolist() == [alaw_sample(o) for o in octets]


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
def test_decoded_octets_encode_to_themselves(law: Law) -> None:
    again = encode(decode(EVERY_OCTET, law), law)
    different = EVERY_OCTET[again != EVERY_OCTET].tolist()
    # mu-law has two zeros: minus zero decodes to 0, which is plus zero.
    assert different == ([0x7F] if law == "PCMU" else [])


@pytest.mark.parametrize(("law", "step"), [("PCMU", 1024), ("PCMA", 1024)])
def test_the_error_is_within_half_a_step_of_the_highest_segment(law: Law, step: int) -> None:
    error = np.abs(decode(encode(EVERY_SAMPLE, law), law).astype(int) - EVERY_SAMPLE)
    assert error.max() <= step


def test_silence_is_the_idle_octet_of_each_law() -> None:
    silence = np.zeros(1, dtype=np.int16)
    assert encode(silence, "PCMU").tolist() == [0xFF]
    assert encode(silence, "PCMA").tolist() == [0xD5]


def test_no_decoded_sample_is_the_mark_of_the_playout_buffer() -> None:
    for law in ("PCMU", "PCMA"):
        assert decode(EVERY_OCTET, law).min() > -32768
