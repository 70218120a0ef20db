"""The port of one call leg: what a session may ask of the signalling side, and what it is told.

Adapters: legs/sip (real calls), the test kit's simulated legs; later browser and agent audio legs.
Every adapter passes the Leg conformance suite. Calls are synchronous and never raise for a leg that
has ended (they do nothing); events come through the listener, in order, on the core's trio thread.
A leg emits exactly one Ended, last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.decisions.problems import Dials
from runtime.media.port import MediaLeg

Headers = Mapping[str, str]
"""Header names as sent by the peer; only X-*, User-to-User and, on Ended, Reason."""


@attrs.frozen(kw_only=True)
class LegIdentity:
    """Who is on this leg, as a scenario may ask (unescaped user parts, whole URIs)."""

    number: str
    """The dialled user part."""
    callerid: str
    display_name: str
    from_uri: str
    to_uri: str
    """The whole Request-URI of an incoming call, the dialled URI of an outgoing one."""
    headers: Headers = attrs.field(factory=dict)
    client_type: str = "sip"
    remote: str = ""
    """Transport and address of the peer, for the timeline."""
    own_session: str = ""
    """The session of this runtime that placed the call, when the runtime calls itself."""
    to_conference: bool = False
    """It did so to join a shared session (VoxEngine.callConference)."""
    application: str = ""
    """Whose user the caller is, when it is the user of an application."""


# --- events -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Ringing:
    """180 on an outgoing leg."""

    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EarlyMedia:
    """183 on an outgoing leg; media may already flow from the peer."""

    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Connected:
    """The ACK arrived (incoming) or a 2xx was received and acknowledged (outgoing)."""

    headers: Headers = attrs.field(factory=dict)
    custom_data: str = ""


@attrs.frozen
class Held:
    """The peer put this leg on hold (sendonly, inactive, 0.0.0.0); once per hold."""


@attrs.frozen
class Resumed:
    """The peer took this leg off hold."""


@attrs.frozen(kw_only=True)
class Reinvited:
    """The peer asks for another description of the call (re-INVITE, UPDATE). It is answered without
    a script; Held or Resumed follows where that is what it means."""

    mime_type: str
    body: str
    """Without the keys in it."""
    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ReinviteAccepted:
    """The peer has taken a change of the call that we asked for, or that was passed on to it in a
    direct call; Held or Resumed follows where that is what its answer means."""

    mime_type: str
    body: str
    """Its answer, without the keys in it."""
    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ReinviteRejected:
    """It has refused it; the call is as before."""

    code: int
    reason: str
    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InfoReceived:
    """A SIP INFO that is no digit."""

    mime_type: str
    body: str
    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class MessageReceived:
    text: str
    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ToneSignalled:
    """A key press that came by SIP INFO."""

    tone: str


@attrs.frozen(kw_only=True)
class TransferRequested:
    """The peer asks for a call to somebody else; told only after `transfers.handle(True)`."""

    transfer_to: str
    """The unescaped user part of the address; the whole address when it has none."""
    headers: Headers = attrs.field(factory=dict)
    address: str = ""
    """The whole address, as it can be dialled."""
    replaces: str = ""
    """In an attended transfer: the call there whose peer we are to become (RFC 3891 6.1)."""


@attrs.frozen
class TransferComplete:
    """The transfer that we asked the peer for has succeeded; the leg is still up."""


@attrs.frozen(kw_only=True)
class TransferFailed:
    """It has not; the leg goes on. `code` is a SIP status."""

    code: int
    reason: str


@attrs.frozen(kw_only=True)
class Replaced:
    """Another peer has taken the place of ours; the leg goes on with it. Only after
    `transfers.handle(True)`."""

    headers: Headers = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Ended:
    """The leg is over; nothing follows.

    `code` is the SIP status for a leg that never connected (408, 486, 487, 603 ...); for a
    connected leg the cause of the first Reason header, or 200 without one. `reason` is for people.
    `by` is "peer", "us" or "network".
    """

    code: int
    reason: str
    by: str
    headers: Headers = attrs.field(factory=dict)


LegEvent = (
    Ringing
    | EarlyMedia
    | Connected
    | Held
    | Resumed
    | Reinvited
    | ReinviteAccepted
    | ReinviteRejected
    | InfoReceived
    | MessageReceived
    | ToneSignalled
    | TransferRequested
    | TransferComplete
    | TransferFailed
    | Replaced
    | Ended
)
LegListener = Callable[[LegEvent], None]


@attrs.frozen(kw_only=True)
class Trace:
    """One line for the session's timeline (which masks secrets): a SIP message or a media fact."""

    t: float
    """On the trio clock, seconds."""
    kind: str
    """"sip" or "media"."""
    what: str
    """One line: "in INVITE sip:100@127.0.0.1 from udp:127.0.0.1:5070"."""
    detail: str = ""


