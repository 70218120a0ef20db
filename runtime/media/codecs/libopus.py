"""libopus by ctypes: the copy that FFmpeg's wheel brings, else the system's, proved by a rehearsal.

Only libopus itself decodes straight to 16 kHz, restores lost packets from their successors and
conceals; FFmpeg's wrapper (opus_by_ffmpeg.py) is the second way where it cannot be found.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

OK: Final = 0
VOIP: Final = 2048
"""OPUS_APPLICATION_VOIP"""

SET_BITRATE: Final = 4002
SET_MAX_BANDWIDTH: Final = 4004
SET_VBR: Final = 4006
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERC: Final = 4014

_SYSTEM: Final = "libopus.so.0"


class NoLibopus(Exception):
    """No usable libopus on this machine; str() says what was tried."""


def load() -> Any:
    """The library, with its functions declared. Raises NoLibopus."""
    tried: list[str] = []
    for name in _candidates():
        try:
            return _declared(ctypes.CDLL(name))
        except (OSError, AttributeError) as exc:
            tried.append(f"{name}: {exc}")
    raise NoLibopus("; ".join(tried))


def _candidates() -> Iterator[str]:
    found = importlib.util.find_spec("av")  # finds without importing
    if found is not None and found.origin is not None:
        libraries = Path(found.origin).parent.parent / "av.libs"
        yield from sorted(str(path) for path in libraries.glob("libopus-*.so*"))
    yield _SYSTEM


def _declared(library: Any) -> Any:
    """Argument types, so that pointers are never cut to 32 bits."""
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures = {
        "opus_encoder_get_size": [number],
        "opus_encoder_init": [pointer, ctypes.c_int32, number, number],
        "opus_encode": [pointer, pointer, number, pointer, ctypes.c_int32],
        "opus_decoder_get_size": [number],
        "opus_decoder_init": [pointer, ctypes.c_int32, number],
        "opus_decode": [
            pointer, ctypes.c_char_p, ctypes.c_int32, pointer, number, number,
        ],
        "opus_packet_get_nb_samples": [ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32],
    }  # fmt: skip
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, number
    _ = library.opus_encoder_ctl  # its last argument varies, so its types stay undeclared
    return library
