"""From each wire command to its handler, and the one answer that every command gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from runtime.decisions.call_state import IllegalInput
from runtime.decisions.limits import refuse_custom_data
from runtime.decisions.problems import Commands
from runtime.decisions.routing import NodeGone, RoutingRefused
from runtime.decisions.timeline import mask_command
from runtime.sandbox.commands import Command
from runtime.sandbox.frames import UNIT_ENDED, CommandFrame, call_id
from runtime.session.call_leg import CallLeg
from runtime.session.context import SessionContext
from runtime.session.units import UnitEnded, UnitRefused

Handler = Callable[[SessionContext, Any, int], bool]
"""Carries out one command; whether it is settled already (otherwise the handler settles `req`)."""

DONE: Final = True
LATER: Final = False

C = TypeVar("C", bound=Command)


class CommandRefused(Exception):
    """The command cannot be carried out now; str() is the error that the script gets."""

    def __init__(self, kind: Commands, error: str) -> None:
        super().__init__(error)
        self.kind = kind


REFUSALS: Final = (CommandRefused, UnitRefused, RoutingRefused, IllegalInput)
"""What handlers raise; anything else is a bug and ends the session."""


def carry_out(session: SessionContext, table: Mapping[str, Handler], frame: CommandFrame) -> None:
    """Record the command, do it, and answer it once."""
    _record(session, frame)
    try:
        settled = table[frame.command.op](session, frame.command, frame.req)
    except REFUSALS as exc:
        ended = isinstance(exc, UnitEnded | NodeGone)
        refuse(session, frame, exc.kind, str(exc), value=UNIT_ENDED if ended else None)
        return
    if settled:
        session.events.settle(frame.req)


def refuse(
    session: SessionContext,
    frame: CommandFrame,
    kind: Commands,
    error: str,
    *,
    value: str | None = None,
) -> None:
    """The command has no effect; the script and the timeline are told why, with the number."""
    leg = _leg_of(session, frame.command)
    where = frame.where or None
    session.timeline.refuse(kind, error, leg=leg, op=frame.command.op, where=where)
    session.events.settle(frame.req, value, error=f"{error} ({kind.number})")


def _record(session: SessionContext, frame: CommandFrame) -> None:
    op = frame.command.op
    args = attrs.asdict(frame.command, recurse=False)
    shown = mask_command(op, args, hide_tones=session.timeline.hide_tones)
    leg = _leg_of(session, frame.command)
    session.timeline.record("command", op, leg=leg, where=frame.where or None, args=shown)


def _leg_of(session: SessionContext, command: Command) -> str | None:
    unit = getattr(command, "unit", None)
    of_a_call = command.op.startswith(("call.", "media."))
    return call_id(session.id, unit) if of_a_call and unit is not None else None


def check_custom_data(session: SessionContext, value: str) -> None:
    """Raises CommandRefused when it is too long."""
    why = refuse_custom_data(session.settings.limits, value)
    if why is not None:
        raise CommandRefused(Commands.TOO_MANY, why)


def find_audible(session: SessionContext, unit: int, what: str) -> CallLeg:
    """A call that has not ended and whose audio is here. Raises UnitRefused, CommandRefused."""
    call = find_call(session, unit)
    if call.is_direct:
        raise CommandRefused(
            Commands.AUDIO_ELSEWHERE,
            f"{what}: the audio of this call passes directly between its peers (callUserDirect, "
            "answerDirect), so that nothing of it can be heard, said or recorded here",
        )
    return call


def find_call(session: SessionContext, unit: int) -> CallLeg:
    """A call that has not ended. Raises UnitRefused."""
    call = session.units.find(unit, CallLeg)
    if not call.alive:
        raise UnitEnded("the call has ended; nothing was done")
    return call
