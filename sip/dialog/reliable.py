"""Reliable provisional responses of the answering side (RFC 3262 3).

One at a time is under way: it is repeated from T1, doubling, until its PRACK arrives; the next one
and the 2xx wait for that. Without a PRACK in 64*T1 the INVITE is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs

from sip.message import Request, Response
from sip.message.scan import parse_number

from .call import Call
from .limits import MAX_WAITING_PROVISIONALS
from .port import Incoming

REPEAT = "1xx"
GIVE_UP = "no-prack"
MAX_RSEQ = 2**32 - 1
"""RFC 3262 7.1."""


@attrs.frozen(kw_only=True)
class Draft:
    """A provisional response as the application asked for it."""

    status: int
    reason: str | None
    headers: tuple[tuple[str, str], ...]
    sdp: bytes | None


@attrs.define(kw_only=True)
class _UnderWay:
    rseq: int
    draft: Draft
    response: Response
    interval: float


class ReliableProvisionals:
    """The reliable provisional responses to one INVITE."""

    def __init__(self, call: Call, incoming: Incoming, on_timeout: Callable[[float], None]) -> None:
        self._call = call
        self._incoming = incoming
        self._on_timeout = on_timeout
        self._under_way: _UnderWay | None = None
        self._waiting: deque[Draft] = deque(maxlen=MAX_WAITING_PROVISIONALS)
        self._rseq = 0
        call.on_timer[REPEAT] = self._repeat
        call.on_timer[GIVE_UP] = self._expire

    @property
    def settled(self) -> bool:
        """Every one that was sent has its PRACK, and none waits."""
        return self._under_way is None and not self._waiting

    def send(self, draft: Draft, now: float) -> None:
        """Send it, or keep it until the one before is acknowledged."""
        if self._under_way is not None:
            self._waiting.append(draft)
            return
        port = self._call.port
        # RFC 3262 3: a random start, then one more each time
        self._rseq = self._rseq + 1 if self._rseq else port.ids.number()
        response = port.respond(
            self._incoming,
            draft.status,
            draft.reason,
            now,
            to_tag=self._call.local_tag,
            headers=(*draft.headers, ("Require", "100rel"), ("RSeq", str(self._rseq))),
            sdp=draft.sdp,
        )
        interval = port.timers.t1
        self._under_way = _UnderWay(
            rseq=self._rseq, draft=draft, response=response, interval=interval
        )
        port.set_timer((REPEAT, 0), now + interval)
        port.set_timer((GIVE_UP, 0), now + port.timers.give_up)

    def take(self, prack: Request, now: float) -> Draft | None:
        """The response that this PRACK acknowledges; None when it matches none (481)."""
        under_way = self._under_way
        if under_way is None or not self._matches(prack, under_way.rseq):
            return None
        self._stop()
        if self._waiting:
            self.send(self._waiting.popleft(), now)
        return under_way.draft

    def drop(self) -> None:
        """The INVITE has its final response."""
        self._waiting.clear()
        self._stop()

    def _stop(self) -> None:
        self._under_way = None
        self._call.port.clear_timer((REPEAT, 0))
        self._call.port.clear_timer((GIVE_UP, 0))

    def _matches(self, prack: Request, rseq: int) -> bool:
        """RAck: response number, CSeq number, method (RFC 3262 7.2)."""
        parts = (prack.headers.get("RAck") or "").split()
        if len(parts) != 3:
            return False
        cseq = self._incoming.request.cseq
        try:
            number = parse_number(parts[0], MAX_RSEQ, "RAck")
            invite = parse_number(parts[1], MAX_RSEQ, "RAck")
        except ValueError:
            return False
        return (number, invite, parts[2]) == (rseq, cseq.number, cseq.method)

    def _repeat(self, _: int, now: float) -> None:
        under_way = self._under_way
        if under_way is not None:
            port = self._call.port
            port.repeat(self._incoming, under_way.response, now)
            under_way.interval *= 2
            port.set_timer((REPEAT, 0), now + under_way.interval)

    def _expire(self, _: int, now: float) -> None:
        self.drop()
        self._on_timeout(now)
