"""What a script may ask of a call: dial, answer, refuse, hang up, signal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import attrs

from runtime.decisions.call_state import UNANSWERED, Input, Phase
from runtime.decisions.directions import AudioDirection
from runtime.decisions.limits import CALL_LIMIT_REACHED, refuse_call
from runtime.decisions.problems import Commands, Dials
from runtime.decisions.secrets import SecretRefused
from runtime.decisions.tones import Way
from runtime.decisions.transfers import REPLACES_UNASKED
from runtime.legs.leg import DialRefused, DialRequest, Leg
from runtime.media.port import MediaUnavailable
from runtime.sandbox.commands import (
    AnswerCall,
    CreateCall,
    HandleTones,
    HangUpCall,
    ReinviteCall,
    RejectCall,
    RingCall,
    SendDigits,
    SendInfo,
    SendMessage,
    SetCallData,
    StartEarlyMedia,
)
from runtime.session.call_leg import CallLeg
from runtime.session.call_media import DigitsRefused
from runtime.session.commands.direct import DIRECT_COMMANDS, caller_of, refuse_answer
from runtime.session.commands.table import (
    DONE,
    LATER,
    CommandRefused,
    Handler,
    check_custom_data,
    find_audible,
    find_call,
)
from runtime.session.context import SessionContext
from runtime.session.notice import Notice

REPLACES: Final = "replaces"
"""The one header of a dialled call that a script may only pass on (RFC 3891), in lower case."""


def create(session: SessionContext, command: CreateCall, _: int) -> bool:
    """The call exists at once; what goes wrong is Failed (voxengine.md 3.2)."""
    why = refuse_call(session.settings.limits, session.calls.counts())
    caller = caller_of(session, command)
    call = CallLeg(
        session,
        incoming=False,
        dialled=command.to,
        allow_180_after_183=command.allow_180_after_183,
        direct_for=caller if isinstance(caller, CallLeg) else None,
    )
    session.units.claim(command.unit, call)
    call.open(command.unit, command.timeout_s)
    if why is not None:
        _fail(call, Dials.TOO_MANY_CALLS, CALL_LIMIT_REACHED, told=why)
    elif session.draining():
        _fail(call, Dials.DRAINING, "the runtime is shutting down")
    elif isinstance(caller, DialRefused):
        _fail(call, caller.kind, caller.reason, code=caller.code)
    else:
        request = _request(session, command)
        leg = caller.leg if caller is not None else None
        _place(session, call, attrs.evolve(request, direct_for=leg))
    return DONE


def _place(session: SessionContext, call: CallLeg, request: DialRequest) -> None:
    """With the values of secrets, if it goes where they are meant to go."""
    if request.replaces and request.replaces not in session.places:
        _fail(call, Dials.NOT_ASKED_FOR, REPLACES_UNASKED)
        return
    try:
        user, password = session.secrets.credentials(
            request.auth_user, request.password, (request.to, request.out_proxy)
        )
    except SecretRefused as exc:
        _fail(call, Dials.NOT_FOR_THIS_HOST, str(exc))
        return
    request = attrs.evolve(request, auth_user=user, password=password)
    session.tasks.start(partial(_dial, session, call, request))


def _request(session: SessionContext, command: CreateCall) -> DialRequest:
    replaces = [value for name, value in command.headers.items() if name.lower() == REPLACES]
    return DialRequest(
        kind=command.kind,
        to=command.to,
        callerid=command.callerid,
        display_name=command.display_name,
        auth_user=command.auth_user,
        password=command.password,
        out_proxy=command.out_proxy,
        registration=command.registration,
        headers={n: value for n, value in command.headers.items() if n.lower() != REPLACES},
        replaces=", ".join(replaces),
        diverted_from=_passed_on_by(session) if command.follow_diversion else "",
        timeout_s=command.timeout_s,
        session_id=session.id,
        application=session.application,
    )


def _passed_on_by(session: SessionContext) -> str:
    """The number that the session's first caller dialled; empty when nobody called."""
    callers = (call.identity for call in session.units.of(CallLeg) if call.incoming)
    return next((caller.number for caller in callers if caller is not None), "")


async def _dial(session: SessionContext, call: CallLeg, request: DialRequest) -> None:
    try:
        leg = await session.ports.dialer.dial(request)
    except DialRefused as exc:
        told = f"{exc.code} {exc.reason}"
        _fail(call, exc.kind, exc.reason, code=exc.code, told=told)
    except MediaUnavailable as exc:
        _fail(call, Dials.NO_AUDIO, str(exc))
    else:
        call.attach(leg)


