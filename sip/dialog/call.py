"""What the parts of one session share: its phase, its dialog, its offer/answer state.

The phase changes only by `move`, which asks the table first; the observer hears Ended only through
`end`, and nothing after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sip.message import Headers, Message, Request

from .dialog import Dialog
from .events import Ended, EndedBy, EndedKind, SessionEvent
from .offer_answer import OfferAnswer, Turn
from .phases import OVER, Move, Phase, after, can
from .port import Port

Role = Literal["uas", "uac"]
TimerName = tuple[str, int]
"""What a timer is for, and the CSeq number it is about (0 when about none)."""


class Call:
    """The shared state of one INVITE session."""

    def __init__(self, role: Role, port: Port, request: Request, local_tag: str) -> None:
        self.role: Role = role
        self.port = port
        self.request = request
        """The INVITE received or sent; after a challenge the one that was sent last."""
        self.call_id = request.call_id
        self.local_tag = local_tag
        self.phase = Phase.RINGING if role == "uas" else Phase.CALLING
        self.dialog: Dialog | None = None
        """The confirmed dialog, or the latest early one."""
        self.offers = OfferAnswer()
        self.local_sdp: bytes | None = None
        """The description we sent last, for session refreshes."""
        self.remote_sdp: bytes | None = None
        self.on_timer: dict[str, Callable[[int, float], None]] = {}
        """Who handles which timer; filled in by the parts."""
        self.before_end: Callable[[EndedBy, float], None] = lambda by, now: None
        """Says what the observer must hear before Ended; the phase has not moved yet."""
        self.on_end: Callable[[float], None] = lambda now: None
        """Settles what is open inside the dialog, once, when the session ends."""
        self._allowed: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"<{self.role} session {self.call_id} {self.phase.value}>"

    @property
    def is_over(self) -> bool:
        return self.phase in OVER

    def can(self, move: Move) -> bool:
        return can(self.phase, move)

    def check(self, move: Move) -> None:
        """SessionStateError when `move` is impossible now."""
        after(self.phase, move)

    def move(self, move: Move) -> Phase:
        """Enter the phase that `move` leads to; SessionStateError when it is impossible."""
        self.phase = after(self.phase, move)
        return self.phase

    def emit(self, event: SessionEvent) -> None:
        """Tell the observer, unless it was told Ended."""
        if not self.is_over:
            self.port.emit(event)

    def end(
        self,
        move: Move,
        now: float,
        *,
        by: EndedBy,
        kind: EndedKind,
        status: int,
        reason: str,
        headers: Headers | None = None,
    ) -> Phase:
        """Make the move that ends the session, and tell the observer if it does not know yet."""
        told_before = self.is_over
        self.check(move)
        if not told_before:
            self.before_end(by, now)
        phase = self.move(move)
        if not told_before:
            self.port.emit(
                Ended(by=by, kind=kind, status=status, reason=reason, headers=headers or Headers())
            )
            self.port.ended()
            self.on_end(now)
        if phase is Phase.ENDED:
            self.port.forget()
        return phase

    def restart_offer(self) -> None:
        """The INVITE goes to somebody else, who has heard nothing of it yet."""
        offered = self.local_sdp is not None
        self.offers, self.dialog, self.remote_sdp = OfferAnswer(), None, None
        if offered:
            self.offers.take(Turn.SEND_OFFER)

    def done(self) -> None:
        """The last thing owed to the peer is done."""
        if self.can(Move.DONE):
            self.move(Move.DONE)
            self.port.forget()

    def note_allow(self, message: Message) -> None:
        """Remember what the peer understands (RFC 3261 20.5)."""
        if "Allow" in message.headers:
            self._allowed = frozenset(message.headers.values("Allow"))

    def peer_allows(self, method: str) -> bool:
        """Whether the peer said that it understands `method`; no Allow header says nothing."""
        return self._allowed is not None and method in self._allowed
