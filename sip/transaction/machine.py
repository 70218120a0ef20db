"""Runs one transaction by the table of its kind.

The machine owns what the table does not know: the message to repeat, the growing interval, how long
each timer runs on this transport. It never decides a transition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, assert_never

from sip.address import Destination
from sip.message import Message, Request, Response

from .matching import ClientKey, ServerKey
from .outputs import (
    AckArrived,
    LayerOutput,
    RequestArrived,
    RequestFailed,
    RequestTimedOut,
    ResponseArrived,
    ResponseFailed,
    TransactionEnded,
    Transmit,
)
from .schedule import Schedule
from .timers import Timers
from .vocabulary import Action, BackOff, Deed, Input, MachineKind, Slow, Start, State, Stop, Timer


class TimerSetting(Protocol):
    """Where timers are set; the machine names itself by its key."""

    @property
    def timers(self) -> Timers: ...

    @property
    def schedule(self) -> Schedule[ClientKey | ServerKey, Timer]: ...


_DELAYS: Mapping[Timer, Callable[[Timers, bool], float]] = {
    Timer.A: lambda t, _: t.t1,
    Timer.B: lambda t, _: t.give_up,
    Timer.D: lambda t, reliable: 0.0 if reliable else t.wait_d,
    Timer.E: lambda t, _: t.t1,
    Timer.F: lambda t, _: t.give_up,
    Timer.G: lambda t, _: t.t1,
    Timer.H: lambda t, _: t.give_up,
    Timer.I: lambda t, reliable: 0.0 if reliable else t.t4,
    Timer.J: lambda t, reliable: 0.0 if reliable else t.give_up,
    Timer.K: lambda t, reliable: 0.0 if reliable else t.t4,
    Timer.L: lambda t, _: t.give_up,
    Timer.M: lambda t, _: t.give_up,
}
"""First interval of each timer, given whether the transport is reliable (RFC 3261 table 4)."""

_RETRANSMITTING = frozenset({Timer.A, Timer.E, Timer.G})
_WITHOUT_CEILING = frozenset({Timer.A})
"""Timer A doubles without end (17.1.1.2); E and G stop growing at T2."""


class Machine:
    """One transaction. `feed` is its only input; results are appended to a list."""

    __slots__ = (
        "_data",
        "_interval",
        "_setting",
        "_summary",
        "ack",
        "call_id",
        "destination",
        "final",
        "key",
        "kind",
        "request",
        "state",
    )

    def __init__(
        self,
        kind: MachineKind,
        key: ClientKey | ServerKey,
        destination: Destination,
        setting: TimerSetting,
        *,
        call_id: str,
        request: Request | None = None,
    ) -> None:
        self.kind = kind
        self.key = key
        self.request = request
        """Of a client; a server lets go of its request, which may be large, as soon as it can."""
        self.destination = destination
        """Where a client sends its request, where a server sends its responses."""
        self.state = State.INITIAL
        self.call_id = call_id
        self.ack: bytes | None = None
        """The ACK of the failure response, once there is one (INVITE client)."""
        self.final: Response | None = None
        """The first final response."""
        self._setting = setting
        self._interval = 0.0
        self._data: bytes | None = None
        self._summary = ""

    def __repr__(self) -> str:
        return f"<{self.kind.name} {self.key.method} {self.state.value} {self.key.branch}>"

    def hold(self, data: bytes, summary: str) -> None:
        """Take the message that SEND transmits and RESEND repeats."""
        self._data = data
        self._summary = summary

    def feed(
        self,
        event: Input | Timer,
        now: float,
        out: list[LayerOutput],
        *,
        message: Message | None = None,
        reason: str = "",
    ) -> None:
        """Take one step with the message or the fault that caused it, if any did.

        IllegalInputError when the table has no such step; then nothing has changed.
        """
        step = self.kind.step(self.state, event)
        self.state = step.state
        for deed in step.deeds:
            self._do(deed, now, out, message, reason)
        if self.state is State.TERMINATED and step.state is State.TERMINATED:
            self._setting.schedule.drop(self.key)
            out.append(TransactionEnded(self.key))

    def _do(
        self,
        deed: Deed,
        now: float,
        out: list[LayerOutput],
        message: Message | None,
        reason: str,
    ) -> None:
        match deed:
            case Action():
                self._act(deed, out, message, reason)
            case Start(timer):
                self._start(timer, now, out)
            case BackOff(timer):
                interval = self._interval * 2
                if timer not in _WITHOUT_CEILING:
                    interval = min(interval, self._setting.timers.t2)
                self._repeat_in(timer, interval, now)
            case Slow(timer):
                self._repeat_in(timer, self._setting.timers.t2, now)
            case Stop(timer):
                self._setting.schedule.clear(self.key, timer)
            case _:
                assert_never(deed)

    def _start(self, timer: Timer, now: float, out: list[LayerOutput]) -> None:
        reliable = self.destination.reliable
        delay = _DELAYS[timer](self._setting.timers, reliable)
        if timer in _RETRANSMITTING:
            if not reliable:
                self._repeat_in(timer, delay, now)
        elif delay == 0.0:
            # RFC 3261 17: on a reliable transport the waiting states last no time at all
            self.feed(timer, now, out)
        else:
            self._setting.schedule.set(self.key, timer, now + delay)

    def _repeat_in(self, timer: Timer, interval: float, now: float) -> None:
        self._interval = interval
        self._setting.schedule.set(self.key, timer, now + interval)

    def _act(
        self, action: Action, out: list[LayerOutput], message: Message | None, reason: str
    ) -> None:
        match action:
            case Action.SEND:
                self._transmit(out, self._data, self._summary, repeat=False)
            case Action.RESEND:
                self._transmit(out, self._data, self._summary, repeat=True)
            case Action.SEND_ACK:
                self._transmit(out, self.ack, "ACK", repeat=message is not self.final)
            case Action.DELIVER:
                out.append(self._delivery(message))
            case Action.REPORT_TIMEOUT:
                out.append(self._fault("no ACK came for the final response", timed_out=True))
            case Action.REPORT_FAILURE:
                out.append(self._fault(reason, timed_out=False))
            case _:
                assert_never(action)

    def _delivery(self, message: Message | None) -> LayerOutput:
        if isinstance(message, Response) and isinstance(self.key, ClientKey):
            return ResponseArrived(self.key, message)
        assert isinstance(message, Request), "responses are delivered by clients"
        assert isinstance(self.key, ServerKey), "requests are delivered by servers"
        return AckArrived(message) if message.method == "ACK" else RequestArrived(self.key, message)

    def _fault(self, reason: str, *, timed_out: bool) -> LayerOutput:
        if isinstance(self.key, ServerKey):
            return ResponseFailed(self.key, reason)
        return RequestTimedOut(self.key) if timed_out else RequestFailed(self.key, reason)

    def _transmit(
        self, out: list[LayerOutput], data: bytes | None, summary: str, *, repeat: bool
    ) -> None:
        if data is None:
            return  # a repeated request that has no answer yet
        out.append(
            Transmit(
                data=data,
                destination=self.destination,
                transaction=self.key,
                call_id=self.call_id,
                summary=summary,
                retransmission=repeat,
            )
        )
