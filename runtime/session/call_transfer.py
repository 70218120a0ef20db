"""Transfers of one call of the script: REFERs that it asks for, and those that the peer sends.

After a successful transfer the runtime leaves the call (voxengine.md 3.6): TransferComplete, then
Disconnected. A peer's request waits for the script's outcome; nothing is hung up or dialled for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runtime.decisions.problems import Commands
from runtime.decisions.transfers import (
    NOT_HANDLED,
    TABLE,
    Asked,
    Step,
    refuse_transfer,
)
from runtime.legs.leg import (
    Headers,
    Leg,
    Replaced,
    TransferComplete,
    TransferFailed,
    TransferRequested,
)

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg

ROLE: Final = "transferor"
"""The part that this side plays when it asks its peer to call the target."""
TARGET: Final = "target"
"""The same when another peer comes in the place of its own."""


TransferEvent = TransferRequested | TransferComplete | TransferFailed | Replaced


class CallTransfer:
    """Belongs to a call, which is connected whenever a command comes here."""

    def __init__(self, call: CallLeg) -> None:
        self._call = call
        self._begun = 0
        self._under_way = False
        self._asked = Asked.NOTHING
        self._handles = False

    def attached(self, leg: Leg) -> None:
        """The leg is there; what the script asked for before is told now."""
        leg.transfers.handle(self._handles)

    # --- commands ---

    def handle(self, handle: bool) -> None:
        """Whether the peer's requests come to the script; also before the leg is there."""
        self._handles = handle
        if self._call.leg is not None:
            self._call.leg.transfers.handle(handle)

    def begin(self, leg: Leg, target: str | Leg, headers: Headers) -> None:
        """Ask the peer; what cannot be begun is TransferFailed."""
        refusal = refuse_transfer(begun=self._begun, under_way=self._under_way)
        if refusal is not None:
            self.fail(*refusal)
            return
        self._begun += 1
        self._under_way = True
        if isinstance(target, str):
            leg.transfers.to(target, headers)
        else:
            leg.transfers.to_leg(target, headers)

    def report(self, leg: Leg, code: int, reason: str) -> bool:
        """Tell the peer the outcome of its request; False when there is none."""
        after = TABLE.get((self._asked, Step.OUTCOME))
        if after is None:
            return False
        self._asked = after
        leg.transfers.report(code, reason)
        return True

    # --- what the leg says ---

    def on_event(self, event: TransferEvent) -> None:
        match event:
            case TransferRequested():
                self._requested(event)
            case TransferFailed(code=code, reason=reason):
                self._under_way = False
                self.fail(code, reason)
            case Replaced(headers=headers):
                self._call.emit("TransferComplete", headers=dict(headers), role=TARGET)
            case TransferComplete():
                self._under_way = False
                self._call.emit("TransferComplete", headers={}, role=ROLE)
                self._call.hang_up({}, code=200, reason="transferred")

    def fail(self, code: int, reason: str) -> None:
        """A transfer has come to nothing; the call goes on."""
        self._call.emit("TransferFailed", headers={}, role=ROLE, code=code, reason=reason)

    def _requested(self, event: TransferRequested) -> None:
        call = self._call
        self._asked = TABLE[self._asked, Step.REQUEST]
        headers = dict(event.headers)
        if event.replaces:
            call.session.places.named(event.replaces)
            headers |= {"Refer-To": event.address, "Replaces": event.replaces}
        fields = {"transferTo": event.transfer_to, "headers": headers}
        call.session.events.emit(
            "Call.BlindTransferRequested",
            unit=call.unit,
            fields=fields,
            state=call.state,
            on_reply=self._handled,
        )

    def _handled(self, handled: bool) -> None:
        call = self._call
        if not handled and call.alive and call.leg is not None:
            code, reason = NOT_HANDLED
            why = f"transfer refused: {reason}"
            call.session.timeline.refuse(Commands.NOBODY_LISTENS, why, leg=call.id)
            self.report(call.leg, code, reason)
