"""What becomes of the calls and units of a session that ends."""

from __future__ import annotations

import traceback

from runtime.decisions.call_state import UNANSWERED, Phase
from runtime.decisions.failure import End, bridged
from runtime.decisions.problems import Calls
from runtime.session.call_leg import CallLeg
from runtime.session.context import SessionContext
from runtime.session.mixers import Conference, Recorder
from runtime.session.player import Player
from runtime.session.recogniser import Recogniser
from runtime.session.socket import WebSocket


def release_calls(session: SessionContext, end: End) -> set[int]:
    """Hang up every call but those that outlive the script (the handles of these) and those that
    are owed an apology."""
    kept: set[int] = set()
    if session.settings.on_failure == "keep" and not end.script_hears:
        kept = _bridged_calls(session)
    for call in session.units.of(CallLeg):
        if call.unit not in kept and not is_owed_apology(call, end):
            release_call(call, end)
    if not kept:
        _close_units(session)
    if kept:
        session.timeline.record("session", f"{len(kept)} bridged calls go on without the script")
    return kept


def is_owed_apology(call: CallLeg, end: End) -> bool:
    """Whether it was answered, and its session fails."""
    wanted = bool(call.session.settings.apology) and not end.orderly
    return wanted and call.phase is Phase.CONNECTED


def release_call(call: CallLeg, end: End) -> None:
    """480 or 500 to who was not answered, BYE or CANCEL to the others."""
    kind, reason = end.refusal
    code = shown = kind.status
    if end.orderly and call.incoming and call.phase in UNANSWERED:
        shown = 408
    elif end.orderly:  # no fault of the call's: a normal BYE, an ordinary CANCEL
        code = shown = 487 if call.phase in UNANSWERED else 200
    try:
        call.refuse(kind, reason, code=code, shown_code=shown)
    except Exception:  # noqa: BLE001 - whatever is broken in a session, nobody stays on the line
        text = traceback.format_exc()
        call.session.timeline.record("error", "a call was cut off", leg=call.id, traceback=text)
        if call.leg is not None:
            call.leg.hangup({}, code=code, reason=reason)


def release_partners(session: SessionContext, kept: set[int]) -> set[int]:
    """One of the kept calls has ended: those who talked to nobody else are hung up."""
    still = _bridged_calls(session) & kept
    for call in session.units.of(CallLeg):
        if call.unit in kept - still and call.alive:
            call.refuse(Calls.BRIDGE_OVER, "the other side of the bridge has hung up")
    if not still:
        _close_units(session)
    return still


def _bridged_calls(session: SessionContext) -> set[int]:
    calls = session.units.of(CallLeg)
    connected = frozenset(call.unit for call in calls if call.phase is Phase.CONNECTED)
    return bridged(session.routes.effective_edges(), connected)


def _close_units(session: SessionContext) -> None:
    for player in session.units.of(Player):
        player.close()
    for conference in session.units.of(Conference):
        conference.close()
    for recorder in session.units.of(Recorder):
        recorder.stop()
    for socket in session.units.of(WebSocket):
        socket.abandon()
    for recogniser in session.units.of(Recogniser):
        recogniser.abandon()
