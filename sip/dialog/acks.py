"""Our 2xx responses to INVITE until their ACK arrives (RFC 3261 13.3.1.4).

The dialog repeats them, on every transport: at T1, doubling up to T2, for 64*T1. Then the caller is
told that no ACK came.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sip.message import Response

from .call import Call
from .port import Incoming

REPEAT = "2xx"
GIVE_UP = "no-ack"


@attrs.define(kw_only=True)
class Waiting:
    """A 2xx without ACK."""

    incoming: Incoming
    response: Response
    interval: float
    carries_offer: bool
    """The ACK will bring the answer."""
    initial: bool
    """It answers the INVITE that began the session."""


class Acknowledgements:
    """All 2xx responses of one session that wait for their ACK, by CSeq number."""

    def __init__(self, call: Call, on_timeout: Callable[[Waiting, float], None]) -> None:
        self._call = call
        self._on_timeout = on_timeout
        self._waiting: dict[int, Waiting] = {}
        call.on_timer[REPEAT] = self._repeat
        call.on_timer[GIVE_UP] = self._expire

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def await_ack(
        self,
        incoming: Incoming,
        response: Response,
        now: float,
        *,
        carries_offer: bool,
        initial: bool,
    ) -> None:
        """Repeat `response`, which was sent at `now`, until its ACK comes."""
        number = incoming.request.cseq.number
        timers = self._call.port.timers
        self._waiting[number] = Waiting(
            incoming=incoming,
            response=response,
            interval=timers.t1,
            carries_offer=carries_offer,
            initial=initial,
        )
        self._call.port.set_timer((REPEAT, number), now + timers.t1)
        self._call.port.set_timer((GIVE_UP, number), now + timers.give_up)

    def take(self, number: int) -> Waiting | None:
        """The ACK with this number arrived; None when it is a repeated one or answers nothing."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            self._clear(number)
        return waiting

    def drop_all(self) -> None:
        """The dialog is over: nobody waits for an ACK any more."""
        for number in self._waiting:
            self._clear(number)
        self._waiting.clear()

    def _clear(self, number: int) -> None:
        self._call.port.clear_timer((REPEAT, number))
        self._call.port.clear_timer((GIVE_UP, number))

    def _repeat(self, number: int, now: float) -> None:
        waiting = self._waiting.get(number)
        if waiting is None:
            return
        port = self._call.port
        port.repeat(waiting.incoming, waiting.response, now)
        waiting.interval = min(2 * waiting.interval, port.timers.t2)
        port.set_timer((REPEAT, number), now + waiting.interval)

    def _expire(self, number: int, now: float) -> None:
        waiting = self.take(number)
        if waiting is not None:
            self._on_timeout(waiting, now)
