"""What legs need now and then: RTCP reports, and watching for silence of a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from runtime.media.port import AudioMissing, FirstPacketReceived, RtpResumed, RtpStopped
from runtime.media.rtp.header import Bools
from runtime.media.rtp.reports import next_interval

from .leg import Leg, is_wideband
from .legs import Legs
from .missing_audio import MissingAudio

SILENT_S: Final = 5.0
"""VoxEngine tells RtpStopped within 7 s; two packets of RTCP may be lost before this."""
PAUSE_SILENT_S: Final = 30.0
"""After comfort noise nothing need come until the peer speaks (RFC 3389 section 4)."""

OnChange = Callable[[Leg, FirstPacketReceived | RtpStopped | RtpResumed | AudioMissing], None]


class Upkeep:
    """Touches only legs on which something is due."""

    def __init__(self, legs: Legs, emit: OnChange) -> None:
        self._legs = legs
        self._emit = emit
        self._told_first = np.zeros(legs.capacity, dtype=np.bool_)
        self._any_silent = False
        self._missing = MissingAudio(legs, emit)

    def forget(self, leg: Leg) -> None:
        self._told_first[leg.index] = False
        self._missing.forget(leg)

    def run(self, now: float, wall: float) -> None:
        """Once a tick: tell what nobody may learn late, and send reports that are due."""
        legs, count = self._legs, self._legs.count
        fresh = legs.spoke[:count] > self._told_first[:count]
        if fresh.any():
            self._tell_first(fresh)
            self._told_first[:count] |= fresh
        if self._any_silent:
            self._watch(now)
        if (legs.report_at[:count] <= now).any():
            self._report(now, wall)

    def run_slow(self, now: float) -> None:
        """Several times a second: silence of peers."""
        self._watch(now)
        self._missing.look(now)

    def _watch(self, now: float) -> None:
        legs, count = self._legs, self._legs.count
        heard = np.maximum(legs.last_heard[:count], legs.reception.last_arrival[:count])
        allowed = np.where(legs.concealment.pausing(count), PAUSE_SILENT_S, SILENT_S)
        quiet = legs.watched[:count] & (now - heard > allowed)
        changed = quiet != legs.silent[:count]
        if changed.any():
            self._tell(changed & quiet, RtpStopped())
            self._tell(changed & ~quiet & legs.watched[:count], RtpResumed())
            legs.silent[:count] = quiet
            legs.concealment.end_pauses(np.flatnonzero(quiet))
        self._any_silent = bool(quiet.any())

    def _tell_first(self, which: Bools) -> None:
        for index in np.flatnonzero(which):
            leg = self._legs.by_index[index]
            if leg is not None and leg.stream is not None:
                self._emit(leg, FirstPacketReceived(wideband=is_wideband(leg.stream.codec)))

    def _tell(self, which: Bools, what: RtpStopped | RtpResumed) -> None:
        for index in np.flatnonzero(which):
            leg = self._legs.by_index[index]
            if leg is not None:
                self._emit(leg, what)

    def _report(self, now: float, wall: float) -> None:
        legs = self._legs
        for index in np.flatnonzero(legs.report_at[: legs.count] <= now):
            leg = legs.by_index[index]
            if leg is None or leg.reports is None:
                legs.report_at[index] = np.inf
                continue
            legs.report_at[index] = now + next_interval(legs.random())
            sent, heard = legs.sending.sent(leg.index), legs.heard_of(leg)
            if sent.packets or heard:
                data = leg.reports.compound(sent, heard, now, wall)
                legs.send_report(leg, data)
