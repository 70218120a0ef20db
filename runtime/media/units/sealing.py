"""Encrypted legs: their packets are sealed after they were made and opened before they are judged.

Plain legs are not touched. Rules: what cannot be opened is counted and seen by nobody else, neither
latching nor playout, statistics or digits; what a leg's flood may cost is bounded; nothing of an
encrypted leg leaves unsealed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from runtime.media.port import SrtpKeys
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import Bools, Ints
from runtime.media.rtp.srtp import MasterKey, Opener, Replayed, Sealer, SrtpError

MAX_OPENED: Final = 16
"""Packets of one leg that are deciphered in one tick, at some 10 us each; more is a flood and is
dropped unread (as many as the intake takes of a plain leg)."""


@attrs.frozen
class _Left:
    """A key of ours that was in use until another one, or plain RTP, was agreed on."""

    sealer: Sealer
    ssrc: int
    index: int
    """Of the first packet that was not sealed with it."""


@attrs.define(eq=False, kw_only=True)
class _Sealed:
    """The two directions of one leg."""

    sealer: Sealer
    opener: Opener
    left: dict[MasterKey, _Left] = attrs.field(factory=dict)
    """Keys of ours that may come back: one of each suite."""
    prepared: tuple[memoryview, ...] = ()
    """Where the leg's packets of each tick are made."""
    sealed: tuple[memoryview, ...] = ()
    """Where they lie when they leave."""
    unauthenticated: int = 0
    replayed: int = 0


@attrs.frozen(kw_only=True)
class Refusals:
    """Packets of a leg that were not opened."""

    unauthenticated: int = 0
    replayed: int = 0


class Sealing:
    """Keys and packets of the encrypted legs, by the legs' numbers."""

    def __init__(self, capacity: int) -> None:
        self.legs: Bools = np.zeros(capacity, dtype=np.bool_)
        """Which legs are encrypted."""
        self._sealed: dict[int, _Sealed] = {}
        """Of legs that are or were encrypted."""
        self._replaced: set[int] = set()
        """Legs whose packet of this tick is sealed already."""

    def __len__(self) -> int:
        return len(self._sealed)

    def configure(
        self, leg: int, keys: SrtpKeys | None, *, ssrc: int, index: int, now: float
    ) -> None:
        """The keys of a leg from now on; None for plain RTP. `index`: of its next packet.

        A key of the peer that stays keeps its state, even while the leg is plain, so that what came
        under it cannot be replayed.
        """
        was_sealed, self.legs[leg] = bool(self.legs[leg]), keys is not None
        if was_sealed:
            former = self._sealed[leg]
            former.left[former.sealer.key] = _Left(former.sealer, ssrc, index)
        if keys is None:
            return
        ours, theirs = _master(keys.suite, keys.send_key), _master(keys.suite, keys.receive_key)
        state = self._sealed.get(leg)
        if state is None:
            state = _Sealed(sealer=Sealer(ours, ssrc, index), opener=Opener(theirs))
            self._sealed[leg] = state
        else:
            _seal_with(state, ours, ssrc, index)
        if state.opener.key != theirs:
            state.opener.rekey(theirs, now)

    def forget(self, leg: int) -> None:
        self._sealed.pop(leg, None)
        self.legs[leg] = False

    def refusals(self, leg: int) -> Refusals:
        state = self._sealed.get(leg)
        if state is None:
            return Refusals()
        return Refusals(unauthenticated=state.unauthenticated, replayed=state.replayed)

    def _state(self, leg: int) -> _Sealed | None:
        """The state of a leg that is encrypted now."""
        return self._sealed[leg] if self.legs[leg] else None

    # --- outgoing -------------------------------------------------------------------------------

    def views(self, leg: int, prepared: Sequence[memoryview]) -> Sequence[memoryview]:
        """What the sockets send of these packets: they themselves, or their sealed forms."""
        state = self._state(leg)
        if state is None:
            return prepared
        tag = state.sealer.key.tag_octets
        state.prepared = tuple(prepared)
        state.sealed = tuple(memoryview(bytearray(len(view) + tag)) for view in prepared)
        return state.sealed

    def seal(self, active: Bools) -> None:
        """Seal what was prepared in this tick for the `active` legs."""
        for leg, state in self._sealed.items():
            if active[leg] and self.legs[leg] and leg not in self._replaced:
                for prepared, sealed in zip(state.prepared, state.sealed, strict=True):
                    sealed[:] = state.sealer.rtp(prepared.tobytes())
        self._replaced.clear()

    def seal_instead(self, leg: int, packet: memoryview) -> memoryview:
        """The one packet that this leg sends in this tick, in place of what was prepared."""
        state = self._state(leg)
        if state is None:
            return packet
        self._replaced.add(leg)
        return memoryview(state.sealer.rtp(packet.tobytes()))

    def seal_report(self, leg: int, report: bytes) -> bytes:
        state = self._state(leg)
        return report if state is None else state.sealer.rtcp(report)

    # --- incoming -------------------------------------------------------------------------------

    def open(self, arrivals: Arrivals, packets: Ints, now: float) -> list[int]:
        """Open packets in their places; returns the numbers of those that nobody may see."""
        refused: list[int] = []
        opened: dict[int, int] = {}
        legs, lengths = arrivals.legs[packets].tolist(), arrivals.lengths[packets].tolist()
        for number, leg, length in zip(packets.tolist(), legs, lengths, strict=True):
            opened[leg] = opened.get(leg, 0) + 1
            plain = None
            if opened[leg] <= MAX_OPENED:
                row = arrivals.rows[number].data
                plain = self._open_rtp(self._sealed[leg], bytes(row[:length]), now)
            if plain is None:
                refused.append(number)
            else:
                row[: len(plain)] = plain
                arrivals.lengths[number] = len(plain)
        return refused

    def _open_rtp(self, state: _Sealed, packet: bytes, now: float) -> bytes | None:
        try:
            return state.opener.rtp(packet, now)
        except SrtpError as exc:
            _count(state, exc)
            return None

    def open_report(self, leg: int, report: bytes, now: float) -> bytes | None:
        """The RTCP inside; None for what nobody may see. What is plain stays as it is."""
        state = self._state(leg)
        if state is None:
            return report
        try:
            return state.opener.rtcp(report, now)
        except SrtpError as exc:
            _count(state, exc)
            return None


def _seal_with(state: _Sealed, ours: MasterKey, ssrc: int, index: int) -> None:
    left = state.left.pop(ours, None)
    if left is None:
        state.sealer = Sealer(ours, ssrc, index)
        return
    state.sealer = left.sealer
    left.sealer.go_on(ssrc, since=left.index if left.ssrc == ssrc else 0, index=index)


def _count(state: _Sealed, exc: SrtpError) -> None:
    if isinstance(exc, Replayed):
        state.replayed += 1
    else:
        state.unauthenticated += 1


def _master(suite: str, key: str) -> MasterKey:
    return MasterKey(suite, base64.b64decode(key))
