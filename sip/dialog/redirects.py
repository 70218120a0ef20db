"""Where a 3xx sends our INVITE next (RFC 3261 8.1.3.4), if the owner lets it.

Nothing is followed unless the owner says which addresses may be; never the same address twice, and
never more than a few. 305 and 380 ask for something else than another address.
"""

from __future__ import annotations

from collections.abc import Callable

from sip.message import MessageError, NameAddr, Response, Uri

from .limits import MAX_REDIRECTS
from .routing import as_request_uri

FOLLOWED = frozenset({300, 301, 302})

MayFollow = Callable[[Uri], bool]
"""Whether a call may be sent on to this address."""


class Redirects:
    """The addresses that one call has tried."""

    def __init__(self, target: Uri, may_follow: MayFollow | None) -> None:
        self._may_follow = may_follow
        self._tried = [as_request_uri(target)]

    def next(self, response: Response) -> Uri | str:
        """Where to go, or why nowhere."""
        if self._may_follow is None:
            return "redirects are not followed"
        if response.status not in FOLLOWED:
            return f"a {response.status} names no other address to call"
        if len(self._tried) > MAX_REDIRECTS:
            return f"more than {MAX_REDIRECTS} redirects"
        offered = [as_request_uri(contact.uri) for contact in _by_preference(response)]
        allowed = [uri for uri in offered if self._may_follow(uri)]
        fresh = [uri for uri in allowed if uri not in self._tried]
        if not fresh:
            return "it is a loop" if allowed else "it leads where calls may not be sent on to"
        self._tried.append(fresh[0])
        return fresh[0]


def _by_preference(response: Response) -> list[NameAddr]:
    """The contacts, the most wanted first; a list that cannot be read counts as empty."""
    try:
        contacts = response.contacts
    except MessageError:
        return []
    return sorted(contacts, key=_q, reverse=True)


def _q(contact: NameAddr) -> float:
    """RFC 3261 20.10; without one, or with one that cannot be read, the highest."""
    text = contact.params.get("q") or "1"
    try:
        return min(max(float(text), 0.0), 1.0) if len(text) <= 5 else 1.0
    except ValueError:
        return 1.0
