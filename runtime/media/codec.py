"""G.711, both laws, as lookup tables made from the formula of ITU-T G.191 (STL, g711.c).

Naive tables differ from that formula at hundreds of the 65,536 inputs, so everything that turns
telephone octets into samples or back goes through here. Decoded samples never reach -32768, which
the playout buffer uses as its mark for "nothing arrived".
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]
Law = Literal["PCMU", "PCMA"]

_ULAW_BIAS: Final = 33
"""Distance between the decision thresholds of mu-law and A-law, in 14-bit steps."""
_ULAW_CLIP: Final = 0x1FFF
_ALAW_TOGGLE: Final = 0x55
_SIGN: Final = 0x80


def _frozen(table: NDArray[np.generic]) -> None:
    table.setflags(write=False)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Position of the highest one bit, counted from 1; 0 for 0."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int32)


def _ulaw_decoder() -> Samples:
    octets = np.arange(256, dtype=np.int32)
    inverted = ~octets & 0xFF
    exponent = (inverted >> 4) & 7
    step = np.left_shift(8, exponent)
    magnitude = np.left_shift(0x80, exponent) + step * (inverted & 0xF) + step // 2 - 4 * _ULAW_BIAS
    samples: Samples = (magnitude * np.where(octets & _SIGN, 1, -1)).astype(np.int16)
    return samples


def _ulaw_encoder() -> Octets:
    """Indexed by the sample seen as an unsigned 16-bit number."""
    linear = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.where(linear < 0, ~linear, linear) >> 2
    magnitude = np.minimum(magnitude + _ULAW_BIAS, _ULAW_CLIP)
    segment = _bit_length(magnitude >> 6) + 1
    octets = ((8 - segment) << 4) | (0xF - ((magnitude >> segment) & 0xF))
    signed: Octets = (octets | np.where(linear >= 0, _SIGN, 0)).astype(np.uint8)
    return signed


def _alaw_decoder() -> Samples:
    octets = np.arange(256, dtype=np.int32)
    toggled = (octets ^ _ALAW_TOGGLE) & 0x7F
    exponent = toggled >> 4
    mantissa = (toggled & 0xF) + np.where(exponent > 0, 16, 0)
    magnitude = ((mantissa << 4) + 8) << np.maximum(exponent - 1, 0)
    samples: Samples = (magnitude * np.where(octets & _SIGN, 1, -1)).astype(np.int16)
    return samples


def _alaw_encoder() -> Octets:
    linear = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.where(linear < 0, ~linear, linear) >> 4
    exponent = np.maximum(_bit_length(magnitude) - 4, 0)
    mantissa = magnitude >> np.maximum(exponent - 1, 0)
    octets = np.where(exponent > 0, (mantissa - 16) + (exponent << 4), magnitude)
    octets |= np.where(linear >= 0, _SIGN, 0)
    return (octets ^ _ALAW_TOGGLE).astype(np.uint8)


ULAW_TO_LINEAR: Final = _ulaw_decoder()
LINEAR_TO_ULAW: Final = _ulaw_encoder()
ALAW_TO_LINEAR: Final = _alaw_decoder()
LINEAR_TO_ALAW: Final = _alaw_encoder()
for _table in (ULAW_TO_LINEAR, LINEAR_TO_ULAW, ALAW_TO_LINEAR, LINEAR_TO_ALAW):
    _frozen(_table)

DECODERS: Final[dict[Law, Samples]] = {"PCMU": ULAW_TO_LINEAR, "PCMA": ALAW_TO_LINEAR}
ENCODERS: Final[dict[Law, Octets]] = {"PCMU": LINEAR_TO_ULAW, "PCMA": LINEAR_TO_ALAW}


def decode(octets: Octets, law: Law) -> Samples:
    """Samples of G.711 octets of any shape."""
    return np.take(DECODERS[law], octets)


def encode(samples: Samples, law: Law) -> Octets:
    """G.711 octets of samples of any shape; the last axis must be contiguous."""
    return np.take(ENCODERS[law], samples.view(np.uint16))
