"""Every codec of the engine by its name, and what must be loaded for it before the first call.

Heavy libraries are loaded only by `CodecTable.load`, only for the codecs that a runtime was
configured with, and before the engine's loop begins: an import would stop its clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

from . import libopus
from .coding import Decoder, Encoder, Format
from .g711 import G711Decoder, G711Encoder
from .l16 import L16Decoder, L16Encoder
from .opus import OpusDecoder, OpusEncoder, rehearse

FORMATS: Final = {
    each.name: each
    for each in (
        Format(name="PCMU", clock_hz=8000, rate_hz=8000),
        Format(name="PCMA", clock_hz=8000, rate_hz=8000),
        Format(name="G722", clock_hz=8000, rate_hz=16000),
        Format(name="opus", clock_hz=48000, rate_hz=16000),
        Format(name="L16", clock_hz=16000, rate_hz=16000),
        Format(name="L16/8000", clock_hz=8000, rate_hz=8000),
    )
}
PLAIN: Final = frozenset({"PCMU", "PCMA"})
"""What the engine codes for all legs at once."""

MakeEncoder = Callable[[str], Encoder]
"""From the peer's fmtp."""
MakeDecoder = Callable[[], Decoder]


class CodecTable:
    """Coders by name."""

    def __init__(self, load_libopus: Callable[[], Any] = libopus.load) -> None:
        self._load_libopus = load_libopus
        self._makers: dict[str, tuple[MakeEncoder, MakeDecoder]] = {
            "PCMU": (lambda _: G711Encoder("PCMU"), lambda: G711Decoder("PCMU")),
            "PCMA": (lambda _: G711Encoder("PCMA"), lambda: G711Decoder("PCMA")),
            "L16": (lambda _: L16Encoder(), lambda: L16Decoder(16000)),
            "L16/8000": (lambda _: L16Encoder(), lambda: L16Decoder(8000)),
        }

    def load(self, names: Iterable[str]) -> None:
        """Make these usable, libraries and all; before the process is locked."""
        for name in names:
            if name == "G722":
                self._makers[name] = _g722()
            elif name == "opus":
                self._makers[name] = _opus(self._load_libopus)
            # What a library loads late is loaded now.
            silence = np.zeros(FORMATS[name].frame, dtype=np.int16)
            self.decoder(name).decode(self.encoder(name, "").encode(silence))

    def encoder(self, name: str, fmtp: str) -> Encoder:
        return self._of(name)[0](fmtp)

    def decoder(self, name: str) -> Decoder:
        return self._of(name)[1]()

    def _of(self, name: str) -> tuple[MakeEncoder, MakeDecoder]:
        if name not in self._makers:
            raise LookupError(f"the codec {name} was not among those to be loaded at the start")
        return self._makers[name]


def _g722() -> tuple[MakeEncoder, MakeDecoder]:
    # Here, and not above: it brings FFmpeg, 23 MB.
    from .g722 import G722Decoder, G722Encoder

    return lambda _: G722Encoder(), G722Decoder


def _opus(load_libopus: Callable[[], Any]) -> tuple[MakeEncoder, MakeDecoder]:
    try:
        library = load_libopus()
        rehearse(library)
    except libopus.NoLibopus:
        from .opus_by_ffmpeg import FfmpegOpusDecoder, FfmpegOpusEncoder

        return FfmpegOpusEncoder, FfmpegOpusDecoder
    return lambda fmtp: OpusEncoder(library, fmtp), lambda: OpusDecoder(library)
