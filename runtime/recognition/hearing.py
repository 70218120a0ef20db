"""A leg of the audio engine that the core hears, 20 ms at a time.

As with WebSockets, the leg's peer is a socket of the core on the same host. Whoever reads slowly
loses audio in the socket's buffer, and delays nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import numpy as np
import trio

from runtime.decisions.encodings import ENCODINGS, TICK_S
from runtime.media.pcm import Samples
from runtime.media.port import MediaLeg, MediaPort
from runtime.sockets.rtp import MAX_PACKET, is_engine, payload_of, stream_of

from .utterances import FRAME

ENCODING: Final = ENCODINGS["PCM16"]
FRAME_BYTES: Final = FRAME * 2


class Hearing:
    """What is sent to one leg. Closed by its owner."""

    def __init__(self, leg: MediaLeg) -> None:
        self.media = leg
        self._udp = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)

    @classmethod
    async def open(cls, media: MediaPort) -> Hearing:
        """Raises MediaUnavailable, OSError."""
        hearing = cls(await media.open_leg())
        try:
            await hearing._udp.bind((hearing.media.address.host, 0))
        except BaseException:  # cancelled, or no port is free: raised again
            hearing.close()
            raise
        return hearing

    def begin(self) -> None:
        host, port = self._udp.getsockname()[:2]
        self.media.configure(stream_of(ENCODING, host, port, sending=True))

    async def frames(self) -> AsyncIterator[Samples]:
        """FRAME samples each, until it is closed."""
        rest = b""
        while self._udp.fileno() >= 0:
            try:
                packet, source = await self._udp.recvfrom(MAX_PACKET)
            except trio.ClosedResourceError:
                return
            except OSError:  # the engine's port is closed for a moment
                await trio.sleep(TICK_S)
                continue
            if not is_engine(source, self.media.address):
                continue
            rest += payload_of(packet, ENCODING) or b""
            while len(rest) >= FRAME_BYTES:
                yield np.frombuffer(rest[:FRAME_BYTES], dtype="<i2").astype(np.int16)
                rest = rest[FRAME_BYTES:]

    def close(self) -> None:
        self.media.close()
        self._udp.close()
