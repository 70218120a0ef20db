"""SRTP and SRTCP (RFC 3711, RFC 7714) of one leg: what goes out is sealed, what comes in is opened.

The one module that knows the library under it (libsrtp). Bytes and the time go in, bytes or an
SrtpError come out. Rules: a packet is opened once (replay window), and so it stays when a key of
the peer comes back; one that was replaced is believed a little longer; nothing that fails changes
anything. Keys have no repr.
"""

from __future__ import annotations

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
MAX_FORMER_KEYS: Final = 8
"""Keys of the peer whose replay windows are kept for when they come back, 8 KiB each. Who changes
between telephones, music on hold and suites has three or four."""
MAX_SPENT_KEYS: Final = 1000
"""Older keys, of which only is remembered that they open nothing any more: a day of calls whose
peer sends a new one with every refresh, at 90 s the shortest (RFC 4028 4)."""
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


class SpentKey(Replayed):
    """Cannot be told from a replay: under a key that the peer left for MAX_FORMER_KEYS others."""


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
    highest: dict[int, int] = attrs.field(factory=dict)
    """By SSRC: the highest extended sequence number."""
    sources: set[int] = attrs.field(factory=set)
    """The SSRCs that the library keeps windows of."""
    ssrc: int = 0
    """Of the last RTP packet."""
    used: bool = False
    """Whether a packet of the peer was opened."""


class Opener:
    """The peer's direction: any number (MAX_SSRCS) of streams."""

    def __init__(self, key: MasterKey) -> None:
        self.key = key
        """The newest one."""
        self._newest = [_inbound(key)]
        """The readings of it; none when it is spent."""
        self._former: _Trial | None = None
        """The context that is believed a little longer,"""
        self._until = 0.0
        """and how long it is."""
        self._left: dict[MasterKey, _Trial] = {}
        """Contexts of former keys, the one that was left last at the end."""
        self._spent: dict[MasterKey, None] = {}
        """Former keys without a context, likewise."""

    @property
    def former_keys(self) -> int:
        """How many are remembered."""
        return len(self._left) + len(self._spent)

    def rekey(self, key: MasterKey, now: float) -> None:
        """The peer seals with `key` from now on, and a little while with the former one.

        By RFC 3711 the rollover counter goes on; peers that start it anew are understood, too. A
        key that comes back comes with its context, for it must never see an index twice (RFC 3711
        3.3.2, 9.1).
        """
        back = self._left.pop(key, None)
        if self._newest:
            self._former, self._until = self._newest[0], now + OLD_KEY_S
            self._leave(self._former)
        elif self._former is back:
            self._former = None
        self.key, self._newest = key, self._readings(key, back)

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
        return self._open(packet, ssrc, now, Session.unprotect_rtcp)[0]

    def _open(
        self, packet: bytes, ssrc: int, now: float, open_: Callable[[Session, bytes], bytes]
    ) -> tuple[bytes, _Trial]:
        """The plain packet, and the context it was in: the newest one that opens it."""
        if len(packet) > MAX_PACKET:
            raise Malformed(f"longer than {MAX_PACKET} octets")
        refusal: SrtpError | None = None
        for trial in self._trials(now):
            if len(trial.sources) >= MAX_SSRCS and ssrc not in trial.sources:
                refusal = refusal or TooManySources(f"more than {MAX_SSRCS} SSRCs under one key")
                continue
            try:
                plain = open_(trial.session, packet)
            except Error as exc:
                refusal = refusal or _refusal(exc)
                continue
            trial.sources.add(ssrc)
            trial.used = True
            if len(self._newest) > 1 and trial is not self._former:
                # The first packet under a new key shows which reading of it is right.
                self._newest = [trial]
            return plain, trial
        if not self._newest:
            raise SpentKey(f"more than {MAX_FORMER_KEYS} other keys came since")
        assert refusal is not None, "the newest key never expires"
        raise refusal

    def _trials(self, now: float) -> list[_Trial]:
        if self._former is not None and self._until < now:
            self._former = None
        return self._newest if self._former is None else [*self._newest, self._former]

    def _leave(self, trial: _Trial) -> None:
        self._left[trial.key] = trial
        if len(self._left) > MAX_FORMER_KEYS:
            oldest = next(iter(self._left))
            del self._left[oldest]
            self._spent[oldest] = None
        if len(self._spent) > MAX_SPENT_KEYS:
            del self._spent[next(iter(self._spent))]

    def _readings(self, key: MasterKey, back: _Trial | None) -> list[_Trial]:
        """The contexts in which packets under this key may be; `back` is the one it had before."""
        if key in self._spent:
            return []
        if back is None or not back.used:
            return [*_continued(key, self._former), _inbound(key)]
        if self._former is not None:
            _catch_up(back, self._former)
        return [back]


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


def _inbound(key: MasterKey) -> _Trial:
    return _Trial(key, _session(key, Policy.SSRC_ANY_INBOUND))


def _continued(key: MasterKey, former: _Trial | None) -> Iterator[_Trial]:
    """The context of a peer whose stream goes on counting; none where it has not wrapped."""
    if former is not None and former.highest.get(former.ssrc, 0) >= _CYCLE:
        trial = _inbound(key)
        if _catch_up(trial, former):
            yield trial


def _catch_up(trial: _Trial, former: _Trial) -> bool:
    """Bring a context to where the peer's stream has come under another key; False if too far."""
    ssrc = former.ssrc
    index, since = former.highest.get(ssrc, 0), trial.highest.get(ssrc, 0)
    if index >= MAX_ROLLOVERS * _CYCLE:
        return False
    for at, packet in _walk(_session(trial.key, Policy.SSRC_ANY_OUTBOUND), ssrc, index):
        if at > since:
            trial.session.unprotect(packet)
            trial.highest[ssrc] = index
            trial.sources.add(ssrc)
    return True


def _walk(session: Session, ssrc: int, index: int, since: int = 0) -> Iterator[tuple[int, bytes]]:
    """Empty packets with their indices, never sent: they bring a context's counter near `index`."""
    if since or index >= _CYCLE:
        for at in range(since + _STEP, index, _STEP):
            yield at, session.protect(_HEADER.pack(0x80, 0, at & 0xFFFF, 0, ssrc))