def _fail(
    call: CallLeg, kind: Dials, reason: str, *, code: int | None = None, told: str = ""
) -> None:
    """A call that is not placed. `code`: where it is not the kind's; `told`: what the timeline says
    instead of the reason."""
    call.session.timeline.refuse(kind, told or reason, leg=call.id)
    call.peer_input(Input.ENDED, Notice(code=code or kind.status, reason=reason))


def answer(session: SessionContext, command: AnswerCall, req: int) -> bool:
    call = find_call(session, command.unit)
    refuse_answer(session, call)
    call.answer(command.headers, command.display_name, req)
    return LATER


def reject(session: SessionContext, command: RejectCall, _: int) -> bool:
    notice = Notice(
        wire_headers=command.headers,
        code=command.code,
        wire_code=command.code,
        reason="rejected by the scenario",
    )
    find_call(session, command.unit).apply(Input.REJECT, notice)
    return DONE


def hang_up(session: SessionContext, command: HangUpCall, _: int) -> bool:
    find_call(session, command.unit).hang_up(command.headers, reason="hung up by the scenario")
    return DONE


def ring(session: SessionContext, command: RingCall, _: int) -> bool:
    call = find_call(session, command.unit)
    call.apply(Input.RING, Notice(wire_headers=command.headers))
    return DONE


def early_media(session: SessionContext, command: StartEarlyMedia, _: int) -> bool:
    call = find_call(session, command.unit)
    call.apply(Input.EARLY_MEDIA, Notice(wire_headers=command.headers))
    return DONE


def info(session: SessionContext, command: SendInfo, _: int) -> bool:
    leg = _answered_leg(session, command.unit, "sendInfo()")
    leg.send_info(command.mime_type, command.body, command.headers)
    return DONE


def message(session: SessionContext, command: SendMessage, _: int) -> bool:
    _answered_leg(session, command.unit, "sendMessage()").send_message(command.text)
    return DONE


def reinvite(session: SessionContext, command: ReinviteCall, _: int) -> bool:
    call = find_audible(session, command.unit, "reInvite()")
    if call.leg is None or call.phase is not Phase.CONNECTED:
        why = "reInvite(): the call is not connected; nothing was sent"
        raise CommandRefused(Commands.WRONG_MOMENT, why)
    if call.change_is_open:
        why = "reInvite(): the peer has not answered the one before; nothing was sent"
        raise CommandRefused(Commands.WRONG_MOMENT, why)
    call.change_is_open = True
    direction = AudioDirection(command.direction) if command.direction else None
    call.leg.reinvite(direction, command.headers)
    return DONE


def _answered_leg(session: SessionContext, unit: int, what: str) -> Leg:
    call = find_call(session, unit)
    if call.leg is None or call.phase in UNANSWERED:
        raise CommandRefused(
            Commands.WRONG_MOMENT, f"{what}: the call is not answered yet; nothing was sent"
        )
    return call.leg


def handle_tones(session: SessionContext, command: HandleTones, _: int) -> bool:
    if command.handle and str(command.kinds) != Way.SIP_INFO.value:
        call = find_audible(session, command.unit, "handleTones() of anything but SIP_INFO")
    else:
        call = find_call(session, command.unit)
    call.media.handle_tones(command.handle, command.kinds)
    return DONE


def send_digits(session: SessionContext, command: SendDigits, _: int) -> bool:
    call = find_audible(session, command.unit, "sendDigits()")
    if not set(command.digits.upper()) <= set("0123456789*#ABCDP"):
        raise CommandRefused(
            Commands.BAD_ARGUMENT,
            f"sendDigits({command.digits!r}): only 0-9 * # A-D, and p for a pause, can be sent",
        )
    try:
        call.media.send_digits(command.digits)
    except DigitsRefused as exc:
        raise CommandRefused(Commands.TOO_MANY, f"sendDigits(): {exc}") from exc
    return DONE


def custom_data(session: SessionContext, command: SetCallData, _: int) -> bool:
    call = find_call(session, command.unit)
    check_custom_data(session, command.value)
    call.custom_data = command.value
    return DONE


CALL_COMMANDS: Final[Mapping[str, Handler]] = {
    **DIRECT_COMMANDS,
    CreateCall.op: create,
    AnswerCall.op: answer,
    RejectCall.op: reject,
    HangUpCall.op: hang_up,
    RingCall.op: ring,
    StartEarlyMedia.op: early_media,
    SendInfo.op: info,
    SendMessage.op: message,
    ReinviteCall.op: reinvite,
    HandleTones.op: handle_tones,
    SendDigits.op: send_digits,
    SetCallData.op: custom_data,
}
