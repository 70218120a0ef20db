"""A telephone on loopback for tests with the real engine: sends a tone, keeps what it hears.

Its clock is the test machine's, so tests judge packets by their numbers and samples, never by when
they came.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import trio

from runtime.media.pcm import Samples
from runtime.media.port import LegAddress, MediaLeg, RtpStream
from tests.media.packets import Packet, decoded, level, sine

PATIENCE_S = 60
"""A busy machine may take long; a hanging test must still end."""


@attrs.define(eq=False)
class Line:
    """One telephone; `run` until cancelled."""

    sock: trio.socket.SocketType
    frequency: float
    heard: list[Packet] = attrs.field(factory=list)
    heard_news: trio.Event = attrs.field(factory=trio.Event)
    sending: bool = True
    _next: int = 0

    @classmethod
    async def open(cls, frequency: float = 0.0) -> Line:
        sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        await sock.bind(("127.0.0.1", 0))
        return cls(sock, frequency)

    @property
    def port(self) -> int:
        port: int = self.sock.getsockname()[1]
        return port

    def stream(self, **changes: Any) -> RtpStream:
        """What offer and answer would have agreed on."""
        stream = RtpStream(
            remote_host="127.0.0.1",
            remote_port=self.port,
            remote_rtcp_port=self.port + 1,
            codec="PCMU",
            send_payload_type=0,
            receive_payload_types=frozenset({0}),
            dtmf_send_payload_type=101,
            dtmf_receive_payload_type=101,
        )
        return attrs.evolve(stream, **changes)

    async def run(self, leg: MediaLeg) -> None:
        """Send a packet every 20 ms and collect what comes."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            start = trio.current_time()
            while True:
                if self.sending:
                    await self.say(leg.address)
                self._next += 1
                await trio.sleep_until(start + 0.02 * self._next)

    async def say(self, address: LegAddress) -> None:
        at = 160 * self._next
        payload = sine(self.frequency, at) if self.frequency else level(0)
        packet = Packet(sequence=self._next, timestamp=at, payload=payload)
        await self.sock.sendto(packet.to_bytes(), (address.host, address.rtp_port))

    async def hears(self, enough: Callable[[list[Packet]], bool]) -> None:
        """Return when what was heard is enough."""
        with trio.fail_after(PATIENCE_S):
            while not enough(self.heard):
                await self.heard_news.wait()

    async def hears_packets(self, count: int) -> None:
        """Return after so many more packets."""
        target = len(self.heard) + count
        await self.hears(lambda heard: len(heard) >= target)

    @property
    def samples(self) -> Samples:
        audio = [s for p in self.heard for s in decoded(p.payload, "PCMU")]
        return np.array(audio, dtype=np.int16)

    async def _listen(self) -> None:
        while True:
            data, _ = await self.sock.recvfrom(2000)
            self.heard.append(Packet.parse(data))
            self.heard_news.set()
            self.heard_news = trio.Event()
