"""What the signalling side of a call says, as inputs of its state and events of the script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from runtime.decisions.call_state import Input
from runtime.decisions.problems import Calls
from runtime.decisions.tones import Way
from runtime.legs.leg import (
    Connected,
    EarlyMedia,
    Ended,
    Held,
    InfoReceived,
    LegEvent,
    MessageReceived,
    ReinviteAccepted,
    Reinvited,
    ReinviteRejected,
    Replaced,
    Resumed,
    Ringing,
    ToneSignalled,
    TransferComplete,
    TransferFailed,
    TransferRequested,
)
from runtime.session.calls import Side
from runtime.session.notice import Notice

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg


AT_WILL: Final = (
    Held,
    Resumed,
    Reinvited,
    InfoReceived,
    MessageReceived,
    ToneSignalled,
    TransferRequested,
)
"""What a peer may say as often as it likes."""
KIB: Final = 1024


def on_leg_event(call: CallLeg, event: LegEvent) -> None:
    """One event of the leg, in the order in which they come."""
    if isinstance(event, AT_WILL) and call.alive and not _may_say(call, event):
        why = f"more than {call.pace.rate:g} requests a second inside the call"
        call.session.timeline.refuse(Calls.TOO_FAST, f"the call is ended: {why}", leg=call.id)
        call.refuse(Calls.TOO_FAST, why)
        return
    match event:
        case Ringing(headers=headers):
            call.rings(Notice(headers=headers))
        case EarlyMedia(headers=headers):
            call.peer_input(Input.PEER_EARLY_MEDIA, Notice(headers=headers))
        case Connected(headers=headers, custom_data=data):
            passes_by = call.is_direct and not call.incoming
            given = Input.PEER_CONNECTED_DIRECT if passes_by else Input.PEER_CONNECTED
            call.peer_input(given, Notice(headers=headers, custom_data=data))
        case Ended():
            call.session.timeline.record(
                "session", f"leg ended by {event.by}: {event.code} {event.reason}", leg=call.id
            )
            notice = Notice(headers=event.headers, code=event.code, reason=event.reason)
            call.peer_input(Input.ENDED, notice)
            call.session.calls.said_last(call, Side.SIGNALLING)
        case Held() | Resumed() | Reinvited() | InfoReceived() | MessageReceived():
            if call.alive:
                _in_the_call(call, event)
        case ReinviteAccepted() | ReinviteRejected():
            call.change_is_open = False
            if call.alive:
                _changed(call, event)
        case ToneSignalled(tone=tone):
            if call.alive:
                call.media.tone(tone, Way.SIP_INFO)
        case TransferRequested() | TransferComplete() | TransferFailed() | Replaced():
            if call.alive:
                call.transfer.on_event(event)
        case _:
            assert_never(event)


def _may_say(call: CallLeg, event: LegEvent) -> bool:
    size = 0
    match event:
        case InfoReceived(body=text) | Reinvited(body=text) | MessageReceived(text=text):
            size = len(text)
        case _:
            pass
    return call.pace.take(call.session.now(), min(1 + size // KIB, call.pace.burst))


def _changed(call: CallLeg, event: ReinviteAccepted | ReinviteRejected) -> None:
    """How the peer has taken a re-INVITE of ours."""
    headers = dict(event.headers)
    if isinstance(event, ReinviteAccepted):
        kind, body = event.mime_type, event.body
        call.emit("ReInviteAccepted", mimeType=kind, body=body, headers=headers)
    else:
        call.emit("ReInviteRejected", headers=headers)


def _in_the_call(
    call: CallLeg, event: Held | Resumed | Reinvited | InfoReceived | MessageReceived
) -> None:
    match event:
        case Held():
            call.emit("OnHold")
        case Resumed():
            call.emit("OffHold")
        case Reinvited(mime_type=kind, body=body, headers=headers):
            call.emit("ReInviteReceived", mimeType=kind, body=body, headers=dict(headers))
        case InfoReceived(mime_type=kind, body=body, headers=headers):
            call.emit("InfoReceived", mimeType=kind, body=body, headers=dict(headers))
        case MessageReceived(text=text, headers=headers):
            call.emit("MessageReceived", text=text, headers=dict(headers))
        case _:
            assert_never(event)
