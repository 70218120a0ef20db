"""SRTP and SRTCP (RFC 3711, RFC 7714) of one leg: what goes out is sealed, what comes in is opened.

The one module that knows the library under it (libsrtp). Bytes and the time go in, bytes or an
SrtpError come out. Rules: a packet is opened once (replay window); a key of the peer that was
replaced is believed a little longer; nothing that fails changes anything. Keys have no repr.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import Final

import attrs
from pylibsrtp import Error, Policy, Session

REPLAY_WINDOW: Final = 128
"""Packets (2.5 s of audio) that may come late and are still told from their copies; RFC 3711 3.3.2
asks for 64."""
OLD_KEY_S: Final = 2.0
"""How long packets under the peer's former key are taken after a new one was agreed on: those that
were under way, and those the peer sends until our answer reaches it."""
MAX_SSRCS: Final = 32
"""Streams of a peer under one key. Each costs memory for ever, since forgetting one would let its
packets be replayed; peers begin a new one with a transfer or an announcement."""
MAX_ROLLOVERS: Final = 32
"""Rollovers (twelve hours of audio) up to which a new key of the peer goes on with the counter.
With more, a peer that sends new keys all the time would cost over half a millisecond for each."""
MAX_PACKET: Final = 1500
"""The library's buffer, and a datagram's size."""

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 10),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 4),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 16),
}
"""The library's name of each suite, and the octets of its authentication tag."""
_HEADER: Final = struct.Struct(">BBHII")
_CYCLE: Final = 1 << 16
_STEP: Final = 0x7000
"""Less than 2^15: a larger step would be taken for one back (RFC 3711 3.3.1)."""


class SrtpError(Exception):
    """A packet that was not opened; str() says why."""


class Unauthenticated(SrtpError):
    """Forged, damaged, or under another key."""


class Replayed(SrtpError):
    """Came before, or is older than the replay window."""


class Malformed(SrtpError):
    """No SRTP packet at all."""


class TooManySources(SrtpError):
    """The peer used MAX_SSRCS streams under this key."""


@attrs.frozen
class MasterKey:
    """Suite (RFC 4568 name), and master key with salt."""

    suite: str
    secret: bytes = attrs.field(repr=False)

    @property
    def tag_octets(self) -> int:
        """By how much a sealed RTP packet is longer."""
        return _PROFILES[self.suite][1]


class Sealer:
    """Our direction: one stream of packets, numbered without repetition."""

    def __init__(self, key: MasterKey, ssrc: int, index: int) -> None:
        """`index` is the extended sequence number of the first packet to come.

        The rollover counter belongs to the stream and not to the key (RFC 3711 3.3.1), and a key
        never sees an index twice.
        """
        self.key = key
        self._session = _session(key, Policy.SSRC_ANY_OUTBOUND)
        for _ in _walk(self._session, ssrc, index):
            pass

    def go_on(self, ssrc: int, *, since: int, index: int) -> None:
        """The next packet has `index`, after the key was not used since `since` (0: of this SSRC
        never).

        Who comes back to a key goes on with its context: a new one would count SRTCP from 1 again,
        and so use a part of the key stream twice (RFC 3711 9.1).
        """
        for _ in _walk(self._session, ssrc, index, since):
            pass

    def rtp(self, packet: bytes) -> bytes:
        return self._session.protect(packet)

    def rtcp(self, packet: bytes) -> bytes:
        return self._session.protect_rtcp(packet)


@attrs.define(eq=False)
class _Trial:
    """A context in which the peer's packets may be."""

    key: MasterKey
    session: Session
    highest: dict[int, int]
    """By SSRC: the highest extended sequence number."""
    ssrc: int = 0
    """Of the last RTP packet."""
    until: float = math.inf


