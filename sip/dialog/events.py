"""What a session tells its observer. Ended comes exactly once, last."""

from __future__ import annotations

from typing import Literal

import attrs

from sip.message import Headers, NameAddr

EndedBy = Literal["local", "remote", "timeout", "transport"]
EndedKind = Literal["bye", "cancel", "reject", "failure", "ack-timeout", "session-expired"]


@attrs.frozen(kw_only=True)
class Provisional:
    """A 101 to 199 response to our INVITE; may repeat, and may come from several branches."""

    status: int
    reason: str
    headers: Headers
    sdp: bytes | None


@attrs.frozen
class Redirected:
    """A 3xx has sent our INVITE on to `target`; what was heard before came from elsewhere."""

    target: str


@attrs.frozen(kw_only=True)
class Answered:
    """The first 2xx to our INVITE. The ACK is out already, unless `sdp` is an offer of the peer:
    when the INVITE carried none, the session waits for `ack_with`.

    `sdp` is that of the 2xx, or the last one of this branch's provisional responses; None too when
    this branch has changed its audio by UPDATE since it answered our offer: that change holds.
    """

    status: int
    reason: str
    headers: Headers
    sdp: bytes | None


@attrs.frozen
class Acknowledged:
    """The ACK of our 2xx arrived; `sdp` is the answer when the 2xx carried our offer."""

    headers: Headers
    sdp: bytes | None


@attrs.frozen
class ReinviteReceived:
    """The peer wants another session description (re-INVITE, or UPDATE or PRACK with SDP).

    Call `answer_reinvite` or `reject_reinvite`, now or soon. Without `sdp` the answer is our
    offer, and the peer's answer comes as ReinviteAnswered.
    """

    headers: Headers
    sdp: bytes | None
    is_news: bool = True
    """False for a description that stands already, as in a refresh, and for none at all."""


@attrs.frozen
class ReinviteAnswered:
    """The peer's answer to our latest offer, however that offer travelled."""

    sdp: bytes | None
    headers: Headers | None = attrs.field(default=None, eq=False)
    """Of the response to our `reinvite`; None for another offer: one in a refresh, or in our answer
    to a request of the peer."""


@attrs.frozen
class ReinviteOffered:
    """What the peer offers after `ask_for_offer`; `answer_offer` is due now or soon. The peer
    repeats its 2xx meanwhile."""

    sdp: bytes


@attrs.frozen
class ReinviteFailed:
    """Our `reinvite` or `ask_for_offer` was refused; the session goes on as before. Also when the
    owner has not answered an offer in time."""

    status: int
    reason: str
    headers: Headers = attrs.field(factory=Headers, eq=False)
    """Of the response, if there was one."""


@attrs.frozen(kw_only=True)
class InfoReceived:
    """An INFO, answered with 200 already."""

    headers: Headers
    content_type: str
    """In lower case, without parameters; empty when there is no body."""
    body: bytes


@attrs.frozen(kw_only=True)
class MessageReceived:
    """A text of the peer (MESSAGE), answered with 200 already."""

    headers: Headers
    text: str


@attrs.frozen
class MessageRefused:
    """A text of ours was not taken; the call goes on."""

    status: int
    reason: str


@attrs.frozen
class TransferProgress:
    """How far the peer is with the transfer that we asked for: 100, 180 ..."""

    status: int
    reason: str


@attrs.frozen
class TransferEnded:
    """The outcome of a transfer that we asked for; 2xx is success, and the call is still up.

    408 when the peer did not say; 487 when the call ended first.
    """

    status: int
    reason: str


@attrs.frozen(kw_only=True)
class TransferRequested:
    """The peer asks us to call `refer_to` (REFER). Call `accept_transfer` or `reject_transfer`,
    now or soon; after accepting, `report_transfer` tells the peer how it goes."""

    headers: Headers
    refer_to: NameAddr


@attrs.frozen(kw_only=True)
class Ended:
    """The session is over, whatever the reason; nothing follows."""

    by: EndedBy
    kind: EndedKind
    status: int
    reason: str
    headers: Headers = attrs.field(factory=Headers)
    """Of the message that ended it: BYE, CANCEL or the failure response; empty otherwise."""


SessionEvent = (
    Provisional
    | Redirected
    | Answered
    | Acknowledged
    | ReinviteReceived
    | ReinviteAnswered
    | ReinviteOffered
    | ReinviteFailed
    | InfoReceived
    | MessageReceived
    | MessageRefused
    | TransferProgress
    | TransferEnded
    | TransferRequested
    | Ended
)
