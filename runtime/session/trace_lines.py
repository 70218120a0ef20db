"""A leg's signalling as lines of its session's timeline, secrets masked, the last repetitions
included.

The signalling side keeps a listener for half a minute after the call, so this holds the timeline
and nothing else of the session.
"""

from __future__ import annotations

import attrs

from runtime.decisions.timeline import mask_digits, mask_sip
from runtime.legs.leg import Trace
from runtime.session.timeline import Timeline


@attrs.frozen
class TraceLines:
    """The listener of one leg."""

    timeline: Timeline
    leg: str

    def __call__(self, trace: Trace) -> None:
        what, text = mask_sip(trace.what), mask_sip(trace.detail)
        if self.timeline.hide_tones:
            what, text = mask_digits(what), mask_digits(text)
        self.timeline.record(trace.kind, what, leg=self.leg, at=trace.t, text=text or None)
