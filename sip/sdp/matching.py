"""Which of the offered codecs we take, under which payload type, and why not the others.

Rules: the offerer's order wins; a payload type means what its own description says, so the
two directions may differ; digits ride on the clock of the audio (RFC 4733 2.1) if they can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from .agreement import MediaCapabilities
from .codec import (
    COMFORT_NOISE,
    DEFAULT_DTMF_PAYLOAD_TYPE,
    DTMF_EVENTS,
    FIRST_DYNAMIC,
    LAST_PAYLOAD_TYPE,
    TELEPHONE_EVENT,
    Codec,
)
from .error import NegotiationError
from .limits import MAX_LISTED

BAD_CODEC = 305
"""Warning code "incompatible media format" (RFC 3261 20.43)."""


@attrs.frozen(kw_only=True)
class Match:
    """What both sides have."""

    ours: Codec
    """With the payload type we gave it (that of `theirs` when we answer)."""
    theirs: Codec
    our_events: Codec | None
    their_events: Codec | None

    @property
    def events_clock_rate(self) -> int:
        """Of the durations in telephone events."""
        return self.their_events.clock_rate if self.their_events else self.ours.clock_rate


def match_codecs(theirs: Sequence[Codec], ours: Sequence[Codec]) -> Match:
    """The first of their audio codecs that we have; NegotiationError with every reason."""
    for codec in theirs:
        own = _find(codec, ours) if is_audio(codec) else None
        if own is not None:
            their_events = events_for(codec, theirs)
            our_events = their_events and (_find(their_events, ours) or events_for(own, ours))
            return Match(
                ours=own,
                theirs=codec,
                our_events=our_events,
                their_events=their_events if our_events else None,
            )
    failures = tuple(_why_not(codec, ours) for codec in theirs if is_audio(codec))
    listed = ", ".join(failures[:MAX_LISTED]) or "nothing that carries audio"
    if len(failures) > MAX_LISTED:
        listed += f" and {len(failures) - MAX_LISTED} more"
    have = ", ".join(codec.label for codec in ours if is_audio(codec))
    raise NegotiationError(BAD_CODEC, f"no codec in common: {listed}; we take {have}", failures)


def is_audio(codec: Codec) -> bool:
    """Not one of the formats that only accompany a codec."""
    return codec.name.lower() not in (TELEPHONE_EVENT, COMFORT_NOISE)


def events_for(codec: Codec, codecs: Iterable[Codec]) -> Codec | None:
    """The telephone-event on the codec's clock, else any: gateways offer 8000 beside Opus."""
    events = [c for c in codecs if c.name.lower() == TELEPHONE_EVENT]
    same_clock = [c for c in events if c.clock_rate == codec.clock_rate]
    return next(iter(same_clock or events), None)


def also_taken(theirs: Sequence[Codec], ours: Sequence[Codec], chosen: Codec) -> tuple[Codec, ...]:
    """Our other audio codecs that an answer took as well, with the numbers we gave them."""
    found = (_find(codec, ours) for codec in theirs if is_audio(codec))
    return tuple(dict.fromkeys(own for own in found if own is not None and own != chosen))


def explained(codecs: Iterable[Codec], ours: Sequence[Codec]) -> list[Codec]:
    """An answer may leave out the rtpmap of a payload type that our offer explained."""
    by_type = {codec.payload_type: codec for codec in ours}
    return [codec if codec.name else by_type.get(codec.payload_type, codec) for codec in codecs]


def numbered(caps: MediaCapabilities, earlier: Sequence[Codec]) -> list[Codec]:
    """Our codecs and digit formats, each with a payload type of its own.

    A format that `earlier` had keeps its number, and no number changes its meaning within
    a session (RFC 3264 8.3.2). A codec for which no dynamic number is left is not offered.
    """
    wanted = list(caps.codecs)
    if caps.dtmf:
        # 8000 first: it gets the number that careless peers take for granted.
        rates = sorted({codec.clock_rate for codec in caps.codecs}, key=lambda r: (r != 8000, r))
        events = Codec(TELEPHONE_EVENT, DEFAULT_DTMF_PAYLOAD_TYPE, fmtp=DTMF_EVENTS)
        wanted += [attrs.evolve(events, clock_rate=rate) for rate in rates]
    taken = {codec.payload_type for codec in earlier}
    placed = []
    for codec in wanted:
        number = _number_for(codec, earlier, taken)
        if number is not None:
            taken.add(number)
            placed.append(attrs.evolve(codec, payload_type=number))
    return placed


def _number_for(codec: Codec, earlier: Sequence[Codec], taken: set[int]) -> int | None:
    old = _find(codec, earlier)
    if old is not None:
        return old.payload_type
    if codec.payload_type not in taken or codec.payload_type < FIRST_DYNAMIC:
        return codec.payload_type
    free = (n for n in range(FIRST_DYNAMIC, LAST_PAYLOAD_TYPE + 1) if n not in taken)
    return next(free, None)


def _find(codec: Codec, codecs: Iterable[Codec]) -> Codec | None:
    return next((other for other in codecs if other.same_format(codec)), None)


def _why_not(codec: Codec, ours: Sequence[Codec]) -> str:
    same_name = [own.label for own in ours if own.name.lower() == codec.name.lower()]
    if codec.name and same_name:
        return f"{codec.label} (only as {' or '.join(same_name)})"
    return codec.label if not codec.name else f"{codec.label} (not supported)"
