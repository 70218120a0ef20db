"""One stream that goes to the peer of a WebSocket: what a leg of the audio engine hears.

The leg's RTP peer is a UDP socket of the core on the same host; what comes there goes out as
messages of the socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from runtime.decisions.encodings import ENCODINGS, TICK_S
from runtime.decisions.media_stream import Outbound, StreamPlan
from runtime.media.port import MediaLeg
from runtime.sockets.rtp import MAX_PACKET, is_engine, payload_of, stream_of

MAX_AUDIO_QUEUED: Final = 64 * 1024
"""Beyond this audio is lost rather than late: two seconds of PCM16."""

Put = Callable[[list[str]], None]
"""Takes messages for the peer."""


class Lane:
    """A leg, and the stream that is made of what it hears."""

    def __init__(self, leg: MediaLeg, put: Put, queued: Callable[[], int]) -> None:
        self._leg = leg
        self._put = put
        self._queued = queued
        """Characters that the peer has not taken yet."""
        self._udp = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        self._outbound = Outbound()
        self.encoding = ENCODINGS["PCM8"]
        """In which the engine sends."""

    @property
    def media(self) -> MediaLeg:
        return self._leg

    async def prepare(self) -> None:
        """The way to the engine: before anything is sent or heard."""
        await self._udp.bind((self._leg.address.host, 0))
        self._configure(sending=False)

    def begin(self, plan: StreamPlan) -> None:
        """Send what the leg hears, from now on, as a new stream."""
        self.encoding = plan.encoding
        self._configure(sending=True)
        self._put(self._outbound.start(plan))

    def end(self) -> None:
        """End the stream. Safe twice."""
        if self._outbound.plan is not None:
            self._configure(sending=False)
            self._put(self._outbound.stop())

    def say_goodbye(self) -> None:
        """The messages that end the stream, and nothing more."""
        self._put(self._outbound.stop())

    def _configure(self, *, sending: bool) -> None:
        host, port = self._udp.getsockname()[:2]
        self._leg.configure(stream_of(self.encoding, host, port, sending=sending))

    def close(self) -> None:
        self._leg.close()
        self._udp.close()

    async def to_engine(self, packet: bytes) -> None:
        """Raises OSError."""
        address = self._leg.address
        await self._udp.sendto(packet, (address.host, address.rtp_port))

    async def listen(self) -> None:
        """What the leg hears, to the peer, until it is cancelled."""
        while True:
            try:
                packet, source = await self._udp.recvfrom(MAX_PACKET)
            except OSError:  # the engine's port is closed for a moment
                await trio.sleep(TICK_S)
                continue
            payload = (
                payload_of(packet, self.encoding) if is_engine(source, self._leg.address) else None
            )
            if payload is None:
                continue
            if self._queued() > MAX_AUDIO_QUEUED:
                self._outbound.lose(payload)
            else:
                self._put(self._outbound.media(payload))
