"""The playout buffer of all legs: where a packet's samples go, and which 20 ms are heard next.

One clock for all legs; each leg maps its peer's timestamps onto it. The mapping moves when it must:
some frames later when packets come too late, and by whole periods of the sound, so that nobody
hears it, when for a second all of them came earlier than was needed, or all at the last moment. So
clock drift and jitter never make the delay grow for good, and drift makes no holes.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FRAME, RATE_HZ, Samples
from runtime.media.splicing import Splicer

from .header import Bools, Ints

AHEAD: Final = 32
"""640 ms: more than any jitter worth waiting for, plus one 100 ms packet."""
CAPACITY: Final = AHEAD * FRAME
HISTORY: Final = 3
"""Frames that stay after they were heard: what concealment continues from."""
SLOTS: Final = AHEAD + HISTORY
MISSING: Final = -32768
"""No codec decodes to this value; it marks samples that never arrived."""
TARGET_LEAD: Final = FRAME
"""A stream starts this long before it is heard: absorbs 20 ms of jitter or of a busy machine."""
MAX_LEAD: Final = 15 * FRAME
"""300 ms; a conversation cannot bear more. What comes later still is lost."""
IDLE_FRAMES: Final = 5
"""100 ms after its last sound a stream that does not fit is mapped anew at once."""
MISFITS: Final = 3
"""Packets of so many ticks in a row that do not fit mean that the sender's clock jumped."""
OVERDUE: Final = 2
"""So many reordered packets that came too late within a check ask for more delay."""
CALM: Final = 5
"""Seconds after a stream was given more delay in which it keeps it: jitter comes in bursts."""
MAX_SPLICES: Final = 8
"""Of one call, at 0.2 ms each; a change in the network may concern all legs at once."""

_SPLICER: Final = Splicer(RATE_HZ)
_NOWHERE: Final = 1 << 60
"""A mapping by which every timestamp is hopelessly late."""


@attrs.frozen(kw_only=True, eq=False)
class Fitted:
    """One entry per packet: may it be written, and at which sample of the playout clock."""

    accepted: Bools
    position: Ints
    step: Ints
    """How far the timestamp is from that of the packet which came before."""


