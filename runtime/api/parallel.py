"""first_answered([...]): several calls ring at once, the first that connects stays.

All of it is written with the public methods of Call; a script could do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, cast

from runtime.api.call import Call
from runtime.api.errors import NobodyAnswered
from runtime.api.event_constants import CallEvents
from runtime.api.handle import Handle
from runtime.api.options import seconds
from runtime.api.running import current
from runtime.api.session import Phase
from runtime.api.values import Answered

MAX_RING_S: Final = 3_600.0
"""No call rings longer than 400 s."""
MAX_CALLS: Final = 50
"""VoxEngine's call attempts of one session: more cannot ring."""


class FirstAnswered(Handle[Call]):
    """Calls that ring at once; awaiting it gives the one that connected. See first_answered()."""

    __slots__ = ("_audible", "_calls", "_listener", "_outcomes", "_taken", "_timer")

    def __init__(self, calls: Sequence[Call], listener: Call | None) -> None:
        super().__init__("first_answered")
        self._calls = tuple(calls)
        self._listener = listener
        self._audible: list[Call] = []
        """Those that have sent early media and still ring; the listener hears the first."""
        self._outcomes: dict[Call, Answered] = {}
        self._timer: int | None = None
        self._taken = False

    def _begin(self, timeout: float | None) -> None:
        for call in self._calls:
            if self._listener is not None:
                call.addEventListener(CallEvents.AudioStarted, partial(self._early, call))
            if call._answer.done:
                self._told(call)
            else:
                call._answer._then.append(partial(self._told, call))
        if timeout is not None and not self.done:
            expired = partial(self._give_up, f"not answered within {timeout:g} s")
            self._timer = current().timers.start(expired, timeout, repeat=False)

    def _early(self, call: Call) -> None:
        if self._listener is None or self.done:
            return
        self._audible.append(call)
        if self._audible[0] is call:
            call.sendMediaTo(self._listener)

    def _told(self, call: Call) -> None:
        """What became of one of them."""
        if self.done:
            return
        outcome = call._answer._outcome()
        if outcome:
            self._over(call)
            return
        self._outcomes[call] = outcome
        self._fall_silent(call)
        if len(self._outcomes) == len(self._calls):
            self._over(None)

    def _fall_silent(self, call: Call) -> None:
        """A leg that failed was perhaps the one being heard: the next one is."""
        if call in self._audible:
            heard = self._audible[0] is call
            self._audible.remove(call)
            if heard and self._audible and self._listener is not None:
                self._audible[0].sendMediaTo(self._listener)

    def _give_up(self, why: str, code: int = 408) -> None:
        """Nobody is waited for any more."""
        if not self.done:
            ringing = Answered(connected=False, code=code, reason=why)
            self._outcomes = {call: self._outcomes.get(call, ringing) for call in self._calls}
            self._over(None)

    def _over(self, winner: Call | None) -> None:
        self._settle(winner, None if winner else "nobody answered")
        if self._timer is not None:
            self._calls[0]._session.timers.clear(self._timer)
        for call in self._calls:
            if call is not winner:
                _let_go(call)

    async def _wait(self) -> Call:
        try:
            call = await super()._wait()
            self._taken = True
        finally:
            if not self._taken:  # the wait was ended from outside, or there is no winner
                self._give_up("the wait was given up", 487)
                if self._value is not None:
                    _let_go(self._value)
        return call

    def _outcome(self) -> Call:
        if self._error is not None:
            raise NobodyAnswered(
                {call: self._outcomes[call] for call in self._calls if call in self._outcomes}
            )
        return super()._outcome()


def _let_go(call: Call) -> None:
    """Hang up, unless that is being done: a session that ends does it for all its calls."""
    if not call._over and call._session.phase is Phase.RUNNING:
        call.hangup()


def first_answered(
    calls: Sequence[Call], *, timeout: float | None = None, earlyMedia: Call | None = None
) -> FirstAnswered:
    """Wait for the first of several outgoing calls: `agent = await first_answered([a, b, c])`.

    Gives the Call that connects first; the others are hung up at once, so that no second one can
    win. When all of them fail, or `timeout` seconds have passed (then all are hung up), awaiting
    raises NobodyAnswered, whose text and `outcomes` say why each did not answer. Ending the wait
    (a cancelled task, a time-out around it) hangs up all of them. With `earlyMedia`, that call
    hears the early media (ringback, announcements) of the first that sends some, and when it fails
    of the next. It is not joined with the one that answers: `await bridge(caller, agent)`. Raises
    TypeError and ValueError for what is no list of different calls.
    """
    what = "first_answered"
    if not isinstance(calls, list | tuple) or not calls:
        raise TypeError(f"{what}(): calls must be a list of Calls, not {calls!r}"[:200])
    for call in cast("Sequence[object]", calls):
        if not isinstance(call, Call):
            raise TypeError(f"{what}(): calls must hold Calls, not {type(call).__name__}")
    if len({id(call) for call in calls}) != len(calls) or len(calls) > MAX_CALLS:
        raise ValueError(f"{what}(): calls must be different ones, {MAX_CALLS} at most")
    if earlyMedia is not None and not isinstance(earlyMedia, Call):
        kind = type(earlyMedia).__name__
        raise TypeError(f"{what}(): earlyMedia must be the Call that hears it, not {kind}")
    if timeout is not None:
        seconds(what, "timeout", timeout, MAX_RING_S)
    current().refuse_late(what)
    race = FirstAnswered(calls, earlyMedia)
    race._begin(timeout)
    return race
