"""Requests of ours outside any dialog: OPTIONS, MESSAGE and whatever else one answer is enough for.

Where they go, and where next when a place fails, is decided in `delivery` as for every request of
ours. A challenge is answered here, with the next number (RFC 3261 22.2), as often as it makes
sense; whoever asked hears one final outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sip.auth import Credentials, DigestClient
from sip.dialog import IdSource, OnOutcome, Outcome
from sip.message import CSeq, Headers, NameAddr, Request, Uri

if TYPE_CHECKING:
    from .agent import UserAgent

MAX_REPEATS: Final = 8
"""Of one request because of challenges: three servers in a row, and a stale nonce of each."""


def request_outside(
    method: str,
    target: Uri,
    from_: NameAddr,
    ids: IdSource,
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Request:
    """A request that begins no dialog (RFC 3261 8.1.1), such as an OPTIONS (11.1) or a MESSAGE,
    which has no Contact (RFC 3428 4). ValueError for a header that cannot be written."""
    lines = Headers()
    lines.add("Max-Forwards", "70")
    lines.add("From", str(from_.with_tag(ids.tag())))
    lines.add("To", f"<{target}>")
    lines.add("Call-ID", ids.call_id())
    lines.add("CSeq", str(CSeq(ids.number(), method)))
    for name, value in headers:
        lines.add(name, value)
    if content_type:
        lines.add("Content-Type", content_type)
    return Request(method, str(target), lines, body)


class Question:
    """One request, and its repetitions with credentials."""

    def __init__(
        self,
        agent: UserAgent,
        request: Request,
        next_hop: Uri,
        credentials: Credentials | None,
        on_outcome: OnOutcome,
    ) -> None:
        self._agent = agent
        self._request = request
        self._next_hop = next_hop
        self._digest = None if credentials is None else DigestClient(credentials)
        self._on_outcome = on_outcome
        self._repeats = 0

    def ask(self, now: float) -> None:
        """Send it; `on_outcome` hears the final outcome, once: a little later when there is no way
        at all."""
        self._agent.send(self._request, self._next_hop, None, self._hear, now)

    def _hear(self, outcome: Outcome, now: float) -> None:
        if outcome.status < 200:
            return
        again = self._with_credentials(outcome)
        if again is None:
            self._on_outcome(outcome, now)
            return
        self._repeats += 1
        self._request = again
        self.ask(now)

    def _with_credentials(self, outcome: Outcome) -> Request | None:
        """The request to send instead; None when there is no point in it."""
        response, request = outcome.response, self._request
        if self._digest is None or response is None or response.status not in (401, 407):
            return None
        if self._repeats >= MAX_REPEATS or not self._digest.challenged(request, response):
            return None
        again = Request(request.method, request.uri, request.headers.copy(), request.body)
        again.headers.set("CSeq", str(CSeq(request.cseq.number + 1, request.method)))
        self._digest.authorize(again, self._agent.ids.cnonce())
        return again
