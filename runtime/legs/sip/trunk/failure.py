"""Whether an INVITE that failed is the trunk's failure, so that the next trunk is tried. Pure.

A trunk fails by silence, by a transport that does not carry, or by a 5xx (RFC 3261 21.5). All
else is the answer of whoever was called - busy, declined, unknown - and the same over every trunk.
Once it rang or spoke, the call was there: what follows is its end.
"""

from __future__ import annotations

from sip.dialog.events import Ended


def trunk_failure(event: Ended, *, reached: bool) -> str | None:
    """What to write down about the trunk; None when there is no point in trying another one."""
    if reached or event.kind != "failure" or event.by == "local":
        return None
    if event.by != "remote":
        return event.reason
    if event.status == 408 or 500 <= event.status <= 599:
        return f"{event.status} {event.reason}"
    return None
