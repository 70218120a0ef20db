"""Payloads and numbers of all outgoing packets, by the compiled helper."""

from __future__ import annotations

import ctypes

import numpy as np

from runtime.media.codec import LINEAR_TO_ALAW, LINEAR_TO_ULAW
from runtime.media.frames import Samples
from runtime.media.rtp.sending import Sending

from . import library as native
from .library import Library, pointer, structure


class Encoder:
    """Writes what the first legs hear into their packets of whole frames."""

    def __init__(self, library: Library, sending: Sending) -> None:
        self._library = library
        columns = sending.columns()
        packets = columns.pop("packets")
        columns["encoder"] = np.concatenate((LINEAR_TO_ULAW, LINEAR_TO_ALAW))
        self._columns = columns
        """Kept alive for the helper."""
        places = {name: pointer(column) for name, column in columns.items()}
        self._encoding = structure(
            native.Encoding,
            legs=len(packets),
            packets=pointer(packets),
            packet_size=packets.dtype.itemsize,
            **places,
        )
        self._at = ctypes.addressof(self._encoding)

    def __call__(self, heard: Samples) -> None:
        self._library.encode(self._at, pointer(heard), len(heard))
