"""CallEvents of a leg's life: signalling, digits, messages, transfers.

Order on one leg, outgoing: Ringing*, AudioStarted, Connected, ..., then exactly one of Failed
(never connected) and Disconnected, then RecordStopped. Incoming: Connected, ..., Disconnected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.call import Call

Headers = Mapping[str, str]
"""SIP headers received with the message: X-*, User-to-User and, on terminal events, Reason."""

TransferRole = Literal["transferor", "target", "transferee"]


@attrs.frozen(kw_only=True)
class CallEvent(Event):
    """What all CallEvents carry: the call, the event's name and the call's id."""

    call: Call

    @property
    def id(self) -> str:
        return self.call.id()


@attrs.frozen(kw_only=True)
class Ringing(CallEvent):
    """The remote side of an outgoing call rings (180).

    Order: before AudioStarted and Connected, once. With allow180After183 it may follow AudioStarted
    instead. Never on incoming calls.
    """

    name: ClassVar[str] = "Call.Ringing"
    headers: Headers = attrs.field(factory=dict[str, str])


@attrs.frozen(kw_only=True)
class AudioStarted(CallEvent):
    """Early media (183) or, without it, the answer of an outgoing call; before Connected.

    Order: once, after Ringing if there was one; right before Connected when no 183 came. Never on
    incoming calls, nor on those of callUserDirect.
    """

    name: ClassVar[str] = "Call.AudioStarted"
    headers: Headers = attrs.field(factory=dict[str, str])


@attrs.frozen(kw_only=True)
class Connected(CallEvent):
    """The call is answered and media flows both ways.

    Order: once, after StateChanged. On an outgoing call after Ringing and AudioStarted; on an
    incoming one after answer() or answerDirect(), when the caller has confirmed. Disconnected is
    the end of such a call.
    """

    name: ClassVar[str] = "Call.Connected"
    customData: str = ""
    headers: Headers = attrs.field(factory=dict[str, str])
    scheme: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class Disconnected(CallEvent):
    """The end of a connected call, or of an incoming one that was never answered.

    `internalCode`: a SIP status before the answer (408, 486, 487, 603), the cause of the first
    Reason header after it. `duration` in whole seconds since Connected.

    Order: once, instead of Failed, after StateChanged. Nothing of this call follows but
    RecordStopped or RecordError; the result of a detector (AudioIdentificationResult,
    AMD.Events.DetectionComplete) comes before it.
    """

    name: ClassVar[str] = "Call.Disconnected"
    headers: Headers = attrs.field(factory=dict[str, str])
    internalCode: int = 0
    reason: str = ""
    duration: int = 0
    cost: float = 0
    direction: str = ""


@attrs.frozen(kw_only=True)
class Failed(CallEvent):
    """The end of an outgoing call that never connected; `code` is the SIP status.

    Order: once, instead of Connected and Disconnected, after StateChanged. Nothing of this call
    follows but RecordStopped or RecordError, of a recording that began in early media.
    """

    name: ClassVar[str] = "Call.Failed"
    headers: Headers = attrs.field(factory=dict[str, str])
    code: int = 0
    reason: str = ""


@attrs.frozen(kw_only=True)
class StateChanged(CallEvent):
    """Call.state() changed; comes before the event that tells why.

    Order: right before Ringing, AudioStarted, Connected, Disconnected or Failed, whichever changes
    the state (an answer without early media: AudioStarted, StateChanged, Connected); alone after
    ring() and startEarlyMedia().
    """

    name: ClassVar[str] = "Call.StateChanged"
    oldState: str = ""
    newState: str = ""


@attrs.frozen(kw_only=True)
class OnHold(CallEvent):
    """The peer put the call on hold; once per hold.

    Order: between Connected and Disconnected, in turn with OffHold, OnHold first.
    """

    name: ClassVar[str] = "Call.OnHold"


@attrs.frozen(kw_only=True)
class OffHold(CallEvent):
    """The peer took the call off hold.

    Order: after an OnHold, once for each.
    """

    name: ClassVar[str] = "Call.OffHold"


@attrs.frozen(kw_only=True)
class ToneReceived(CallEvent):
    """A key press, after handleTones(True).

    `tone` is one of 0-9 * # (and A-D from phones that have them); `type` "1" (RFC 4733), "2"
    (in-band) or "3" (SIP INFO).

    Order: one for each press, in the order of the presses, when the key is up; from the answer (or
    early media of an outgoing call) on, before Disconnected.
    """

    name: ClassVar[str] = "Call.ToneReceived"
    tone: str = ""
    type: str = ""


@attrs.frozen(kw_only=True)
class InfoReceived(CallEvent):
    """A SIP INFO that is no digit.

    Order: one for each INFO, in the order of their arrival, before Disconnected.
    """

    name: ClassVar[str] = "Call.InfoReceived"
    headers: Headers = attrs.field(factory=dict[str, str])
    mimeType: str = ""
    body: str = ""


@attrs.frozen(kw_only=True)
class MessageReceived(CallEvent):
    """A text message within the call.

    Order: one for each text, in the order of their arrival, before Disconnected.
    """

    name: ClassVar[str] = "Call.MessageReceived"
    headers: Headers = attrs.field(factory=dict[str, str])
    text: str = ""


@attrs.frozen(kw_only=True)
class ReInviteReceived(CallEvent):
    """The peer has asked for a change of the call, such as hold: mimeType and body are its
    description (SDP) without keys. It is answered by itself; OnHold or OffHold follows where that
    is what it means. A refresh that changes nothing is no event.

    Order: between Connected and Disconnected, before the OnHold or OffHold that it means.
    """

    name: ClassVar[str] = "Call.ReInviteReceived"
    headers: Headers = attrs.field(factory=dict[str, str])
    mimeType: str = ""
    body: str = ""


@attrs.frozen(kw_only=True)
class ReInviteAccepted(CallEvent):
    """The peer has accepted a re-INVITE of ours: one that Call.reInvite() has sent, or, in a call
    by callUserDirect(), what the other peer has asked for. mimeType and body are its answer (SDP)
    without keys.

    Order: one of ReInviteAccepted and ReInviteRejected for each, between Connected and
    Disconnected; before the OnHold or OffHold that the answer means.
    """

    name: ClassVar[str] = "Call.ReInviteAccepted"
    headers: Headers = attrs.field(factory=dict[str, str])
    mimeType: str = ""
    body: str = ""


@attrs.frozen(kw_only=True)
class ReInviteRejected(CallEvent):
    """The peer has refused a re-INVITE of ours; the call goes on as it was. Code and reason are in
    the timeline.

    Order: one of ReInviteAccepted and ReInviteRejected for each, between Connected and
    Disconnected.
    """

    name: ClassVar[str] = "Call.ReInviteRejected"
    headers: Headers = attrs.field(factory=dict[str, str])


@attrs.frozen(kw_only=True)
class BlindTransferRequested(CallEvent):
    """After handleBlindTransfer(True): the peer asks for a call to `transferTo`, the user part of
    the address (the whole address when it has none). It waits for notifyBlindTransferSuccess or
    notifyBlindTransferFailed. `headers` of an attended transfer hold Refer-To and Replaces too, to
    dial and to pass on.

    Order: between Connected and Disconnected; the next one comes after the outcome of this one was
    told, or when the peer has given it up.
    """

    name: ClassVar[str] = "Call.BlindTransferRequested"
    headers: Headers = attrs.field(factory=dict[str, str])
    transferTo: str = ""


@attrs.frozen(kw_only=True)
class TransferComplete(CallEvent):
    """`role` "transferor": transferTo has succeeded, the peer talks to the target, and
    Disconnected follows. "target": after handleBlindTransfer(True) another peer has taken the place
    of this one (an attended transfer to us), and the call goes on with it.

    Order: one of TransferComplete and TransferFailed for each transferTo, before Disconnected;
    after role "transferor" Disconnected(200) comes at once.
    """

    name: ClassVar[str] = "Call.TransferComplete"
    headers: Headers = attrs.field(factory=dict[str, str])
    role: TransferRole = "transferor"


@attrs.frozen(kw_only=True)
class TransferFailed(CallEvent):
    """transferTo has failed, with the SIP status of the target or the peer; the call goes on.

    Order: one of TransferComplete and TransferFailed for each transferTo, before Disconnected; with
    code 487 right before it.
    """

    name: ClassVar[str] = "Call.TransferFailed"
    headers: Headers = attrs.field(factory=dict[str, str])
    role: TransferRole = "transferor"
    code: int = 0
    reason: str = ""


@attrs.frozen(kw_only=True)
class Forwarding(CallEvent):
    name: ClassVar[str] = "Call.Forwarding"


@attrs.frozen(kw_only=True)
class PushSent(CallEvent):
    name: ClassVar[str] = "Call.PushSent"
    result: str = ""
