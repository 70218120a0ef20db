"""What a script may ask about transfers of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.call_state import Phase
from runtime.decisions.problems import Commands
from runtime.decisions.transfers import TARGET_NOT_CONNECTED
from runtime.legs.leg import Leg
from runtime.sandbox.transfer_commands import HandleTransfers, ReportTransfer, TransferCall
from runtime.session.call_leg import CallLeg
from runtime.session.commands.table import DONE, CommandRefused, Handler, find_call
from runtime.session.context import SessionContext


def transfer(session: SessionContext, command: TransferCall, _: int) -> bool:
    call, leg = _connected(session, command.unit, "transferTo()")
    target = _target(session, command)
    if target is None:
        call.transfer.fail(*TARGET_NOT_CONNECTED)
    else:
        call.transfer.begin(leg, target, command.headers)
    return DONE


def _target(session: SessionContext, command: TransferCall) -> str | Leg | None:
    """None for another call that is not connected, or no more."""
    if command.other is None:
        if not command.to:
            raise CommandRefused(
                Commands.BAD_ARGUMENT, "transferTo(): neither an address nor a call is given"
            )
        return command.to
    if command.other == command.unit:
        raise CommandRefused(
            Commands.BAD_ARGUMENT, "transferTo(): a call cannot be transferred to itself"
        )
    if session.units.get(command.other) is None:
        return None
    other = session.units.find(command.other, CallLeg)
    return other.leg if other.phase is Phase.CONNECTED else None


def _connected(session: SessionContext, unit: int, what: str) -> tuple[CallLeg, Leg]:
    call = find_call(session, unit)
    if call.leg is None or call.phase is not Phase.CONNECTED:
        raise CommandRefused(
            Commands.WRONG_MOMENT, f"{what}: the call is not connected; nothing was sent"
        )
    return call, call.leg


def handle(session: SessionContext, command: HandleTransfers, _: int) -> bool:
    find_call(session, command.unit).transfer.handle(command.handle)
    return DONE


def report(session: SessionContext, command: ReportTransfer, _: int) -> bool:
    call, leg = _connected(session, command.unit, "notifyBlindTransfer")
    if 200 < command.code < 300:
        raise CommandRefused(
            Commands.BAD_ARGUMENT, f"notifyBlindTransferFailed(): {command.code} is no failure"
        )
    if not call.transfer.report(leg, command.code, command.reason):
        raise CommandRefused(
            Commands.WRONG_MOMENT,
            "the peer of this call has asked for no transfer; nothing was sent",
        )
    return DONE


TRANSFER_COMMANDS: Final[Mapping[str, Handler]] = {
    TransferCall.op: transfer,
    HandleTransfers.op: handle,
    ReportTransfer.op: report,
}