class Opener:
    """The peer's direction: any number (MAX_SSRCS) of streams."""

    def __init__(self, key: MasterKey) -> None:
        self._trials = [_Trial(key, _session(key, Policy.SSRC_ANY_INBOUND), {})]

    @property
    def key(self) -> MasterKey:
        """The newest one."""
        return self._trials[0].key

    def rekey(self, key: MasterKey, now: float) -> None:
        """The peer seals with `key` from now on, and a little while with the former one.

        By RFC 3711 the rollover counter goes on; peers that start it anew are understood, too.
        """
        former = self._trials[0]
        former.until = now + OLD_KEY_S
        fresh = _Trial(key, _session(key, Policy.SSRC_ANY_INBOUND), {})
        self._trials = [*_continued(key, former), fresh, former]

    def rtp(self, packet: bytes, now: float) -> bytes:
        """The RTP packet inside. Raises SrtpError."""
        if len(packet) < _HEADER.size:
            raise Malformed("shorter than an RTP header")
        ssrc = int.from_bytes(packet[8:12], "big")
        plain, trial = self._open(packet, ssrc, now, Session.unprotect)
        number = packet[2] << 8 | packet[3]
        highest = trial.highest.get(ssrc, number)
        ahead = (number - highest) & 0xFFFF
        trial.highest[ssrc] = highest + ahead if ahead < 0x8000 else highest
        trial.ssrc = ssrc
        return plain

    def rtcp(self, packet: bytes, now: float) -> bytes:
        """The compound RTCP packet inside. Raises SrtpError."""
        ssrc = int.from_bytes(packet[4:8], "big")
        plain, trial = self._open(packet, ssrc, now, Session.unprotect_rtcp)
        trial.highest.setdefault(ssrc, 0)
        return plain

    def _open(
        self, packet: bytes, ssrc: int, now: float, open_: Callable[[Session, bytes], bytes]
    ) -> tuple[bytes, _Trial]:
        """The plain packet, and the context it was in: the newest one that opens it."""
        if len(packet) > MAX_PACKET:
            raise Malformed(f"longer than {MAX_PACKET} octets")
        if self._trials[-1].until < now:
            del self._trials[-1]
        refusal: SrtpError | None = None
        for trial in self._trials:
            if len(trial.highest) >= MAX_SSRCS and ssrc not in trial.highest:
                refusal = refusal or TooManySources(f"more than {MAX_SSRCS} SSRCs under one key")
                continue
            try:
                plain = open_(trial.session, packet)
            except Error as exc:
                refusal = refusal or _refusal(exc)
                continue
            if len(self._trials) > 1:
                self._settle(trial)
            return plain, trial
        assert refusal is not None, "the newest key never expires"
        raise refusal

    def _settle(self, proven: _Trial) -> None:
        """A packet under the new key came: its other reading is out of the question."""
        if proven.until == math.inf:
            former = [trial for trial in self._trials if trial.until < math.inf]
            self._trials = [proven, *former]


def _session(key: MasterKey, direction: int) -> Session:
    policy = Policy(key=key.secret, ssrc_type=direction, srtp_profile=_PROFILES[key.suite][0])
    policy.window_size = REPLAY_WINDOW
    return Session(policy)


def _refusal(exc: Error) -> SrtpError:
    """The library tells its reasons by their texts."""
    text = str(exc)
    if text == "authentication failure":
        return Unauthenticated(text)
    if text.startswith("replay check failed"):
        return Replayed(text)
    return Malformed(text)


def _continued(key: MasterKey, former: _Trial) -> Iterator[_Trial]:
    """The context of a peer whose stream goes on counting; none where it has not wrapped."""
    ssrc, index = former.ssrc, former.highest.get(former.ssrc, 0)
    if not _CYCLE <= index < MAX_ROLLOVERS * _CYCLE:
        return
    session = _session(key, Policy.SSRC_ANY_INBOUND)
    for packet in _walk(_session(key, Policy.SSRC_ANY_OUTBOUND), ssrc, index):
        session.unprotect(packet)
    yield _Trial(key, session, {ssrc: index})


def _walk(session: Session, ssrc: int, index: int, since: int = 0) -> Iterator[bytes]:
    """Empty packets, never sent, that bring a context's rollover counter near `index`."""
    if since or index >= _CYCLE:
        for at in range(since + _STEP, index, _STEP):
            yield session.protect(_HEADER.pack(0x80, 0, at & 0xFFFF, 0, ssrc))
