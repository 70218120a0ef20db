"""bridge(a, b): two calls hear each other until one of them ends, and the script learns which.

All of it is written with the public methods of Call; a script could do the same.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Final

import attrs
import trio

from runtime.api.call import Call
from runtime.api.call_identity import CallEnd
from runtime.api.handle import Handle
from runtime.api.options import flag, seconds
from runtime.api.running import RUNNING, current
from runtime.api.session import Phase

MAX_BRIDGE_S: Final = 86_400.0
"""No call lasts longer than a day."""


class BridgeReason(StrEnum):
    """Why a bridge ended."""

    CALL_ENDED = "call_ended"
    """One of the two calls ended, or never connected."""
    TIMEOUT = "timeout"
    STOPPED = "stopped"
    """The script said so: stop()."""


@attrs.frozen(kw_only=True)
class Bridged:
    """How a bridge ended."""

    reason: BridgeReason
    by: Call | None = None
    """Whose end ended it, with reason CALL_ENDED; the other call is still there, unless
    `hangup=True` was given."""
    event: CallEnd | None = None
    """The last event of that call, Disconnected or Failed: says why in its turn."""
    duration: float = 0.0
    """Seconds from the moment when both were connected."""


class Bridge(Handle[Bridged]):
    """Two calls that hear each other; awaiting it gives Bridged. See bridge()."""

    __slots__ = ("_calls", "_connected_at", "_hangup", "_timer")

    def __init__(self, one: Call, other: Call, *, hangup: bool) -> None:
        super().__init__("bridge")
        self._calls = (one, other)
        self._hangup = hangup
        self._timer: int | None = None
        self._connected_at: float | None = None

    def stop(self) -> None:
        """Neither hears the other any more; both calls go on. Nothing happens when it is over."""
        self._part(BridgeReason.STOPPED)

    def _join(self, timeout: float | None) -> None:
        one, other = self._calls
        for call in self._calls:
            if call._end.done:
                self._ended(call)
                return
        one.sendMediaTo(other)
        other.sendMediaTo(one)
        for call in self._calls:
            call._end._then.append(partial(self._ended, call))
            if call._answer.done:
                self._answered()
            else:
                call._answer._then.append(self._answered)
        if timeout is not None:
            expired = partial(self._part, BridgeReason.TIMEOUT)
            self._timer = current().timers.start(expired, timeout, repeat=False)

    def _answered(self) -> None:
        if self._connected_at is None and all(
            call._answer.done and call._answer._outcome() for call in self._calls
        ):
            self._connected_at = trio.current_time()

    def _ended(self, call: Call) -> None:
        if self.done:
            return
        one, other = self._calls
        rest = other if call is one else one
        if self._hangup and not rest._over and rest._session.phase is Phase.RUNNING:
            rest.hangup()
        event = call._end._outcome()
        self._over(Bridged(
            reason=BridgeReason.CALL_ENDED, by=call, event=event, duration=self._duration()
        ))  # fmt: skip

    def _part(self, reason: BridgeReason) -> None:
        if self.done:
            return
        one, other = self._calls
        one.stopMediaTo(other)
        other.stopMediaTo(one)
        if self._hangup and reason is BridgeReason.TIMEOUT:
            one.hangup()
            other.hangup()
        self._over(Bridged(reason=reason, duration=self._duration()))

    def _over(self, result: Bridged) -> None:
        if self._timer is not None:
            self._calls[0]._session.timers.clear(self._timer)
        self._settle(result)

    def _duration(self) -> float:
        began = self._connected_at
        return 0.0 if began is None else round(trio.current_time() - began, 3)

    def _outcome(self) -> Bridged:
        run = RUNNING.get(None)
        result = super()._outcome()
        if run is not None and result.by is not None and run.leg == result.by._unit:
            run.terminal = True  # it handles the end of its call, as who awaited call.ended()
        return result


def bridge(one: Call, other: Call, *, timeout: float | None = None, hangup: bool = False) -> Bridge:
    """Let two calls hear each other until one of them ends: `result = await bridge(a, b)`.

    Media goes both ways at once, as with VoxEngine.sendMediaBetween; a call that is not connected
    yet joins when it is. Awaiting gives Bridged(reason, by, event, duration): which call ended
    first, and its Disconnected or Failed. With hangup=True the other call is hung up too; without,
    it hears silence and is the script's. `timeout` seconds (at most a day) after now the bridge is
    over, whether anybody waits or not; with hangup=True both calls are then hung up. `stop()` of
    what this returns parts the two. Never raises for these; a handler of a call that waited gets up
    to 10 s after its end. Ending the wait leaves the bridge alone. What either is sent later (say,
    another sendMediaTo) replaces the other's voice for good, and is no end. Raises TypeError and
    ValueError for what cannot be joined.
    """
    for name, call in (("one", one), ("other", other)):
        if not isinstance(call, Call):
            raise TypeError(f"bridge(): {name} must be a Call, not {type(call).__name__}")
    if one is other:
        raise ValueError("bridge(): the two must be different calls; for an echo use sendMediaTo")
    if timeout is not None:
        seconds("bridge", "timeout", timeout, MAX_BRIDGE_S)
    current().refuse_late("bridge")
    joined = Bridge(one, other, hangup=flag("bridge", "hangup", hangup))
    joined._join(timeout)
    return joined
