"""The part of Call that transfers: to somebody else, and on the peer's request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from runtime.api.call_signalling import CallSignalling
from runtime.api.handle import CommandHandle
from runtime.api.options import flag, header_map, merge, text
from runtime.sandbox.transfer_commands import HandleTransfers, ReportTransfer, TransferCall

if TYPE_CHECKING:
    from runtime.api.call import Call

TRANSFER_OPTIONS: Final = ("call", "headers", "to")


class CallTransfers(CallSignalling):
    """Transfers of a connected call (SIP REFER)."""

    __slots__ = ()

    def transferTo(self, *target: object, **options: object) -> CommandHandle:
        """Ask the peer to call somebody else instead: a blind transfer to an address, or an
        attended one to another connected call, whose peer it is to join.

        TransferComplete follows, and this call is left (Disconnected); or TransferFailed(code,
        reason), and the call goes on: 408 when the peer does not answer in 32 s or does not say in
        420 s how it went, 403 at the eleventh transfer of a call, 480 when the other call is not
        connected. Refused before the answer. Options, as keywords or one dict: to (a SIP or tel:
        URI), call, headers (X-* and User-to-User, for the INVITE of the peer); one of to and call
        may be given alone: `call.transferTo(other)`. VoxEngine reference: Call.transferTo.
        """
        what = "Call.transferTo"
        first = "to" if target and isinstance(target[0], str) else "call"
        given = merge(what, TRANSFER_OPTIONS, target, options, legacy=(first,))
        if ("to" in given) == ("call" in given):
            raise TypeError(f"{what}(): give either to (an address) or call (another call)")
        headers = header_map(what, given.get("headers"), "headers")
        if "to" in given:
            address = text(what, "to", given["to"])
            return self._command("transferTo", TransferCall, to=address, headers=headers)
        other = given["call"]
        if not isinstance(other, CallTransfers):
            raise TypeError(f"{what}(): call must be a Call, not {type(other).__name__}")
        unit = cast("Call", other)._unit
        return self._command("transferTo", TransferCall, other=unit, headers=headers)

    def handleBlindTransfer(self, handle: bool) -> CommandHandle:
        """With True a transfer that the peer asks for (REFER) fires BlindTransferRequested, and
        waits for notifyBlindTransferSuccess or notifyBlindTransferFailed; and another peer may take
        the place of this one (INVITE with Replaces), which fires TransferComplete with role
        "target". Off at first: both are refused with 603.

        Nothing is dialled or hung up by itself. In an attended transfer the headers of
        BlindTransferRequested hold Refer-To (the address) and Replaces (the call there that ours is
        to take over): dial the one and pass on the other in extraHeaders. A Replaces that no peer
        of the session has named is Failed with 403. May be called before the answer. VoxEngine
        reference: Call.handleBlindTransfer.
        """
        wanted = flag("Call.handleBlindTransfer", "handle", handle)
        return self._command("handleBlindTransfer", HandleTransfers, handle=wanted)

    def notifyBlindTransferSuccess(self) -> CommandHandle:
        """Tell the peer that its transfer was answered (NOTIFY with 200 OK).

        Refused when it has asked for none. No event follows. VoxEngine reference:
        Call.notifyBlindTransferSuccess.
        """
        return self._command("notifyBlindTransferSuccess", ReportTransfer, code=200, reason="OK")

    def notifyBlindTransferFailed(self, code: int, reason: str) -> CommandHandle:
        """Tell the peer that its transfer failed, with a SIP status of 300 to 699.

        Refused when it has asked for none. No event follows. Raises ValueError for another code.
        VoxEngine reference: Call.notifyBlindTransferFailed.
        """
        what = "Call.notifyBlindTransferFailed"
        if type(code) is int and not 300 <= code <= 699:
            raise ValueError(f"{what}(): code must be from 300 to 699, not {code}")
        said = text(what, "reason", reason)
        return self._command("notifyBlindTransferFailed", ReportTransfer, code=code, reason=said)
