"""A simulated call leg: the Leg port without a wire.

Both ends act on one object: the session through the port, the person (SimCaller, SimCallee) through
the `peer_...` methods. What happened between them stands in `wire`, as abstract steps. What the
session does takes effect at once, but its events come later, never inside the call that caused
them; Connected of an incoming leg comes one round trip after the answer, as an ACK does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import (
    Connected,
    EarlyMedia,
    Ended,
    Headers,
    InfoReceived,
    Leg,
    LegEvent,
    LegIdentity,
    LegListener,
    MessageReceived,
    ReinviteAccepted,
    Ringing,
    ToneSignalled,
    Trace,
    TraceListener,
)
from runtime.testing.agenda import Agenda, Appointment
from runtime.testing.changes import SDP, SimChanges
from runtime.testing.headers import complaint_about, visible
from runtime.testing.symbolic_leg import SymbolicLeg
from runtime.testing.transfers import SimTransfers

ROUND_TRIP_S: Final = 0.02
"""From an answer to its acknowledgement."""
NO_HEADERS: Final[Mapping[str, str]] = {}
RETRY_AFTER: Final = "Retry-After"

"""What every simulated person agrees on."""

State = Literal["invited", "ringing", "answered", "connected", "ended"]
"""answered: an incoming leg between its 200 and the ACK."""

UNANSWERED: Final[frozenset[State]] = frozenset({"invited", "ringing"})
Side = Literal["us", "peer"]


@attrs.frozen(kw_only=True)
class WireStep:
    """One thing that went over the wire, as anybody watching would name it.

    `what`: invited, 180, 183, answered, cancelled, rejected 486, bye, hold, resume, info, message;
    reinvite (a change that we ask for) and refused 488 (when the peer does not take it); refer (the
    request of a transfer) and transfer 200 (its outcome).
    `by` is "us" (the scenario's side) or "peer".
    """

    t: float
    what: str
    by: Side
    headers: Headers = attrs.field(factory=dict[str, str])
    body: str = ""
    """Of an info or message; the reason of a refusal; the direction of a reinvite; the target of a
    refer."""

    def __str__(self) -> str:
        return f"{self.t:8.2f}  {self.by:4}  {self.what}"


class SimLeg:
    """One call between the session and a simulated person."""

    def __init__(
        self,
        *,
        identity: LegIdentity,
        incoming: bool,
        media: SymbolicLeg,
        agenda: Agenda,
        invite_headers: Headers = NO_HEADERS,
        direct_for: Leg | None = None,
    ) -> None:
        self._identity = identity
        self._incoming = incoming
        self._media = media
        self._agenda = agenda
        self._state: State = "invited"
        self._direct_for = direct_for
        self._direct_peer: SimLeg | None = None
        self._listener: LegListener | None = None
        self._tracer: TraceListener | None = None
        self._early: list[LegEvent] = []
        self._early_traces: list[Trace] = []
        self._give_up: Appointment | None = None
        self.transfers = SimTransfers(self, agenda, self._who)
        self.changes = SimChanges(self)
        self.wire: list[WireStep] = []
        self.ended: Ended | None = None
        if direct_for is not None:
            media.pass_by()
        self._step("invited", "peer" if incoming else "us", invite_headers)

    # --- the session's side: Leg ---

    @property
    def identity(self) -> LegIdentity:
        return self._identity

    @property
    def incoming(self) -> bool:
        return self._incoming

    @property
    def media(self) -> SymbolicLeg:
        return self._media

    @property
    def state(self) -> State:
        return self._state

    @property
    def unanswered(self) -> bool:
        return self._state in UNANSWERED

    def listen(self, listener: LegListener) -> None:
        self._listener = listener
        early, self._early = self._early, []
        for event in early:
            listener(event)

    def trace(self, listener: TraceListener) -> None:
        self._tracer = listener
        early, self._early_traces = self._early_traces, []
        for line in early:
            listener(line)

    def ring(self, headers: Headers) -> None:
        if self._incoming and self.unanswered:
            self._state = "ringing"
            self._step("180", "us", headers)

    def early_media(self, headers: Headers) -> None:
        if self._incoming and self.unanswered:
            self._state = "ringing"
            self.changes.configure()
            self._step("183", "us", headers)

    def answer(self, headers: Headers, display_name: str = "") -> None:
        if self._incoming and self.unanswered:
            self._state = "answered"
            self.changes.configure()
            self._step("answered", "us", headers, body=display_name)
            self._agenda.after(ROUND_TRIP_S, self._acknowledged)

    def answer_directly(self, peer: Leg, headers: Headers, display_name: str = "") -> None:
        fits = isinstance(peer, SimLeg) and peer._direct_for is self and peer.is_connected
        if isinstance(peer, SimLeg) and fits and self.unanswered:
            self._media.pass_by()
            self.answer(headers, display_name)
            self._media.connect(peer.media)
            peer.media.connect(self._media)
            self._direct_peer, peer._direct_peer = peer, self

    def _acknowledged(self) -> None:
        if self._state == "answered":
            self._state = "connected"
            self._emit(Connected())

    def reject(self, code: int, reason: str, headers: Headers, *, problem: str = "") -> None:
        if self._incoming and self.unanswered:
            self._step(f"rejected {code}", "us", headers, body=reason)
            self._end(Ended(code=code, reason=reason, by="us"))

    def hangup(self, headers: Headers, *, code: int = 487, reason: str = "") -> None:
        if self._state == "ended":
            return
        if not self.unanswered:
            self._step("bye", "us", headers)
            self._end(Ended(code=200, reason=reason or "hung up", by="us"))
        elif self._incoming:
            self.reject(code, reason, headers)
        else:
            self._step("cancelled", "us", headers)
            self._end(Ended(code=code, reason=reason or "cancelled", by="us"))

    @property
    def digits_by_info(self) -> bool:
        return False  # simulated phones take RFC 4733

    def send_info(self, mime_type: str, body: str, headers: Headers) -> None:
        if self._state in ("answered", "connected"):
            self._step("info", "us", headers, body=body)

    def send_message(self, text: str) -> None:
        if self._state == "connected":
            self._step("message", "us", body=text)

    def reinvite(self, direction: AudioDirection | None, headers: Headers) -> None:
        if self._state == "connected":
            self.changes.ask(direction, headers)

    def give_up_after(self, seconds: float) -> None:
        """An outgoing leg that nobody answers ends with 408."""
        reason = f"no answer within {seconds:g} s"
        self._give_up = self._agenda.after(seconds, lambda: self._hangup_unanswered(408, reason))

    def _hangup_unanswered(self, code: int, reason: str) -> None:
        if self.unanswered:
            self.hangup(NO_HEADERS, code=code, reason=reason)

    # --- the person's side ---

    def peer_rings(self, headers: Headers) -> None:
        if not self._incoming and self.unanswered:
            self._state = "ringing"
            self._step("180", "peer", headers)
            self._emit(Ringing(headers=visible(headers)))

    def peer_early_media(self, headers: Headers) -> None:
        if not self._incoming and self.unanswered:
            self._state = "ringing"
            self._step("183", "peer", headers)
            if self._direct_for is not None:
                self._emit(Ringing(headers=visible(headers)))
            else:
                self.changes.configure()
                self._emit(EarlyMedia(headers=visible(headers)))

    def peer_answers(self, headers: Headers, custom_data: str) -> None:
        if not self._incoming and self.unanswered:
            self._state = "connected"
            self.changes.configure()
            self._step("answered", "peer", headers)
            self._emit(Connected(headers=visible(headers), custom_data=custom_data))

    def peer_rejects(self, code: int, reason: str, headers: Headers) -> None:
        if not self._incoming and self.unanswered:
            self._step(f"rejected {code}", "peer", headers, body=reason)
            self._end(
                Ended(
                    code=code, reason=reason, by="peer", headers=visible(headers, with_reason=True)
                )
            )

    def peer_hangs_up(self, headers: Headers, *, cause: int | None = None) -> None:
        """CANCEL before the answer, BYE after it; `cause` goes into a Reason header."""
        if self._state == "ended" or (self.unanswered and not self._incoming):
            return
        if self.unanswered:
            self._step("cancelled", "peer", headers)
            self._end(Ended(code=487, reason="cancelled by the caller", by="peer"))
            return
        sent = dict(headers)
        if cause is not None:
            sent["Reason"] = f"Q.850;cause={cause}"
        self._step("bye", "peer", sent)
        seen = visible(sent, with_reason=True)
        self._end(Ended(code=cause or 200, reason="hung up", by="peer", headers=seen))

    def peer_sends_info(self, mime_type: str, body: str, headers: Headers) -> None:
        if self._state == "connected":
            self._step("info", "peer", headers, body=body)
            self._emit(InfoReceived(mime_type=mime_type, body=body, headers=visible(headers)))

    def peer_sends_message(self, text: str, headers: Headers) -> None:
        if self._state == "connected":
            self._step("message", "peer", headers, body=text)
            self._emit(MessageReceived(text=text, headers=visible(headers)))

    def peer_signals_tone(self, tone: str) -> None:
        """One key by SIP INFO."""
        if self._state == "connected":
            self._step("info", "peer", body=f"Signal={tone}")
            self._emit(ToneSignalled(tone=tone))

    def network_fails(self) -> None:
        """Nothing can reach the peer any more: the leg ends by time-out."""
        if self._state != "ended":
            self._end(Ended(code=408, reason="the peer does not answer any more", by="network"))

    # --- inside ---

    @property
    def is_connected(self) -> bool:
        return self._state == "connected"

    def step(self, what: str, by_us: bool, headers: Headers, body: str) -> None:
        self._step(what, "us" if by_us else "peer", headers, body=body)

    def emit(self, event: LegEvent) -> None:
        self._emit(event)

    def pass_on(self, what: str, answer: str) -> None:
        """In a direct call the other side is asked, too, and takes it."""
        other = self._direct_peer
        if other is not None and other.is_connected:
            other._step(what, "us")
            other._emit(ReinviteAccepted(mime_type=SDP, body=answer))

    def _who(self) -> str:
        identity = self._identity
        return identity.from_uri if self._incoming else identity.to_uri

    def _step(self, what: str, by: Side, headers: Headers = NO_HEADERS, *, body: str = "") -> None:
        now = self._agenda.now()
        if by == "us":
            headers = self._written(what, headers)
        self.wire.append(WireStep(t=now, what=what, by=by, headers=dict(headers), body=body))
        arrow = "out" if by == "us" else "in"
        self._note(f"{arrow} {what}", body)
        self._media.signal.notify()

    def _written(self, what: str, headers: Headers) -> Headers:
        """What of a script's headers goes over the wire, as legs of a real wire do it."""
        ends = what.partition(" ")[0] in ("bye", "cancelled", "rejected")
        allowed = visible(headers, with_reason=ends)
        if what.startswith("rejected") and RETRY_AFTER in headers:  # the runtime's own refusals
            allowed[RETRY_AFTER] = headers[RETRY_AFTER]
        complaint = complaint_about({n: v for n, v in headers.items() if n not in allowed})
        if complaint:
            self._note(f"headers left out: {complaint}")
        return allowed

    def _note(self, what: str, detail: str = "") -> None:
        line = Trace(t=self._agenda.now(), kind="sip", what=what, detail=detail)
        if self._tracer is None:
            self._early_traces.append(line)
        else:
            self._tracer(line)

    def _emit(self, event: LegEvent) -> None:
        self._agenda.after(0, lambda: self._tell(event))

    def _tell(self, event: LegEvent) -> None:
        if self._listener is None:
            self._early.append(event)
        else:
            self._listener(event)
        self._media.signal.notify()

    def _end(self, ended: Ended) -> None:
        self.transfers.before_end()
        self._state = "ended"
        self.ended = ended
        if self._give_up is not None:
            self._give_up.cancel()
        self._media.close()
        self._emit(ended)

    def __repr__(self) -> str:
        arrow = "from" if self._incoming else "to"
        who = self._identity.callerid if self._incoming else self._identity.to_uri
        return f"<SimLeg {arrow} {who} {self._state}>"
