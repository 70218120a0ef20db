"""What an input of a call carries besides its name."""

from __future__ import annotations

import attrs

from runtime.decisions.problems import Calls
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
    problem: str = ""
    """The number of a refusal of ours (decisions/problems/), for its Warning."""
    wire_code: int = 0
    """Of a refusal or cancellation, when the event says something else."""
    display_name: str = ""
    custom_data: str = ""
    direct_peer: Leg | None = None
    """The leg whose peer the caller is to talk to directly."""
    req: int = 0
    """Of the command that is settled later."""

    @classmethod
    def refusing(cls, kind: Calls, reason: str, code: int, shown_code: int) -> Notice:
        """Of a refusal of ours: `code` on the wire and `shown_code` in the event; 0 where they are
        those of the kind."""
        on_wire = code or kind.status
        return cls(
            code=shown_code or on_wire, wire_code=on_wire, reason=reason, problem=kind.number
        )
