"""Events and results on their way to the script: order, holding back, and replies.

Before the script is ready events wait (Started is the first one it sees); once the session
terminates only Terminating and Terminated are sent (voxengine.md R2, R7).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import trio

from runtime.decisions.failure import Cause, End
from runtime.decisions.timeline import mask_event
from runtime.sandbox.frames import (
    CoreFrame,
    EventFrame,
    ReleaseFrame,
    ResponseFrame,
    ResultFrame,
    call_id,
)
from runtime.sandbox.wire import ProtocolError
from runtime.session.channel import ChannelFailed, Outbox
from runtime.session.timeline import Timeline

MAX_AWAITED: Final = 2_048
"""Replies that a script may owe; every caller of a shared session owes one."""

OnReply = Callable[[bool], None]
"""Told whether the script had a listener."""


class Gate(enum.Enum):
    HOLDING = "the script is not ready"
    OPEN = "events are sent"
    CLOSED = "the session terminates"


class Events:
    """The way to the script."""

    def __init__(
        self,
        session_id: str,
        outbox: Outbox,
        timeline: Timeline,
        *,
        most_held: int,
        on_sent: Callable[[], None],
        fail: Callable[[End], None],
    ) -> None:
        self._session_id = session_id
        self._outbox = outbox
        self._timeline = timeline
        self._most_held = most_held
        self._on_sent = on_sent
        self._fail = fail
        self._gate = Gate.HOLDING
        self._opened = trio.Event()
        self._held: list[CoreFrame] = []
        self._sequence = count(1)
        self._awaited: dict[int, OnReply] = {}

    def emit(
        self,
        name: str,
        *,
        unit: int | None = None,
        fields: dict[str, Any] | None = None,
        state: str | None = None,
        on_reply: OnReply | None = None,
    ) -> None:
        """Queue one event, unless the session terminates."""
        if self._gate is Gate.CLOSED:
            return
        self._send(self._event(name, unit, fields or {}, state, on_reply))

    def emit_last(self, name: str, fields: dict[str, Any], on_reply: OnReply) -> None:
        """Terminating and Terminated, which pass the closed gate."""
        self._put(self._event(name, None, fields, None, on_reply))
        self._on_sent()

    def open(self, name: str, fields: dict[str, Any]) -> None:
        """The script is ready: this event goes first, then whatever waited."""
        self._gate = Gate.OPEN
        self._opened.set()
        self._send(self._event(name, None, fields, None, None))
        held, self._held = self._held, []
        for frame in held:
            self._send(frame)

    def close(self) -> None:
        """No event passes any more; results still do."""
        self._gate = Gate.CLOSED
        self._held.clear()

    def settle(self, req: int, value: str | None = None, *, error: str | None = None) -> None:
        """The one answer to command `req`; it never overtakes an event."""
        frame = ResultFrame(req=req, value=value, error=error)
        if self._gate is Gate.HOLDING and self._held:
            self._hold(frame)
        else:
            self._put(frame)

    def respond(self, frame: ResponseFrame) -> None:
        """The answer to an HTTP request: in order, as an event, but a closed gate lets it pass."""
        self._send(frame)

    async def opened(self) -> None:
        """Return when the script is ready; perhaps never."""
        await self._opened.wait()

    async def room(self) -> None:
        """Return when a piece of an HTTP body may be sent; it is sent without awaiting again."""
        await self._outbox.room()

    def send(self, frame: CoreFrame) -> None:
        """A frame that is neither event nor result (ping, stop, body): nothing holds it back."""
        self._put(frame)

    def release(self, unit: int) -> None:
        """No event of `unit` follows."""
        if self._gate is not Gate.CLOSED:
            self._send(ReleaseFrame(unit=unit))

    def replied(self, seq: int, handled: bool) -> None:
        """The worker says that the handlers of event `seq` have returned."""
        on_reply = self._awaited.pop(seq, None)
        if on_reply is None:
            raise ProtocolError(f"reply to event {seq}, which asked for none")
        on_reply(handled)

    def _event(
        self,
        name: str,
        unit: int | None,
        fields: dict[str, Any],
        state: str | None,
        on_reply: OnReply | None,
    ) -> EventFrame:
        seq = next(self._sequence)
        fields = _readable(fields)
        if on_reply is not None:
            if len(self._awaited) >= MAX_AWAITED:
                self._fail(End(Cause.EVENTS, "the script does not finish its handlers"))
            self._awaited[seq] = on_reply
        return EventFrame(
            seq=seq, name=name, unit=unit, fields=fields, state=state, reply=on_reply is not None
        )

    def _send(self, frame: CoreFrame) -> None:
        if self._gate is Gate.HOLDING:
            self._hold(frame)
            return
        self._put(frame)
        self._on_sent()

    def _hold(self, frame: CoreFrame) -> None:
        if len(self._held) >= self._most_held:
            text = f"{len(self._held)} events before the script was ready"
            self._fail(End(Cause.EVENTS, text))
        else:
            self._held.append(frame)

    def _put(self, frame: CoreFrame) -> None:
        """Whoever caused an event (a leg, the engine) must not suffer from a stuck script."""
        if isinstance(frame, EventFrame):
            self._record(frame)
        try:
            self._outbox.put(frame)
        except ChannelFailed as exc:
            self._fail(exc.end)
        except ValueError as exc:
            self._fail(End(Cause.EVENTS, f"an event is too big for the script: {exc}"))

    def _record(self, frame: EventFrame) -> None:
        """Events stand in the timeline in the order in which the script gets them."""
        leg = None
        if frame.name.startswith("Call.") and frame.unit is not None:
            leg = call_id(self._session_id, frame.unit)
        shown = mask_event(frame.name, frame.fields, hide_tones=self._timeline.hide_tones)
        self._timeline.record("event", frame.name, leg=leg, **shown)


def _readable(value: Any) -> Any:
    """Peers send bytes that are no UTF-8; the wire carries only text that is."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_readable(name): _readable(item) for name, item in value.items()}
    return value
