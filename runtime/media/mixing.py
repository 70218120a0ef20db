"""Sums of rows: conferences, and the cross-fade of a leg whose source is replaced.

A listener hears the sum of all sources except its own. Quiet talkers are brought up first
(levels.py), sums that are too loud are turned down last (limiting.py). Who joins fades in within
5 ms; who leaves fades out as long, out of what was said last, run backwards, so that nothing clicks
even if the source is gone already. The cost is linear in the members: one sum for each mix, and one
subtraction for each listener.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FADE, FRAME, WIDE_FADE, Rows, Samples
from runtime.media.levels import Contributions, TalkerLevels
from runtime.media.limiting import Limiter

Mixes = Mapping[int, Mapping[int, int]]
"""Id of a mix: id of a source in it: the row that the source is read from."""
_NOBODY: Final[Rows] = np.zeros(0, dtype=np.int64)
_NO_ONE_SAID: Final[Contributions] = np.zeros((0, 0), dtype=np.int32)


@attrs.frozen
class Listener:
    """Hears `mix` without what `source` (its own id) says in it; `row` gets the result."""

    mix: int
    source: int
    row: int


@attrs.frozen(eq=False)
class _Tail:
    """The last 5 ms of a source that has left a mix."""

    mix: int
    source: int
    frame: Contributions


class Mixer:
    """All mixes of one rate; planned anew when members change, run once a frame."""

    def __init__(self, rows: int, levels: TalkerLevels) -> None:
        self._levels = levels
        self._limiter = Limiter(rows)
        self._members: dict[tuple[int, int], int] = {}
        """Mix and source: place in `_sources`."""
        self._sources = _NOBODY
        """Rows of all members, mix by mix."""
        self._starts = _NOBODY
        """Where each mix begins in `_sources`."""
        self._mixes: dict[int, int] = {}
        """Id of a mix: its place in `_starts`."""
        self._listeners: list[Listener] = []
        self._heard_mix = self._heard_own = self._heard_into = _NOBODY
        self._said = _NO_ONE_SAID
        """What the members said in the last frame, a silent place behind them."""
        self._joined: list[int] = []
        self._tails: list[_Tail] = []

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    @property
    def sources(self) -> Rows:
        """Rows of all members, some perhaps more than once."""
        return self._sources

    def plan(self, mixes: Mixes, listeners: Sequence[Listener]) -> None:
        """Who speaks in each mix that somebody hears, and who hears it, from the next frame on."""
        before, mixed = self._members, self._mixes
        # What nobody has heard yet is new as a whole: its listeners fade it in themselves.
        places = [(mix, source) for mix, rows in mixes.items() for source in rows]
        self._members = {place: n for n, place in enumerate(places)}
        left = [p for p in before if p not in self._members and p[0] in mixes]
        self._tails = [_Tail(*place, self._tail_of(before[place])) for place in left]
        joined = [p for p in places if p not in before and p[0] in mixed]
        self._joined = [self._members[place] for place in joined]
        rows = [row for members in mixes.values() for row in members.values()]
        self._sources = np.array(rows, dtype=np.int64)
        self._mixes = {mix: n for n, mix in enumerate(mixes)}
        sizes = [len(members) for members in mixes.values()]
        self._starts = np.cumsum([0, *sizes])[:-1].astype(np.int64)
        self._listen(listeners)

    def run(self, samples: Samples) -> None:
        """Fill the listeners' rows of `samples` from this frame's sources."""
        if not self._listeners:
            self._said = _NO_ONE_SAID
            return
        count = len(self._sources)
        said = np.zeros((count + 1, samples.shape[1]), dtype=np.int32)
        said[:count] = samples[self._sources]
        self._levels.apply(self._sources, said[:count])
        if self._joined:
            fade = _fade(samples.shape[1])
            span = len(fade)
            said[self._joined, :span] = np.rint(said[self._joined, :span] * fade)
            self._joined = []
        sums = self._sums(said)
        others = sums[self._heard_mix] - said[self._heard_own]
        for tail in self._tails:
            self._let_fade(tail, others)
        self._tails = []
        samples[self._heard_into] = self._limiter.limit(others, self._heard_into)
        self._said = said

    # --- inside ---------------------------------------------------------------------------------

    def _sums(self, said: Contributions) -> Contributions:
        """Of each mix; one without members is silent."""
        sums: Contributions = np.add.reduceat(said, self._starts, axis=0, dtype=np.int32)
        # reduceat takes the first of what follows for an empty segment.
        ends = np.append(self._starts[1:], len(self._sources))
        sums[self._starts == ends] = 0
        return sums

    def _listen(self, listeners: Sequence[Listener]) -> None:
        nowhere = len(self._sources)
        for listener in {*listeners}.difference(self._listeners):
            self._limiter.forget(listener.row)
        self._listeners = list(listeners)
        self._heard_mix = _rows([self._mixes[each.mix] for each in listeners])
        self._heard_own = _rows(
            [self._members.get((each.mix, each.source), nowhere) for each in listeners]
        )
        self._heard_into = _rows([each.row for each in listeners])

    def _tail_of(self, place: int) -> Contributions:
        """What the member at this place said last, backwards and fading out."""
        tail = np.zeros_like(self._said[place]) if place < len(self._said) else _NO_ONE_SAID[:0]
        if len(tail):
            fade = _fade(len(tail))
            span = len(fade)
            tail[:span] = np.rint(self._said[place, : -span - 1 : -1] * (1 - fade))
        return tail

    def _let_fade(self, tail: _Tail, others: Contributions) -> None:
        """All listeners of the mix hear the tail, but for whoever said it."""
        for n, listener in enumerate(self._listeners):
            if listener.mix == tail.mix and listener.source != tail.source and len(tail.frame):
                others[n] += tail.frame


def _rows(numbers: list[int]) -> Rows:
    return np.array(numbers, dtype=np.int64)


def _fade(width: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return FADE if width == FRAME else WIDE_FADE


def cross_fade(old: Samples, new: Samples) -> Samples:
    """Frames of `new` whose first 5 ms come out of `old` (same shape)."""
    mixed = new.copy()
    fade = FADE if new.shape[-1] == FRAME else WIDE_FADE
    span = len(fade)
    mixed[..., :span] = np.round(new[..., :span] * fade + old[..., :span] * (1 - fade))
    return mixed


def taper(samples: Samples, end: int, fade: NDArray[np.float32]) -> None:
    """Let a sound that breaks off at `end` fade out of its last 5 ms, run backwards, into the
    silence behind it, as far as there is room. `fade` is the one of the sound's rate."""
    count = min(len(fade), end, len(samples) - end)
    last = samples[end - count : end][::-1]
    samples[end : end + count] = np.round(last * (1 - fade[:count]))


def fade_out(frame: Samples) -> Samples:
    """The first 5 ms of `frame`, then silence."""
    return cross_fade(frame, np.zeros(len(frame), dtype=np.int16))
