"""SIP messages as lines of a leg's timeline, from the first byte of the INVITE on.

The endpoint reports every message once, by Call-ID. Lines that come before their leg exists wait,
bounded; lines that come after its end still reach the timeline. Whoever listens masks the secrets.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from runtime.legs.leg import Trace, TraceListener
from sip.agent import SipTrace

MAX_WAITING_LINES: Final = 24
"""Lines kept for a leg that nobody listens to yet: a call set-up with authentication has 10."""
MAX_OTHER_CALLS: Final = 256
"""Call-IDs without a live leg that are remembered; a flood forgets the oldest of them, and never
the lines of a live call."""
RECENT_LINES: Final = 4
"""Of a live call, for a second leg of it: the INVITE that is arriving and what went before."""
REMEMBERED_S: Final = 35.0
"""Repetitions of the last message of a call end after 32 s (RFC 3261 17, 64 T1)."""
MAX_DETAIL_BYTES: Final = 8_192
"""Of one message; the largest INVITE of a browser has some 6,000."""


class LegTrace:
    """The lines of one call, and who listens to them."""

    def __init__(self) -> None:
        self._waiting: deque[Trace] = deque(maxlen=MAX_WAITING_LINES)
        self._listener: TraceListener | None = None

    def add(self, line: Trace) -> None:
        if self._listener is None:
            self._waiting.append(line)
        else:
            self._listener(line)

    def listen(self, listener: TraceListener) -> None:
        """Replace the listener; what came before the first one is replayed."""
        self._listener = listener
        while self._waiting:
            listener(self._waiting.popleft())


class LegLines:
    """All lines of one leg: its own, and those of every call that it has gone through."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines = LegTrace()
        self._releases: list[Callable[[], None]] = []

    def note(self, kind: str, what: str) -> None:
        """A line of our own."""
        self._lines.add(Trace(t=self._now(), kind=kind, what=what))

    def listen(self, listener: TraceListener) -> None:
        self._lines.listen(listener)

    def follow(self, call_id: str, book: TraceBook) -> None:
        """The messages of this call belong to the leg, too."""
        lines = book.adopt(call_id)
        lines.listen(self._lines.add)
        self._releases.append(partial(book.release, call_id, lines))

    def release(self) -> None:
        """The leg is over; messages that still follow are told all the same."""
        releases, self._releases = self._releases, []
        for release in releases:
            release()


@attrs.define
class _LiveCall:
    """Usually one leg; two when this runtime calls itself."""

    legs: list[LegTrace]
    recent: deque[Trace] = attrs.field(factory=lambda: deque(maxlen=RECENT_LINES))


class TraceBook:
    """Call-ID -> lines. `on_trace` is the endpoint's listener."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._live: dict[str, _LiveCall] = {}
        self._others: OrderedDict[str, tuple[float, LegTrace]] = OrderedDict()

    @property
    def live(self) -> int:
        """Calls that have a leg."""
        return len(self._live)

    def on_trace(self, trace: SipTrace) -> None:
        if trace.call_id is None:
            return
        line = self._line(trace)
        call = self._live.get(trace.call_id)
        if call is None:
            self._of_stranger(trace.call_id).add(line)
            return
        call.recent.append(line)
        for leg in call.legs:
            leg.add(line)

    def adopt(self, call_id: str) -> LegTrace:
        """The lines of a call that has a leg now; kept until `release`."""
        call = self._live.get(call_id)
        if call is None:
            _, lines = self._others.pop(call_id, (0.0, LegTrace()))
            self._live[call_id] = _LiveCall([lines])
        else:
            lines = LegTrace()
            for line in call.recent:
                lines.add(line)
            call.legs.append(lines)
        return lines

    def release(self, call_id: str, lines: LegTrace) -> None:
        """The leg is over; the messages that still follow are kept like those of strangers."""
        call = self._live[call_id]
        call.legs.remove(lines)
        if not call.legs:
            del self._live[call_id]
            self._remember(call_id, lines)

    def _of_stranger(self, call_id: str) -> LegTrace:
        known = self._others.get(call_id)
        return known[1] if known is not None else self._remember(call_id, LegTrace())

    def _remember(self, call_id: str, lines: LegTrace) -> LegTrace:
        now = self._now()
        self._others[call_id] = (now, lines)
        while len(self._others) > MAX_OTHER_CALLS or self._oldest() < now - REMEMBERED_S:
            self._others.popitem(last=False)
        return lines

    def _oldest(self) -> float:
        return next(iter(self._others.values()))[0]

    def _line(self, trace: SipTrace) -> Trace:
        where = f"{'from' if trace.direction == 'in' else 'to'} {trace.remote}"
        again = " (retransmission)" if trace.retransmission else ""
        text = trace.data[:MAX_DETAIL_BYTES].decode("utf-8", "replace")
        return Trace(
            t=self._now(),
            kind="sip",
            what=f"{trace.direction} {trace.summary} {where}{again}",
            detail=text,
        )