class Playout:
    """Sample rings of every leg, laid out slot by slot so that playing is one block copy."""

    def __init__(self, legs: int) -> None:
        self.clock = CAPACITY
        """Sample that is heard next; the same for all legs."""
        self.late = np.zeros(legs, dtype=np.int64)
        # Pages that no leg uses stay untouched and cost nothing; `reset` fills a leg's part.
        self._ring: Samples = np.empty((SLOTS, legs, FRAME), dtype=np.int16)
        self._written = np.zeros((SLOTS, legs), dtype=np.bool_)
        self._base = np.zeros(legs, dtype=np.int64)
        self._timestamp = np.zeros(legs, dtype=np.int64)
        self._behind = np.zeros(legs, dtype=np.int64)
        """How far the timestamp that came last is behind the newest one."""
        self._misfits = np.zeros(legs, dtype=np.int64)
        self._misfit_at = np.zeros(legs, dtype=np.int64)
        """Clock at the last misfit: a burst in one tick says no more than one packet."""
        self._overdue = np.zeros(legs, dtype=np.int64)
        self._end = np.zeros(legs, dtype=np.int64)
        """Where on the clock the last sound in the buffer ends."""
        self._least = np.full(legs, CAPACITY, dtype=np.int64)
        self._most = np.zeros(legs, dtype=np.int64)
        self._waited = np.zeros(legs, dtype=np.int64)
        """Seconds for which a splice is wanted."""
        self._numbers = np.arange(legs)
        self._calm = np.full(legs, CALM, dtype=np.int64)
        """Seconds since a stream was given more delay."""

    def reset(self, leg: int) -> None:
        """A new call takes this place."""
        self._ring[:, leg] = MISSING
        self._written[:, leg] = False
        for column in (
            self.late,
            self._base,
            self._timestamp,
            self._behind,
            self._misfits,
            self._misfit_at,
            self._overdue,
            self._end,
            self._waited,
        ):
            column[leg] = 0
        self._least[leg], self._most[leg] = CAPACITY, 0
        self._calm[leg] = CALM

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {
            "timestamp": self._timestamp,
            "least": self._least,
            "most": self._most,
            "end": self._end,
            "base": self._base,
            "ring": self._ring,
            "written": self._written,
        }

    def forget(self, legs: Ints) -> None:
        """Another stream began with a packet that is not audio; its first audio is mapped anew."""
        self._base[legs] = _NOWHERE
        self._misfits[legs] = MISFITS

    def silent(self, count: int) -> Bools:
        """Which of the first `count` legs have nothing (more) to be heard."""
        empty: Bools = self._end[:count] <= self.clock
        return empty

    def ends_at(self, leg: int) -> int:
        """Where on the clock the last sound in the buffer ends, or did."""
        return int(self._end[leg])

    # --- writing --------------------------------------------------------------------------------

    def fit(
        self,
        legs: Ints,
        timestamp: Ints,
        size: Ints,
        *,
        marker: Bools,
        newest: Bools,
        restarted: Bools,
    ) -> Fitted:
        """Place one fresh audio packet per leg; moves mappings where needed."""
        last = self._timestamp[legs]
        step = ((timestamp - last + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        unwrapped = last + step
        lead = unwrapped - self._base[legs] - self.clock
        late, early = lead < 0, lead + size > CAPACITY - FRAME
        # Sound after a pause must not be put far ahead, where nothing but delay would be gained.
        idle = self._end[legs] <= self.clock - IDLE_FRAMES * FRAME
        strayed = late | early | (idle & (lead > TARGET_LEAD + FRAME))
        if restarted.any() or strayed.any() or self._overdue[legs].any():
            anew = restarted | (newest & idle & strayed)
            lead = self._move(legs, unwrapped, lead, size, anew, marker, newest, early)
        else:
            self._misfits[legs] = 0
        inside = (lead + size > 0) & (lead + size <= CAPACITY - FRAME)
        self.late[legs[~inside | (lead < 0)]] += 1
        ahead = legs[newest]
        self._timestamp[ahead] = unwrapped[newest]
        self._least[ahead] = np.minimum(self._least[ahead], lead[newest])
        self._most[ahead] = np.maximum(self._most[ahead], lead[newest])
        placed = legs[inside]
        end = (lead + size)[inside] + self.clock
        self._end[placed] = np.maximum(self._end[placed], end)
        since_last = step + self._behind[legs]
        self._behind[legs] = np.where(newest, 0, -step)
        return Fitted(accepted=inside, position=lead + self.clock, step=since_last)

    def leads(self, legs: Ints) -> tuple[Ints, Bools]:
        """For packets that continue their streams by one whole frame: how long before they are
        heard they came, and whether they can simply be written as a whole."""
        lead = self._timestamp[legs] + FRAME - self._base[legs] - self.clock
        simple = (lead >= 0) & (lead <= CAPACITY - 2 * FRAME)
        return lead, simple

    def follow(self, legs: Ints, lead: Ints) -> None:
        """Packets with simple leads came."""
        self._timestamp[legs] += FRAME
        self._least[legs] = np.minimum(self._least[legs], lead)
        self._most[legs] = np.maximum(self._most[legs], lead)
        self._end[legs] = lead + (self.clock + FRAME)

    def write_frames(self, legs: Ints, position: Ints, samples: Samples) -> None:
        """20 ms each, of which nothing was played yet; a block copy if on the borders of frames."""
        if (position % FRAME).any():
            aslant = position % FRAME != 0
            self._write_aslant(legs[aslant], position[aslant], samples[aslant])
            legs, position, samples = legs[~aslant], position[~aslant], samples[~aslant]
        slot = position // FRAME % SLOTS
        self._ring[slot, legs] = samples
        self._written[slot, legs] = True

    def _write_aslant(self, legs: Ints, position: Ints, samples: Samples) -> None:
        legs, at = legs[:, None], position[:, None] + np.arange(FRAME)
        slot = at // FRAME % SLOTS
        for part in (slot[:, 0], slot[:, -1]):
            self._erase_fresh(part, legs[:, 0])
        self._ring[slot, legs, at % FRAME] = samples

    def _erase_fresh(self, slot: Ints, legs: Ints) -> None:
        """Mark places as written to, of which a part is written next; some may be named twice."""
        fresh = ~self._written[slot, legs]
        self._ring[slot[fresh], legs[fresh]] = MISSING
        self._written[slot, legs] = True

    def write_samples(self, legs: Ints, position: Ints, samples: Samples) -> None:
        """Single samples, each with its leg and position; those already played are ignored."""
        ahead = position >= self.clock
        legs, position, samples = legs[ahead], position[ahead], samples[ahead]
        slot = position // FRAME % SLOTS
        begins = np.flatnonzero(np.diff(slot * len(self._base) + legs, prepend=-1))
        self._erase_fresh(slot[begins], legs[begins])
        self._ring[slot, legs, position % FRAME] = samples

    def _move(
        self,
        legs: Ints,
        unwrapped: Ints,
        lead: Ints,
        size: Ints,
        anew: Bools,
        marker: Bools,
        newest: Bools,
        early: Bools,
    ) -> Ints:
        """Map streams anew or give them some frames more delay; returns the new leads."""
        late = lead < 0
        # A peer that begins to send longer packets needs their length at once.
        slightly = late & (lead >= -np.maximum(size, FRAME))
        more = np.where(slightly, -(lead // FRAME), 1) * FRAME
        misfit = newest & (early | (late & ~slightly))
        again = self._misfit_at[legs] != self.clock
        misfits = np.where(misfit, self._misfits[legs] + again, 0)
        self._misfit_at[legs[misfit]] = self.clock
        anew = anew | (misfit & (marker | (misfits >= MISFITS)))
        self._misfits[legs] = np.where(anew, 0, misfits)
        # An older packet is placed by the mapping that its successors already used.
        self._overdue[legs[late & ~newest]] += 1
        wanted = slightly | (self._overdue[legs] >= OVERDUE)
        room = np.maximum(self._most[legs], lead) + more <= MAX_LEAD
        delayed = newest & ~anew & wanted & room & ~misfit
        self._overdue[legs[delayed]] = self._calm[legs[delayed]] = 0
        lead = np.where(anew, TARGET_LEAD, np.where(delayed, lead + more, lead))
        moved = anew | delayed
        self._base[legs[moved]] = unwrapped[moved] - lead[moved] - self.clock
        self._least[legs[moved]], self._most[legs[moved]] = CAPACITY, 0
        return lead

    # --- playing --------------------------------------------------------------------------------

    def due(self, count: int) -> tuple[Samples, Bools]:
        """What the first `count` legs play next (views), and which of them got anything at all;
        of the others, what is there means nothing."""
        slot = self.clock // FRAME % SLOTS
        return self._ring[slot, :count], self._written[slot, :count]

    def arrived(self, count: int) -> Bools:
        """A copy of the second, which stays true when the frame was heard."""
        return self.due(count)[1].copy()

    def history(self, legs: Ints) -> Samples:
        """What the legs were heard of in the last frames, `HISTORY * FRAME` samples each.

        MISSING is where they were silent; whoever repairs the due frame does it in its place.
        """
        slots = self._order(-HISTORY, 0)[None, :]
        heard: Samples = self._ring[slots, legs[:, None]]
        heard[~self._written[slots, legs[:, None]]] = MISSING
        return heard.reshape(len(legs), HISTORY * FRAME)

    def advance(self, count: int) -> None:
        """The due frame was heard; the place of the oldest one is free again."""
        slot = (self.clock // FRAME - HISTORY) % SLOTS
        # What lies there is overwritten as a whole, or erased by whoever writes a part.
        self._written[slot, :count] = False
        self.advanced()

    def advanced(self, frames: int = 1) -> None:
        """The due frames were heard, and the oldest ones' places are free already."""
        self.clock += FRAME * frames

    def skip(self, frames: int, count: int) -> None:
        """The engine stood still for so many frames; what was due meanwhile is gone."""
        for _ in range(min(frames, SLOTS)):
            self.advance(count)
        self.clock += FRAME * max(0, frames - SLOTS)
        # Nobody paused; the packets that wait outside must not be taken for a new beginning.
        self._end[:count] += FRAME * frames

    # --- keeping the delay right ----------------------------------------------------------------

    def adjust(self, legs: slice) -> None:
        """To be called once a second for each leg: cut delay that no packet needed since the last
        call, and wait a little longer where all came at the last moment."""
        least, most = self._least[legs], self._most[legs]
        heard = least < CAPACITY
        self._calm[legs] += 1
        early = heard & (least >= TARGET_LEAD + FRAME) & (self._calm[legs] > CALM)
        # Of a peer whose clock is slow; jitter lets some come early.
        hurried = heard & (most < TARGET_LEAD)
        wanted = self._numbers[legs][early | hurried]
        # Others than a second ago come first.
        turn = MAX_SPLICES * (self.clock // FRAME)
        for leg in np.roll(wanted, -turn)[:MAX_SPLICES].tolist():
            done = self._stretch(leg) if self._most[leg] < TARGET_LEAD else self._cut(leg)
            self._waited[leg] = 0 if done else self._waited[leg] + 1
        self._least[legs], self._most[legs], self._overdue[legs] = CAPACITY, 0, 0

    def _cut(self, leg: int) -> bool:
        """Take out what is heard next, up to the last frame but one that nobody needed."""
        surplus = int(self._least[leg] - TARGET_LEAD) // FRAME
        # Halving: a burst's whole delay is gone in seconds, drift costs one frame at a time.
        frames = (surplus + 1) // 2
        line, now = self._line(leg), HISTORY * FRAME
        splice = _SPLICER.cut(_silenced(line[:now]), line[now:], frames * FRAME)
        torn = (line[now : now + (frames + 1) * FRAME] == MISSING).any()
        if frames == 1 and (torn or not splice.good(int(self._waited[leg]))):
            return False
        rest = line[now + splice.count :] if torn else splice.samples
        self._replace(leg, rest, -splice.count)
        return True

    def _stretch(self, leg: int) -> bool:
        """Let what was heard last be heard a little longer."""
        line, now = self._line(leg), HISTORY * FRAME
        splice = _SPLICER.stretch(_silenced(line[:now]))
        if line[now - 1] == MISSING or not splice.good(int(self._waited[leg])):
            return False
        self._replace(leg, np.concatenate((splice.samples, line[now:])), splice.count)
        return True

    def _line(self, leg: int) -> Samples:
        """All that the buffer holds of a leg, in order; what is due next follows `HISTORY`."""
        order = self._order(-HISTORY, AHEAD)
        line: Samples = self._ring[order, leg]
        line[~self._written[order, leg]] = MISSING
        return line.reshape(-1)

    def _order(self, first: int, last: int) -> Ints:
        """Slots by their distance from the one that is due."""
        return (self.clock // FRAME + np.arange(first, last)) % SLOTS

    def _replace(self, leg: int, ahead: Samples, longer: int) -> None:
        """Have a leg hear `ahead`, which was made longer by so many samples (or shorter)."""
        lane = np.full(CAPACITY, MISSING, dtype=np.int16)
        lane[: len(ahead)] = ahead[:CAPACITY]
        order, frames = self._order(0, AHEAD), lane.reshape(AHEAD, FRAME)
        self._ring[order, leg] = frames
        self._written[order, leg] = (frames != MISSING).any(axis=1)
        self._base[leg] -= longer
        self._end[leg] += longer


def _silenced(samples: Samples) -> Samples:
    """With silence where nothing came."""
    return np.where(samples == MISSING, np.int16(0), samples)
