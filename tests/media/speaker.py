"""The far end of a leg with a costly codec, for tests of the engine."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from runtime.media.codecs.coding import Decoder, Encoder
from runtime.media.codecs.table import FORMATS, CodecTable
from tests.media.rig import Peer, Rig
from tests.media.spectrum import Samples, amplitude_of, decibels

TABLE = CodecTable()
TABLE.load(FORMATS)
TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 96, "L16": 97, "L16/8000": 98}
CODED = ["G722", "opus", "L16", "L16/8000"]
WIDE = ["G722", "opus", "L16"]
SECOND = 50


@attrs.define(eq=False)
class Speaker:
    """The far end of a coded leg: says a sound frame by frame, and listens."""

    peer: Peer
    codec: str
    encoder: Encoder
    decoder: Decoder
    said: int = 0

    @classmethod
    def on(cls, rig: Rig, codec: str, **changes: Any) -> Speaker:
        number = TYPES[codec]
        peer = rig.peer(
            codec=codec,
            send_payload_type=number,
            receive_payload_types=frozenset({number}),
            fmtp="useinbandfec=1",
            dtmf_clock_hz=FORMATS[codec].clock_hz,
            **changes,
        )
        return cls(peer, codec, TABLE.encoder(codec, ""), TABLE.decoder(codec))

    def say(self, sound: Samples, **changes: Any) -> None:
        """The next frame of an endless sound at the codec's rate."""
        form = FORMATS[self.codec]
        at = np.arange(self.said, self.said + form.frame) % len(sound)
        self.said += form.frame
        peer, before = self.peer, self.peer.timestamp
        peer.say(self.encoder.encode(sound[at]), **changes)
        peer.timestamp = before + form.step

    def heard(self, last: int = 30) -> Samples:
        """The last frames that came, decoded from the first on."""
        pieces = []
        for packet in self.peer.heard:
            if packet.payload_type == TYPES[self.codec]:
                samples = self.decoder.decode(packet.payload)
                assert samples is not None
                pieces.append(samples)
        self.decoder = TABLE.decoder(self.codec)
        return np.concatenate(pieces[-last:])

    def level(self, frequency: float) -> float:
        """In dB below a sound of amplitude 8000."""
        rate = FORMATS[self.codec].rate_hz
        return decibels(amplitude_of(self.heard(), frequency, rate), 8000)
