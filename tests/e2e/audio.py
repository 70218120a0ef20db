"""The RTP side of a test telephone: says samples or keys in 20 ms packets, keeps what it is told.

Arrival times are the kernel's, so that a late test process does not look like a late sender.
"""

from __future__ import annotations

import itertools
import math
import random
import socket
import struct
from collections import deque
from typing import Final

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from runtime.media.listening import HeardInterval, listen
from tests.e2e.home import LOOPBACK, Home
from tests.e2e.wire import EVENTS, PCMU

Samples = NDArray[np.int16]
RATE: Final = 8000
FRAME: Final = 160
FRAME_S: Final = 0.02
SO_TIMESTAMPNS: Final = 35
STUN_COOKIE: Final = bytes.fromhex("2112a442")
AUDIBLE: Final = 500
"""A sample louder than this is no silence, nor its concealment."""
KEYS: Final = "0123456789*#ABCD"


def tone(hertz: float, seconds: float, *, rate: int = RATE, level: float = 0.25) -> Samples:
    """A sine, and nothing else."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def encode_ulaw(samples: Samples) -> bytes:
    """G.711 as its tables are usually written down."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    code = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return bytes(code.astype(np.uint8))


def decode_ulaw(data: bytes) -> Samples:
    code = ~np.frombuffer(data, dtype=np.uint8).astype(np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@attrs.frozen
class Packet:
    """One RTP packet as it arrived."""

    at: float
    """Seconds since the epoch, by the kernel."""
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    payload: bytes


@attrs.define
class Audio:
    """An RTP and an RTCP port on loopback."""

    rtp: trio.socket.SocketType
    rtcp: trio.socket.SocketType
    remote: tuple[str, int] | None = None
    """Where to send; nothing is sent before it is known."""
    silent: bool = False
    """Send nothing at all, as a telephone on hold does."""
    packets: list[Packet] = attrs.field(factory=list)
    reports: list[bytes] = attrs.field(factory=list)
    """RTCP packets."""
    sent: int = 0
    loss: float = 0.0
    """Part of the frames of what is said that is lost on the way; always the same ones."""
    _chance: random.Random = attrs.field(factory=lambda: random.Random(5))
    _says: deque[bytes] = attrs.field(factory=deque)
    _repeats: bytes = b""
    _sequence: int = 1
    _timestamp: int = 1_000

    @classmethod
    async def open(cls, home: Home = LOOPBACK) -> Audio:
        for _ in range(100):
            rtp = await _bound(home, 0)
            port = rtp.getsockname()[1]
            try:
                return cls(rtp, await _bound(home, port + 1))
            except OSError:
                rtp.close()
            except trio.Cancelled:
                rtp.close()
                raise
        raise RuntimeError("no pair of free ports")

    @property
    def port(self) -> int:
        return int(self.rtp.getsockname()[1])

    # --- saying ---------------------------------------------------------------------------------

    def say(self, samples: Samples, *, again: bool = False) -> None:
        """Say these next (`again`: over and over, without a seam when they fit whole frames)."""
        whole = samples[: len(samples) // FRAME * FRAME]
        coded = encode_ulaw(whole)
        frames = [coded[start : start + FRAME] for start in range(0, len(coded), FRAME)]
        if again:
            self._repeats = coded
            self._says.clear()
        else:
            self._says.extend(frames)

    def hush(self) -> None:
        self._repeats = b""
        self._says.clear()

    async def press(self, keys: str, *, key_ms: int = 100, gap_ms: int = 100) -> None:
        """RFC 4733 keys beside the audio, each with its end packet three times."""
        for key in keys:
            started = self._timestamp
            for step in range(key_ms // 20 + 2):
                end = step >= key_ms // 20 - 1
                duration = min((step + 1) * FRAME, key_ms * 8)
                event = struct.pack("!BBH", KEYS.index(key), 0x80 * end + 10, duration)
                await self._send(EVENTS, event, started, marker=step == 0)
                await trio.sleep(0 if end else FRAME_S)
            await trio.sleep(gap_ms / 1000)

    async def run_sender(self) -> None:
        """A frame every 20 ms once the remote side is known; late ones are caught up."""
        due = trio.current_time()
        position = 0
        while True:
            await trio.sleep_until(due)
            due += FRAME_S
            self._timestamp += FRAME
            if self.remote is None or self.silent:
                continue
            payload, lost = b"\xff" * FRAME, False
            if self._says:
                payload = self._says.popleft()
                lost = self._chance.random() < self.loss
            elif self._repeats:
                position %= len(self._repeats)
                payload = self._repeats[position : position + FRAME]
                position += FRAME
            if lost:
                self._sequence += 1
            else:
                await self._send(PCMU, payload, self._timestamp)

    async def _send(
        self, kind: int, payload: bytes, timestamp: int, *, marker: bool = False
    ) -> None:
        if self.remote is None:
            return
        head = struct.pack(
            "!BBHII",
            0x80,
            0x80 * marker + kind,
            self._sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            0x5EED0000 + self.port,
        )
        self._sequence += 1
        try:
            await self.rtp.sendto(head + payload, self.remote)
            self.sent += 1
        except OSError:
            return  # the far side has closed its port: that is for the test to notice

    # --- hearing --------------------------------------------------------------------------------

    async def run_receiver(self) -> None:
        while True:
            try:
                data, ancillary, *_ = await self.rtp.recvmsg(2048, 64)
            except ConnectionRefusedError:
                continue
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    self._arrived(data, seconds + nanoseconds / 1e9)

    async def run_reports(self) -> None:
        while True:
            self.reports.append(await self.rtcp.recv(2048))

    def _arrived(self, data: bytes, at: float) -> None:
        if data[4:8] == STUN_COOKIE:
            return  # linphone looks for the way before it sends
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        if first != 0x80:
            raise AssertionError(f"not a plain RTP packet: {data[:16].hex()}")
        kind, marker = second & 0x7F, bool(second & 0x80)
        self.packets.append(Packet(at, sequence, timestamp, ssrc, kind, marker, data[12:]))

    def audio_packets(self) -> list[Packet]:
        """Without the keys."""
        return [packet for packet in self.packets if packet.payload_type == PCMU]

    def samples(self) -> Samples:
        """Everything heard, placed by its timestamps from the first packet on."""
        packets = self.audio_packets()
        if not packets:
            return silence(0)
        first = packets[0].timestamp
        offsets = [(packet.timestamp - first) & 0xFFFFFFFF for packet in packets]
        heard = np.zeros(max(offsets) + 8 * FRAME, dtype=np.int16)
        for offset, packet in zip(offsets, packets, strict=True):
            decoded = decode_ulaw(packet.payload)
            heard[offset : offset + len(decoded)] = decoded
        return heard[: max(offsets) + FRAME]

    def heard(self, *, since: Packet | None = None) -> list[HeardInterval]:
        """What sounds, in order, without the silences; times from the first packet (or `since`)."""
        samples = self.samples()
        if since is not None and self.packets:
            samples = samples[(since.timestamp - self.audio_packets()[0].timestamp) & 0xFFFFFFFF :]
        return [part for part in listen(samples, RATE) if part.kind != "silence"]

    def sounds(self) -> bool:
        """Whether the last packet is anything but silence; cheap enough to be asked often."""
        packets = self.audio_packets()[-1:]
        return any(np.abs(decode_ulaw(packet.payload)).max() > AUDIBLE for packet in packets)

    def keys(self) -> str:
        """RFC 4733 keys that arrived, each once."""
        pressed: dict[int, int] = {}
        for packet in self.packets:
            if packet.payload_type == EVENTS:
                pressed.setdefault(packet.timestamp, packet.payload[0])
        return "".join(KEYS[number] for number in pressed.values())

    def longest_wait_s(self) -> float:
        """Between two packets that followed each other."""
        times = [packet.at for packet in self.packets]
        return max((b - a for a, b in itertools.pairwise(times)), default=math.inf)

    def check_unbroken(self) -> None:
        """One SSRC, sequence numbers by one, timestamps by a frame: as one leg promises."""
        packets = self.audio_packets()
        assert len({packet.ssrc for packet in self.packets}) == 1
        sequences = [packet.sequence for packet in self.packets]
        for before, after in itertools.pairwise(sequences):
            assert (after - before) & 0xFFFF == 1, (before, after)
        for one, two in itertools.pairwise(packets):
            assert (two.timestamp - one.timestamp) & 0xFFFFFFFF == FRAME, (one, two)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


async def _bound(home: Home, port: int) -> trio.socket.SocketType:
    made = home.datagram_socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        await made.bind((home.address, port))
    except (OSError, trio.Cancelled):
        made.close()
        raise
    return made
