"""RTP headers (RFC 3550 section 5.1) of many packets at once, read and written as numpy columns.

Reading never fails: a packet whose header lies about its own length, CSRC list, extension or
padding is marked invalid, and the caller counts it. No other module looks at header octets.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

HEADER_SIZE: Final = 12
MAX_PACKET: Final = 1024
"""Row size of received packets; 100 ms of G.711 with every option fits, longer ones are refused."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Octets = NDArray[np.uint8]

_HEADER: Final = np.dtype(
    [("first", "u1"), ("second", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
_VERSION_2: Final = 0x80
_PADDING: Final = 0x20
_EXTENSION: Final = 0x10
_CSRC_COUNT: Final = 0x0F
_MARKER: Final = 0x80


@attrs.frozen(kw_only=True, eq=False)
class Headers:
    """One entry per packet; those of packets that are not `valid` mean nothing."""

    valid: Bools
    marker: Bools
    payload_type: Ints
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    offset: Ints
    """Where the payload begins."""
    size: Ints
    """Octets of payload without padding."""


def parse_headers(rows: Octets, lengths: Ints) -> Headers:
    """Headers of packets lying in `rows`, each `lengths` octets long.

    A length of the whole row means that the kernel cut the packet off: too long, invalid.
    """
    fixed = np.ascontiguousarray(rows[:, :HEADER_SIZE]).view(_HEADER)[:, 0]
    first = fixed["first"]
    valid = (lengths >= HEADER_SIZE) & (lengths < rows.shape[1]) & (first >> 6 == 2)
    offset = np.full(len(rows), HEADER_SIZE, dtype=np.int64)
    size = lengths - HEADER_SIZE
    if (first != _VERSION_2).any():
        _measure_options(rows, lengths, valid, offset, size)
    return Headers(
        valid=valid,
        marker=(fixed["second"] & _MARKER) != 0,
        payload_type=(fixed["second"] & 0x7F).astype(np.int64),
        sequence=fixed["sequence"].astype(np.int64),
        timestamp=fixed["timestamp"].astype(np.int64),
        ssrc=fixed["ssrc"].astype(np.int64),
        offset=offset,
        size=size,
    )


def _measure_options(rows: Octets, lengths: Ints, valid: Bools, offset: Ints, size: Ints) -> None:
    """Account for CSRC list, extension and padding; updates the three columns in place."""
    first = rows[:, 0].astype(np.int64)
    offset += 4 * (first & _CSRC_COUNT)
    valid &= offset <= lengths
    extended = np.flatnonzero(valid & ((first & _EXTENSION) != 0))
    room = offset[extended] + 4 <= lengths[extended]
    valid[extended[~room]] = False
    extended = extended[room]
    at = offset[extended]
    words = rows[extended, at + 2].astype(np.int64) * 256 + rows[extended, at + 3]
    offset[extended] += 4 + 4 * words
    valid &= offset <= lengths
    size[:] = lengths - offset
    padded = np.flatnonzero(valid & ((first & _PADDING) != 0))
    padding = rows[padded, lengths[padded] - 1].astype(np.int64)
    # RFC 3550 5.1: the count includes itself, so 0 is a lie.
    valid[padded[(padding == 0) | (padding > size[padded])]] = False
    size[padded] -= padding


def packet_type(payload_size: int) -> np.dtype[np.void]:
    """Layout of an outgoing packet without CSRC, extension or padding."""
    return np.dtype([*_HEADER.descr, ("payload", "u1", (payload_size,))])


def write_headers(
    packets: NDArray[np.void],
    *,
    marker: Bools,
    payload_type: Ints,
    sequence: Ints,
    timestamp: Ints,
    ssrc: Ints,
) -> None:
    """Fill the header columns of `packets` (of a `packet_type`); wide values wrap around."""
    packets["first"] = _VERSION_2
    packets["second"] = payload_type + marker * _MARKER
    packets["ssrc"] = ssrc
    write_numbers(packets, sequence=sequence, timestamp=timestamp)


def write_numbers(packets: NDArray[np.void], *, sequence: Ints, timestamp: Ints) -> None:
    """Fill only what changes with every packet."""
    packets["sequence"] = sequence
    packets["timestamp"] = timestamp
