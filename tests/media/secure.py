"""The far end of an encrypted leg of the rig: seals what it says, opens what it hears."""

from __future__ import annotations

import base64
import random
import struct
from typing import Any

import attrs

from runtime.media.port import SrtpKeys
from runtime.media.rtp.srtp import MasterKey, Opener, Sealer
from tests.media.packets import Packet, decoded, level
from tests.media.rig import Peer, Rig

SUITE = "AES_CM_128_HMAC_SHA1_80"
SIZES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}


def master(seed: int, suite: str = SUITE) -> MasterKey:
    return MasterKey(suite, random.Random(seed).randbytes(SIZES[suite]))


def keys(ours: MasterKey, theirs: MasterKey) -> SrtpKeys:
    """As the core gives them to the engine."""
    return SrtpKeys(
        suite=ours.suite,
        send_key=base64.b64encode(ours.secret).decode(),
        receive_key=base64.b64encode(theirs.secret).decode(),
    )


@attrs.define(eq=False)
class SecurePeer:
    """A telephone with keys."""

    leg: Peer
    key: MasterKey
    engines_key: MasterKey
    sealer: Sealer
    opener: Opener
    heard: list[Packet] = attrs.field(factory=list)

    @classmethod
    def join(cls, rig: Rig, suite: str = SUITE, **changes: Any) -> SecurePeer:
        """An open and configured leg whose peer is this one."""
        number = len(rig.peers)
        ours, theirs = master(2 * number + 1, suite), master(2 * number + 2, suite)
        leg = rig.peer(srtp=keys(ours, theirs), **changes)
        return cls(leg, theirs, ours, Sealer(theirs, leg.ssrc, leg.sequence), Opener(ours))

    def packet(self, value: int = 0, **changes: Any) -> bytes:
        """The next packet in order, sealed."""
        packet = Packet(
            sequence=self.leg.sequence & 0xFFFF,
            timestamp=self.leg.timestamp & 0xFFFFFFFF,
            ssrc=self.leg.ssrc,
            payload=level(value),
        )
        self.leg.sequence += 1
        self.leg.timestamp += 160
        return self.sealer.rtp(attrs.evolve(packet, **changes).to_bytes())

    def say(self, value: int, **changes: Any) -> bytes:
        """Send the next packet; returns it as it went over the wire."""
        data = self.packet(value, **changes)
        self.leg.send(data)
        return data

    def tick(self, ticks: int = 1, *, value: int | None = None) -> None:
        """Let time pass, saying `value` in each tick, and take what the engine sends."""
        for _ in range(ticks):
            if value is not None:
                self.say(value)
            self.leg.rig.tick()
            self.listen()

    def listen(self) -> None:
        rig = self.leg.rig
        for data in rig.sockets.sent.get(self.leg.number, []):
            self.heard.append(Packet.parse(self.opener.rtp(data, rig.now)))

    def opened_reports(self) -> list[bytes]:
        reports = self.leg.rig.sockets.reports.get(self.leg.number, [])
        return [self.opener.rtcp(data, self.leg.rig.now) for data in reports]

    @property
    def level(self) -> int:
        """The one value of which the last audio packet consists."""
        values = set(decoded(self.heard[-1].payload, "PCMU"))
        assert len(values) == 1, values
        return values.pop()


def forged(packet: bytes, *, ahead: int = 1) -> bytes:
    """Something like the packet that follows this one, without its key."""
    sequence, timestamp = struct.unpack_from(">HI", packet, 2)
    head = packet[:2] + struct.pack(
        ">HI", sequence + ahead & 0xFFFF, timestamp + 160 * ahead & 0xFFFFFFFF
    )
    return head + packet[8:12] + bytes(len(packet) - 12)
