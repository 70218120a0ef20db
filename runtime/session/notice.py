"""What an input of a call carries besides its name."""

from __future__ import annotations

import attrs

from runtime.legs.leg import Headers, Leg


@attrs.frozen(kw_only=True)
class Notice:
    """What comes with an input: for the event, and for the wire."""

    headers: Headers = attrs.field(factory=dict)
    """The peer's, for the event."""
    wire_headers: Headers = attrs.field(factory=dict)
    """The script's, for the wire."""
    code: int = 0
    reason: str = ""
    wire_code: int = 0
    """Of a refusal or cancellation, when the event says something else."""
    display_name: str = ""
    custom_data: str = ""
    direct_peer: Leg | None = None
    """The leg whose peer the caller is to talk to directly."""
    req: int = 0
    """Of the command that is settled later."""
