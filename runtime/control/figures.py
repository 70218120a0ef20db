"""What the runtime's machinery counts, as the HTTP interface is told it: one frozen picture."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class EngineFigures:
    """Of the process that plays and hears."""

    legs: int = 0
    frames: int = 0
    """Ticks of 20 ms, as all that follows since this engine started."""
    sends_refused: int = 0
    sends_failed: int = 0
    cpu_s: float = 0.0
    skipped_frames: int = 0
    """Of all engines so far, as all that follows."""
    restarts: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0


@attrs.frozen(kw_only=True)
class TrunkFigures:
    """Of one trunk; None where nobody asks it, or registers with it."""

    up: bool | None
    registered: bool | None
    calls_in: int
    calls_out: int


@attrs.frozen(kw_only=True)
class Figures:
    """Of everything beside sessions and requests."""

    sandbox: str = "none"
    engine: EngineFigures = attrs.field(factory=EngineFigures)
    blank_workers: int = 0
    recordings_active: int = 0
    registrations: int = 0
    trunks: Mapping[str, TrunkFigures] = attrs.field(factory=dict)
    signalling: Mapping[str, int] = attrs.field(factory=dict)
    """Entries by table."""
    sources_banned: int = 0
    strangers_turned_away: int = 0
    store_errors: Mapping[str, int] = attrs.field(factory=dict)
    """By kind."""
