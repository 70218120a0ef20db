"""What a call can be asked without a round trip: who, which way, what state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakSet

from runtime.api.event_constants import CallEvents
from runtime.api.handle import Handle
from runtime.api.options import text
from runtime.api.running import RUNNING
from runtime.api.session import Session
from runtime.api.tones import Tones
from runtime.api.unit import MediaSource
from runtime.api.values import Answered, CallState
from runtime.sandbox.commands import SetCallData
from runtime.sandbox.frames import CallInfo

if TYPE_CHECKING:
    from runtime.api.ivr import Visit

CallEnd: TypeAlias = CallEvents.Disconnected | CallEvents.Failed


class EndHandle(Handle[CallEnd]):
    """Awaiting it gives the call's last event; a handler that waited gets time to finish."""

    __slots__ = ("_leg",)

    def __init__(self, what: str, leg: int) -> None:
        super().__init__(what)
        self._leg = leg

    def _outcome(self) -> CallEnd:
        run = RUNNING.get(None)
        if run is not None and run.leg == self._leg:
            run.terminal = True
        return super()._outcome()


class CallIdentity(MediaSource):
    """The part of Call that only tells."""

    __slots__ = (
        "_answer",
        "_answering",
        "_data",
        "_direct_for",
        "_end",
        "_handling",
        "_info",
        "_listening",
        "_readers",
        "_state",
        "_visit",
    )
    _namespace = CallEvents
    _hears = True

    def __init__(self, session: Session, info: CallInfo) -> None:
        super().__init__(session, info.unit)
        self._info = info
        self._data = info.custom_data
        self._state = CallState.ALERTING
        self._end = EndHandle("Call.ended", info.unit)
        self._answer: Handle[Answered] = Handle("Call.answered")
        self._readers: WeakSet[Tones] = WeakSet()
        self._handling = False
        self._listening = False
        self._answering = False
        """The script has answered it; what came of that is `_answer`."""
        self._direct_for = 0
        """The unit of the call that callUserDirect has made this one for; 0 for none."""
        self._visit: Visit | None = None
        """The state of a menu that it is in."""

    @property
    def _over(self) -> bool:
        return self._state is CallState.TERMINATED

    def state(self) -> CallState:
        """ALERTING, PROGRESSING, CONNECTED or TERMINATED, as of the event being handled.

        Equal to the plain strings. VoxEngine reference: Call.state.
        """
        return self._state

    def number(self) -> str:
        """The dialled number, of an incoming and of an outgoing call. VoxEngine reference:
        Call.number."""
        return self._info.number

    def callerid(self) -> str:
        """The caller's number as shown to the callee. VoxEngine reference: Call.callerid."""
        return self._info.callerid

    def displayName(self) -> str:
        """The caller's name as shown to the callee. VoxEngine reference: Call.displayName."""
        return self._info.display_name

    def incoming(self) -> bool:
        """Whether the call came in. VoxEngine reference: Call.incoming."""
        return self._info.incoming

    def clientType(self) -> str:
        """ "sip", "pstn" or "user". VoxEngine reference: Call.clientType."""
        return self._info.client_type

    def customData(self, customData: str | None = None) -> str:
        """The string kept with this call; with an argument, set it first.

        Raises ValueError above the limit (200 bytes by default). VoxEngine reference:
        Call.customData.
        """
        if customData is not None:
            value = text("Call.customData", "customData", customData)
            self._session.check_custom_data("Call.customData", value)
            if not self._over:
                self._command("customData", SetCallData, value=value)
            self._data = value
        return self._data

    def toString(self) -> str:
        """A short description of the call, as it appears in logs. VoxEngine reference:
        Call.toString."""
        way = "from" if self._info.incoming else "to"
        other = self._info.callerid if self._info.incoming else self._info.number
        return f"<Call {self._unit_id} {way} {other} {self._state.value}>"

    def __repr__(self) -> str:
        return self.toString()

    # --- what the dispatcher tells ------------------------------------------------------------

    def _learn(self, state: str | None, name: str, fields: Mapping[str, object]) -> None:
        """What an event changes before its handlers run."""
        if state is not None:
            self._state = CallState(state)
        data = fields.get("customData") if name == CallEvents.Connected.name else None
        if isinstance(data, str) and data:
            self._data = data

    def _happened(self, event: object) -> bool:
        """Settle what waits for this event, after its handlers; whether a task was waiting."""
        waiting = False
        if isinstance(event, CallEvents.ToneReceived):
            waiting = bool(self._readers)
            for reader in self._readers:
                reader._press(event.tone)
        elif isinstance(event, CallEvents.Connected):
            waiting = self._answer._is_followed()
            self._answer._settle(Answered(connected=True, code=200, reason="connected"))
        elif isinstance(event, CallEvents.Failed | CallEvents.Disconnected):
            waiting = bool(self._readers) or self._answer._is_followed() or self._end._is_followed()
            self._finish(event)
        return waiting

    def _finish(self, event: CallEnd) -> None:
        code = event.code if isinstance(event, CallEvents.Failed) else event.internalCode
        self._state = CallState.TERMINATED
        self._answer._settle(Answered(connected=False, code=code, reason=event.reason))
        self._end._settle(event)
        for reader in self._readers:
            reader._end()
