"""What a script may ask of calls whose audio passes directly between their peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.call_state import Phase
from runtime.decisions.problems import Commands, Dials
from runtime.legs.leg import DialRefused
from runtime.sandbox.commands import AnswerCallDirect, CreateCall
from runtime.session.call_leg import CallLeg
from runtime.session.commands.table import LATER, CommandRefused, Handler, find_call
from runtime.session.context import SessionContext
from runtime.session.notice import Notice

WAITING: Final = frozenset({Phase.IN_ALERTING, Phase.IN_RINGING})
"""A caller that has not been given a description of ours."""


def caller_of(session: SessionContext, command: CreateCall) -> CallLeg | DialRefused | None:
    """Whose peer the new call is for; None for an ordinary call, and what the call fails with
    when it cannot be."""
    if command.direct_for is None:
        return None
    if session.units.get(command.direct_for) is None:
        return DialRefused(Dials.NO_CALLER, "the incoming call has ended", code=487)
    caller = session.units.find(command.direct_for, CallLeg)
    if not caller.alive:
        return DialRefused(Dials.NO_CALLER, "the incoming call has ended", code=487)
    if caller.phase not in WAITING:
        reason = f"callUserDirect() is for a call that waits, and this one is {caller.phase.value}"
        return DialRefused(Dials.NO_CALLER, reason)
    return caller


def answer_direct(session: SessionContext, command: AnswerCallDirect, req: int) -> bool:
    what = "answerDirect()"
    call = find_call(session, command.unit)
    if session.units.get(command.peer) is None:
        raise CommandRefused(Commands.ENDED, f"{what}: the other call has ended; nothing was done")
    peer = session.units.find(command.peer, CallLeg)
    if peer.direct_for is not call:
        raise CommandRefused(
            Commands.WRONG_THING,
            f"{what}: the other call was not made for this one by callUserDirect(); use answer()",
        )
    if peer.phase is not Phase.CONNECTED:
        raise CommandRefused(
            Commands.WRONG_MOMENT,
            f"{what}: the other call is {peer.phase.value}; answer when it is Connected",
        )
    given = Notice(wire_headers=command.headers, display_name=command.display_name, req=req)
    call.answer_directly(peer, given)
    return LATER


def refuse_answer(session: SessionContext, call: CallLeg) -> None:
    """Raises CommandRefused when somebody already sends audio to this caller directly."""
    for other in session.units.of(CallLeg):
        if other.direct_for is call and other.phase is Phase.CONNECTED:
            raise CommandRefused(
                Commands.WRONG_MOMENT,
                "answer(): a call by callUserDirect() is connected for this one; use "
                "answerDirect(), or hang that call up first",
            )


DIRECT_COMMANDS: Final[Mapping[str, Handler]] = {AnswerCallDirect.op: answer_direct}
