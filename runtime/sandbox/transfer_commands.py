"""Commands about transfers of a call."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.sandbox.command import Command
from runtime.sandbox.schema import (
    MAX_NAME,
    MAX_URI,
    checked,
    flag,
    headers_field,
    text_of,
    unit_field,
    whole_number,
)


@attrs.frozen(kw_only=True)
class TransferCall(Command):
    """Ask the peer of `unit` to call `to`, or to take our place in `other` when `to` is empty.
    `Call.TransferComplete` or `Call.TransferFailed` follows."""

    op: ClassVar[str] = "call.transfer"
    unit: int = unit_field()
    to: str = checked(text_of(MAX_URI), "")
    other: int | None = unit_field(optional=True)
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class HandleTransfers(Command):
    op: ClassVar[str] = "call.handle_transfers"
    unit: int = unit_field()
    handle: bool = checked(flag)


@attrs.frozen(kw_only=True)
class ReportTransfer(Command):
    """What became of the transfer that the peer has asked for."""

    op: ClassVar[str] = "call.report_transfer"
    unit: int = unit_field()
    code: int = checked(whole_number(200, 699))
    reason: str = checked(text_of(MAX_NAME), "")


TRANSFER_COMMANDS: Final[tuple[type[Command], ...]] = (
    TransferCall,
    HandleTransfers,
    ReportTransfer,
)