TraceListener = Callable[[Trace], None]


class Transfers(Protocol):
    """Transfers of one connected leg, in either direction (RFC 3515)."""

    def handle(self, handle: bool) -> None:
        """Whether a peer's request is told, and another peer may take this one's place; at first
        both are refused with 603."""

    def report(self, code: int, reason: str) -> None:
        """Tell the peer the outcome of what it asked for: 200, or a status of 300-699."""

    def to(self, address: str, headers: Headers) -> None:
        """Ask the peer to call `address` (a SIP or tel: URI), with these headers in its INVITE.
        TransferComplete or TransferFailed follows."""

    def to_leg(self, other: Leg, headers: Headers) -> None:
        """The same, to take our place in `other`, which must be connected."""


class Leg(Protocol):
    """One call leg. `listen` must be called before anything else; early events are replayed."""

    @property
    def identity(self) -> LegIdentity: ...
    @property
    def incoming(self) -> bool: ...
    @property
    def media(self) -> MediaLeg:
        """The audio side; exists from the start, carries RTP once offer and answer are done."""

    def listen(self, listener: LegListener) -> None: ...
    def trace(self, listener: TraceListener) -> None:
        """Lines from before (bounded) are replayed, from the first byte of the INVITE on."""

    def ring(self, headers: Headers) -> None:
        """Incoming: 180."""

    def early_media(self, headers: Headers) -> None:
        """Incoming: 183 with SDP."""

    def answer(self, headers: Headers, display_name: str = "") -> None:
        """Incoming: 200; Connected follows with the ACK."""

    def answer_directly(self, peer: Leg, headers: Headers, display_name: str = "") -> None:
        """Incoming: 200 with what the peer of `peer` has said about its audio, which then passes
        between the two peers; `peer` was dialled with `direct_for` this leg and is connected.
        Connected follows with the ACK. Our own `media` is closed."""

    def reject(self, code: int, reason: str, headers: Headers, *, problem: str = "") -> None:
        """Incoming and unanswered: final refusal `code` (300-699); Ended follows. `problem`: the
        number of it (decisions/problems/), empty where the script refuses."""

    def hangup(self, headers: Headers, *, code: int = 487, reason: str = "") -> None:
        """BYE, CANCEL or refusal `code`, whatever fits; Ended follows. Safe twice."""

    @property
    def digits_by_info(self) -> bool:
        """Whether this peer is to get digits by SIP INFO: it takes no RFC 4733, and the
        configuration says so. Otherwise they are the audio side's business."""

    @property
    def transfers(self) -> Transfers: ...
    def reinvite(self, direction: AudioDirection | None, headers: Headers) -> None:
        """Connected: offer the peer what stands, in another direction if one is given (hold and
        its end). One of ReinviteAccepted and ReinviteRejected follows, unless the call ends."""

    def send_info(self, mime_type: str, body: str, headers: Headers) -> None: ...
    def send_message(self, text: str) -> None: ...


@attrs.frozen(kw_only=True)
class DialRequest:
    """An outgoing call as the script asked for it; checked, but not yet permitted."""

    kind: str
    """"sip", "pstn" (through a trunk), "user" (a registered user) or "conference" (a shared session
    of this runtime)."""
    to: str
    callerid: str = ""
    display_name: str = ""
    auth_user: str = ""
    password: str = attrs.field(default="", repr=False)
    out_proxy: str = ""
    registration: str = ""
    headers: Headers = attrs.field(factory=dict)
    diverted_from: str = ""
    """The number that passed this call on (RFC 5806), for trunks; empty for none."""
    replaces: str = ""
    """The call there whose place this one takes, as a TransferRequested named it."""
    timeout_s: float = 60.0
    session_id: str = ""
    application: str = ""
    """Whose script asks."""
    direct_for: Leg | None = None
    """The incoming leg whose peer's description is offered instead of ours, so that audio passes
    between the peers; it is unanswered. Such a leg tells no EarlyMedia, and 183 as Ringing."""


class DialRefused(Exception):
    """The call may not or cannot be placed; becomes Failed(code, reason) on the new leg.

    `code`: where it is not that of the kind.
    """

    def __init__(self, kind: Dials, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = code or kind.status
        self.reason = reason


class Dialer(Protocol):
    """Places outgoing calls; decides whether loopback, trunk or user rules permit them."""

    async def dial(self, request: DialRequest) -> Leg:
        """Start the attempt and return at once. Raises DialRefused."""
