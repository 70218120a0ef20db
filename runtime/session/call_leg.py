"""One call leg of a session: the port's events become the scenario's, commands become effects.

What happens in which state is decided in decisions/call_state.py; this class carries it out. Local
ends are immediate, and a leg emits exactly one Failed or Disconnected, then only RecordStopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from runtime.decisions import call_state
from runtime.decisions.allowances import TokenBucket
from runtime.decisions.call_state import (
    CAN_BE_HEARD,
    CAN_HEAR,
    HOLDS_PLAYBACK,
    STATES,
    UNANSWERED,
    Effect,
    IllegalInput,
    Input,
    Phase,
)
from runtime.decisions.playlist import Ability
from runtime.decisions.problems import Calls
from runtime.decisions.rates import Charge
from runtime.decisions.routing import DIRECT, LEG
from runtime.legs.leg import Headers, Leg, LegEvent, LegIdentity
from runtime.sandbox.frames import CallInfo, call_id
from runtime.session.call_detection import CallDetection
from runtime.session.call_media import CallMedia
from runtime.session.call_transfer import CallTransfer
from runtime.session.context import SessionContext
from runtime.session.history import picture_of_call
from runtime.session.leg_events import on_leg_event
from runtime.session.mixers import Conference
from runtime.session.notice import Notice
from runtime.session.playback import LegPlayback, Prompt
from runtime.session.timeline import seconds
from runtime.session.trace_lines import TraceLines


class CallLeg:
    """A call of the script."""

    def __init__(
        self,
        session: SessionContext,
        *,
        incoming: bool,
        joined: bool = False,
        dialled: str = "",
        allow_180_after_183: bool = False,
        direct_for: CallLeg | None = None,
    ) -> None:
        self.session = session
        self.unit = 0
        self.incoming = incoming
        self.joined = joined
        self.phase = Phase.IN_ALERTING if incoming else Phase.OUT_ALERTING
        self.leg: Leg | None = None
        self.custom_data = ""
        self.dialled = dialled
        """What the script asked for, until the leg knows better."""
        self.direct_for = direct_for
        """The incoming call with whose peer that of this one is to talk directly."""
        self.is_direct = direct_for is not None
        """Its audio passes between two peers; nothing of it is here."""
        self.direct_peer: CallLeg | None = None
        """The other call of the two, once they are joined."""
        self.started_at = session.wall_time()
        limits = session.settings.limits
        self.change_is_open = False
        """A re-INVITE that the script has asked for is not answered yet."""
        self.pace = TokenBucket(limits.call_requests_per_s, limits.call_requests_burst)
        """Of what its peer may say inside the call."""
        self._shown_state = STATES[self.phase]
        self._allow_180_after_183 = allow_180_after_183
        self._connected_at: float | None = None
        self._timeout_s = 0.0
        self._answer_req: int | None = None

    def open(self, unit: int, timeout_s: float) -> None:
        """The leg has its handle: it counts, and its no-answer clock runs."""
        self.unit = unit
        self._timeout_s = timeout_s
        self.session.routes.add(unit, DIRECT if self.is_direct else LEG)
        self.playback = LegPlayback(self.session, unit, lambda: self.state)
        self.detection = CallDetection(self)
        self.media = CallMedia(self)
        self.transfer = CallTransfer(self)
        self.session.calls.opened(self)
        self.session.history.call(picture_of_call(self))
        self.session.alarms.set(("no-answer", unit), timeout_s, self._on_no_answer)

    @property
    def id(self) -> str:
        return call_id(self.session.id, self.unit)

    @property
    def state(self) -> str:
        """As the script has seen it so far."""
        return self._shown_state.value

    @property
    def alive(self) -> bool:
        return self.phase is not Phase.TERMINATED

    @property
    def identity(self) -> LegIdentity | None:
        return self.leg.identity if self.leg else None

    @property
    def was_connected(self) -> bool:
        return self._connected_at is not None

    @property
    def duration_s(self) -> float:
        """Since Connected; 0 for a leg that never was."""
        return 0.0 if self._connected_at is None else self.session.now() - self._connected_at

    def info(self) -> dict[str, Any]:
        """What the worker needs to make a Call object of an incoming leg."""
        identity = self.identity
        assert identity is not None, "an incoming leg has its identity from the start"
        info = CallInfo(
            unit=self.unit,
            number=identity.number,
            callerid=identity.callerid,
            display_name=identity.display_name,
            incoming=self.incoming,
            client_type=identity.client_type,
            custom_data=self.custom_data,
        )
        return attrs.asdict(info)

    # --- the port -------------------------------------------------------------------------------

    def attach(self, leg: Leg) -> None:
        """The port's leg is there; early events are replayed into this call."""
        self.leg = leg
        self.session.calls.attached(self)
        leg.trace(TraceLines(self.session.timeline, self.id))
        if self.alive:
            self.session.routes.bind(self.unit, leg.media)
        self.media.attach(leg.media)
        self.transfer.attached(leg)
        leg.listen(self.session.tasks.edge(self._on_leg_event))
        if not self.alive:
            # The script hung up while the call was being placed.
            leg.hangup({})

    def _on_leg_event(self, event: LegEvent) -> None:
        on_leg_event(self, event)

    def _on_no_answer(self) -> None:
        if self.incoming:
            reason = f"not answered by the scenario within {self._timeout_s:g} s"
            self.peer_input(Input.NO_ANSWER, Notice(code=408, wire_code=480, reason=reason))
        else:
            reason = f"no answer within {self._timeout_s:g} s"
            notice = Notice(code=408, wire_code=408, reason=reason)
            self.peer_input(Input.NO_ANSWER, notice)

    # --- commands -------------------------------------------------------------------------------

    def answer(self, headers: Headers, display_name: str, req: int) -> None:
        """Raises IllegalInput; `req` is settled when the leg is connected or over."""
        given = Notice(wire_headers=headers, display_name=display_name, req=req)
        self.apply(Input.ANSWER, given)

    def answer_directly(self, peer: CallLeg, given: Notice) -> None:
        """Raises IllegalInput; from now on this call has no audio here."""
        self.apply(Input.ANSWER_DIRECT, attrs.evolve(given, direct_peer=peer.leg))
        self.is_direct = True
        self.direct_peer, peer.direct_peer = peer, self
        self.session.routes.remove(self.unit)
        self.session.routes.add(self.unit, DIRECT)
        self.media.passes_by()

    def hang_up(self, headers: Headers, *, code: int = 0, reason: str = "") -> None:
        """Whatever fits the state. Raises IllegalInput when the call has ended."""
        unanswered = 603 if self.incoming else 487
        code = code or (unanswered if self._connected_at is None else 200)
        wire_code = code if code >= 300 else 487
        notice = Notice(wire_headers=headers, code=code, wire_code=wire_code, reason=reason)
        self.apply(Input.HANG_UP, notice)

    def refuse(self, kind: Calls, reason: str, *, code: int = 0, shown_code: int = 0) -> None:
        """The runtime ends the leg; safe in any state. The codes: see Notice.refusing."""
        self.peer_input(Input.REFUSE, Notice.refusing(kind, reason, code, shown_code))

    def play(self, prompt: Prompt) -> None:
        if self.phase in CAN_HEAR:
            ability = Ability.PLAYS
        else:
            ability = Ability.HOLDS if self.phase in HOLDS_PLAYBACK else Ability.NEVER
        self.playback.start(prompt, ability)

    # --- the state machine ----------------------------------------------------------------------

    def peer_input(self, given: Input, notice: Notice) -> None:
        """An input that is nobody's command: what does not fit is noted, never raised."""
        try:
            self.apply(given, notice)
        except IllegalInput as exc:
            self.session.timeline.record("error", str(exc), leg=self.id)

    def rings(self, notice: Notice) -> None:
        allowed = self._allow_180_after_183
        self.peer_input(Input.PEER_RINGS_AFTER_EARLY if allowed else Input.PEER_RINGS, notice)

    def apply(self, given: Input, notice: Notice) -> None:
        """Raises IllegalInput, with nothing changed."""
        step = call_state.step(self.phase, given)
        before, self.phase = self.phase, step.phase
        if given in (Input.ANSWER, Input.ANSWER_DIRECT):
            self._answer_req = notice.req
        if self._connected_at is None and self.phase is Phase.CONNECTED:
            self._connected_at = self.session.now()
        if self.phase is Phase.TERMINATED:
            self.detection.call_ended()  # its last words come before the call's own
        for effect in step.effects:
            if effect in _EMITS:
                _EMITS[effect](self, notice)
        if before is not self.phase:
            self._entered(before)
            if self.phase is Phase.TERMINATED:
                self.session.history.call(picture_of_call(self, notice))
        # Last, because a leg may answer a command with an event before the command returns.
        for effect in step.effects:
            if effect in _SENDS:
                _SENDS[effect](self, notice)

    def _entered(self, before: Phase) -> None:
        if self.phase not in UNANSWERED:
            self.session.alarms.clear(("no-answer", self.unit))
        if self.phase is Phase.TERMINATED:
            self._over()
            return
        hears, heard = self.phase in CAN_HEAR, self.phase in CAN_BE_HEARD
        if (hears, heard) != (before in CAN_HEAR, before in CAN_BE_HEARD):
            self.session.routes.update(self.unit, can_hear=hears, can_be_heard=heard)
        if hears and before not in CAN_HEAR:
            self.playback.leg_hears()
            self.media.leg_hears()
        if self.phase is Phase.CONNECTED:
            self._settle_answer("connected", None)
            self.detection.connected()

    def _over(self) -> None:
        self.playback.call_ended()
        self.session.routes.remove(self.unit)
        for conference in self.session.units.of(Conference):
            conference.leave(self.unit)
        self._settle_answer(None, "the call ended before it was connected")
        self.session.calls.ended(self)
        if not self.media.finish_recording():
            self.released()

    def released(self) -> None:
        """Nothing of this leg follows."""
        self.session.events.release(self.unit)
        self.session.units.drop(self.unit)

    def _settle_answer(self, value: str | None, error: str | None) -> None:
        req, self._answer_req = self._answer_req, None
        if req is not None:
            self.session.events.settle(req, value, error=error)

    def emit(self, name: str, **fields: Any) -> None:
        """An event of this call."""
        self.session.events.emit(f"Call.{name}", unit=self.unit, fields=fields, state=self.state)

    # --- effects --------------------------------------------------------------------------------

    def _state_changed(self, _: Notice) -> None:
        old, self._shown_state = self._shown_state, STATES[self.phase]
        self.emit("StateChanged", oldState=old.value, newState=self._shown_state.value)

    def _ringing(self, notice: Notice) -> None:
        self.emit("Ringing", headers=dict(notice.headers))

    def _audio_started(self, notice: Notice) -> None:
        self.emit("AudioStarted", headers=dict(notice.headers))

    def _connected(self, notice: Notice) -> None:
        if notice.custom_data:
            self.custom_data = notice.custom_data
        self.emit("Connected", headers=dict(notice.headers), customData=notice.custom_data)

    def _failed(self, notice: Notice) -> None:
        self.emit("Failed", headers=dict(notice.headers), code=notice.code, reason=notice.reason)

    def _disconnected(self, notice: Notice) -> None:
        charge = self._charge()
        self.emit(
            "Disconnected",
            headers=dict(notice.headers),
            internalCode=notice.code,
            reason=notice.reason,
            duration=seconds(self.duration_s),
            cost=charge.cost,
            direction=charge.direction,
        )

    def _charge(self) -> Charge:
        """Of the number that was dialled, however a trunk wants it written."""
        identity = self.identity
        as_asked = identity is None or (identity.client_type == "pstn" and not self.incoming)
        return self.session.settings.rates.call(
            incoming=self.incoming,
            client=identity.client_type if identity else "sip",
            number=self.dialled if identity is None or as_asked else identity.number,
            seconds=self.duration_s,
        )

    def _send_ringing(self, notice: Notice) -> None:
        if self.leg is not None:
            self.leg.ring(notice.wire_headers)

    def _send_early_media(self, notice: Notice) -> None:
        if self.leg is not None:
            self.leg.early_media(notice.wire_headers)

    def _send_answer(self, notice: Notice) -> None:
        if self.leg is not None:
            self.leg.answer(notice.wire_headers, notice.display_name)

    def _send_direct_answer(self, notice: Notice) -> None:
        if self.leg is not None and notice.direct_peer is not None:
            self.leg.answer_directly(notice.direct_peer, notice.wire_headers, notice.display_name)

    def _send_refusal(self, notice: Notice) -> None:
        if self.leg is not None:
            why, headers = notice.reason, notice.wire_headers
            self.leg.reject(notice.wire_code, why, headers, problem=notice.problem)

    def _send_hang_up(self, notice: Notice) -> None:
        if self.leg is not None:
            code = notice.wire_code or 487
            self.leg.hangup(notice.wire_headers, code=code, reason=notice.reason)


_EMITS: Final[Mapping[Effect, Callable[[CallLeg, Notice], None]]] = {
    Effect.STATE_CHANGED: CallLeg._state_changed,
    Effect.RINGING: CallLeg._ringing,
    Effect.AUDIO_STARTED: CallLeg._audio_started,
    Effect.CONNECTED: CallLeg._connected,
    Effect.FAILED: CallLeg._failed,
    Effect.DISCONNECTED: CallLeg._disconnected,
}
_SENDS: Final[Mapping[Effect, Callable[[CallLeg, Notice], None]]] = {
    Effect.SEND_RINGING: CallLeg._send_ringing,
    Effect.SEND_EARLY_MEDIA: CallLeg._send_early_media,
    Effect.SEND_ANSWER: CallLeg._send_answer,
    Effect.SEND_DIRECT_ANSWER: CallLeg._send_direct_answer,
    Effect.SEND_REFUSAL: CallLeg._send_refusal,
    Effect.SEND_HANG_UP: CallLeg._send_hang_up,
}
