"""Opus for telephony (RFC 7587), by libopus: mono at 16 kHz, 48 kHz timestamps, in-band FEC.

The states lie in memory of ours, so nothing has to be freed. What the peer asks for in its fmtp
binds our encoder: the bandwidth it plays, the bit rate it can take, whether it reads FEC.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from . import libopus
from .coding import Samples
from .parameters import number, parse_parameters

RATE_HZ: Final = 16000
FRAME: Final = RATE_HZ // 50
BIT_RATE: Final = 32_000
"""Wideband speech is transparent from 24 kbit/s on (RFC 7587 3.1.1); the rest pays for FEC."""
BIT_RATES: Final = (6_000, 64_000)
"""What a peer may ask for; libopus itself begins at 6 kbit/s."""
COMPLEXITY: Final = 1
"""Of 10: a third of the CPU of 5, for half a dB of spectral distance (docs/design/codecs.md)."""
EXPECTED_LOSS: Final = 10
"""Percent; libopus spends bits on FEC only when it expects loss."""
MAX_PAYLOAD: Final = 1_275
"""RFC 6716 3.4: the longest frame."""
MAX_SAMPLES: Final = RATE_HZ * 120 // 1000
"""RFC 6716 3.4: no packet lasts longer than 120 ms."""

_BANDWIDTHS: Final = ((8_000, 1101), (12_000, 1102), (16_000, 1103))
"""RFC 7587 6.1: the highest rate that a receiver plays, and OPUS_BANDWIDTH_* for it."""
_PROBE: Final = "useinbandfec=1"


class OpusEncoder:
    """`fmtp` is the peer's."""

    def __init__(self, library: Any, fmtp: str) -> None:
        self._encode = library.opus_encode
        self._state = ctypes.create_string_buffer(library.opus_encoder_get_size(1))
        _check(library.opus_encoder_init(self._state, RATE_HZ, 1, libopus.VOIP))
        for setting, value in _settings(fmtp).items():
            _check(library.opus_encoder_ctl(self._state, setting, ctypes.c_int32(value)))
        self._payload = ctypes.create_string_buffer(MAX_PAYLOAD)

    def encode(self, frame: Samples) -> bytes:
        samples = np.ascontiguousarray(frame)
        size = self._encode(self._state, samples.ctypes.data, FRAME, self._payload, MAX_PAYLOAD)
        return self._payload.raw[: max(0, size)]


class OpusDecoder:
    def __init__(self, library: Any) -> None:
        self._library = library
        self._state = ctypes.create_string_buffer(library.opus_decoder_get_size(1))
        _check(library.opus_decoder_init(self._state, RATE_HZ, 1))
        self._samples: Samples = np.zeros(MAX_SAMPLES, dtype=np.int16)

    def decode(self, payload: bytes) -> Samples | None:
        # An empty packet would be taken for a loss.
        return self._decode(payload, MAX_SAMPLES, recover=False) if payload else None

    def conceal(self, count: int, following: bytes | None) -> Samples:
        """The copy in the following packet if it has one, else what the decoder makes up."""
        pieces: list[Samples] = []
        while count > 0:
            piece = min(count, FRAME)
            # Only the last packet before `following` can be in it.
            copy = following if count <= FRAME else None
            pieces.append(self._concealed(piece, copy))
            count -= piece
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int16)

    def pause(self) -> None:
        """Opus has DTX of its own, and the decoder fades in what comes after it."""

    def _concealed(self, count: int, following: bytes | None) -> Samples:
        # libopus makes up multiples of 2.5 ms.
        unit = RATE_HZ // 400
        whole = -(-count // unit) * unit
        samples = self._decode(following, whole, recover=following is not None)
        if samples is None and following is not None:
            samples = self._decode(None, whole, recover=False)
        if samples is None:
            return np.zeros(count, dtype=np.int16)
        return samples[:count]

    def _decode(self, payload: bytes | None, room: int, *, recover: bool) -> Samples | None:
        size = 0 if payload is None else len(payload)
        target = self._samples.ctypes.data
        count = self._library.opus_decode(self._state, payload, size, target, room, int(recover))
        return self._samples[:count].copy() if count > 0 else None


def rehearse(library: Any) -> None:
    """Encode and decode a tone. Raises NoLibopus when what comes back is not that tone."""
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(10 * FRAME) / RATE_HZ)).astype(np.int16)
    encoder, decoder = OpusEncoder(library, _PROBE), OpusDecoder(library)
    heard = [decoder.decode(encoder.encode(frame)) for frame in tone.reshape(-1, FRAME)]
    level = 0.0 if heard[-1] is None else float(np.abs(heard[-1]).mean())
    if level < float(np.abs(tone).mean()) / 4:
        raise libopus.NoLibopus(f"it does not code: a tone came back with level {level:.0f}")


def _settings(fmtp: str) -> dict[int, int]:
    asked = parse_parameters(fmtp)
    low, high = BIT_RATES
    played = number(asked, "maxplaybackrate", 48_000)
    bandwidth = next((band for rate, band in _BANDWIDTHS if played <= rate), _BANDWIDTHS[-1][1])
    return {
        libopus.SET_BITRATE: min(max(number(asked, "maxaveragebitrate", BIT_RATE), low), high),
        libopus.SET_MAX_BANDWIDTH: bandwidth,
        libopus.SET_VBR: int(number(asked, "cbr", 0) != 1),
        libopus.SET_COMPLEXITY: COMPLEXITY,
        libopus.SET_INBAND_FEC: int(number(asked, "useinbandfec", 0) == 1),
        libopus.SET_PACKET_LOSS_PERC: EXPECTED_LOSS,
    }


def _check(result: int) -> None:
    if result != libopus.OK:
        raise libopus.NoLibopus(f"libopus refused a setting (error {result})")
