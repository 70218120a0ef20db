"""The audio of a SIP leg, as far as its signalling is concerned: what is said about it, and when.

Two ways: the engine carries it (here), or it passes directly between two peers (direct.py). A
method that is given a description says why it cannot be used; an empty text means that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import Held, Resumed
from runtime.legs.sip.media_session import Agreement, MediaSession, described, negotiated
from runtime.media.port import RtpStream
from sip.dialog import InviteSession
from sip.sdp import Direction

if TYPE_CHECKING:
    from runtime.legs.sip.leg import SipLeg


class LegAudio(Protocol):
    """What a leg asks of its audio at each step of its session."""

    is_direct: ClassVar[bool]
    """The runtime neither hears nor is heard."""
    stream: RtpStream | None
    """What the engine was last told."""

    def early_body(self) -> bytes | None:
        """What a 183 carries, or a 180 that owes the caller an offer."""

    def body(self) -> bytes:
        """What the 200 of an incoming leg carries: our answer, or our offer."""

    def begin(self) -> None:
        """183 or 200 has gone out."""

    def provisional(self, sdp: bytes) -> bool:
        """A description came before the answer; whether audio can be heard now."""

    def answered(self, session: InviteSession, sdp: bytes | None) -> str:
        """The peer has answered our INVITE."""

    def acknowledged(self, sdp: bytes | None) -> str:
        """The peer has acknowledged our answer."""

    def settle(self) -> None:
        """The call is up."""

    def offered(self, session: InviteSession, sdp: bytes | None) -> None:
        """The peer wants another description, or wants to be offered one."""

    def change(self, direction: AudioDirection | None) -> bytes:
        """An offer of what stands; in another direction from now on, if one is given."""

    def offer_answered(self, sdp: bytes | None) -> None:
        """The peer's answer to our latest offer inside the call."""

    def offer_refused(self, status: int, reason: str) -> None:
        """The peer has refused it; the call goes on."""

    def close(self) -> None:
        """The leg is over. Safe twice."""


@attrs.define(eq=False)
class EngineAudio:
    """Audio of the engine: each agreement configures its leg there."""

    _leg: SipLeg
    _talk: MediaSession
    is_direct: ClassVar[bool] = False
    stream: RtpStream | None = attrs.field(default=None, init=False)
    _answer: bytes = b""
    """Ours to the INVITE's offer."""
    _closed: bool = attrs.field(default=False, init=False)

    @classmethod
    def over(cls, talk: MediaSession) -> Callable[[SipLeg], EngineAudio]:
        """For a leg that is about to be made."""
        return partial(cls, talk=talk)

    @classmethod
    def answering(cls, talk: MediaSession, offer: bytes | None) -> Callable[[SipLeg], EngineAudio]:
        """The same, for a caller's offer, which is answered here and now; raises SdpError or
        NegotiationError before anything was said."""
        return partial(cls, talk=talk, answer=b"" if offer is None else talk.answer(offer).sdp)

    def successor(self, offer: bytes | None) -> Agreement | str | None:
        """What is agreed on with a peer that comes in the place of ours, or why nothing is; None
        when it has offered nothing."""
        if offer is None:
            return None
        return negotiated(self._talk.answer, offer, self._leg.note)

    def offer(self) -> bytes:
        return self._talk.offer()

    # --- LegAudio ---

    def change(self, direction: AudioDirection | None) -> bytes:
        return self._talk.offer() if direction is None else self._talk.want(Direction(direction))

    def early_body(self) -> bytes | None:
        session = self._leg.session
        if session is not None and session.owes_early_offer:
            return self._talk.offer()
        if not self._answer:
            # RFC 3264 4: no answer without an offer; the caller's comes with its ACK
            self._leg.note("media", "early media is silent: the caller's INVITE had no offer")
        return self._answer or None

    def body(self) -> bytes:
        return self._answer or self._talk.offer()

    def begin(self) -> None:
        self._configure(self._talk.stream)

    def provisional(self, sdp: bytes) -> bool:
        return self._take_answer(sdp)

    def answered(self, session: InviteSession, sdp: bytes | None) -> str:
        if self._talk.waits_for_answer:
            early = sdp is None and self._talk.stream is not None
            agreed = early or self._take_answer(sdp)
        else:
            agreed = not self._answer_offer(self._talk.answer, sdp, session.ack_with)
        return "" if agreed else "the answer holds no audio that can be used"

    def acknowledged(self, sdp: bytes | None) -> str:
        if self._talk.waits_for_answer and not self._take_answer(sdp):
            return "the ACK holds no answer to our offer that can be used"
        return ""

    def settle(self) -> None:
        self._talk.settle()

    def offered(self, session: InviteSession, sdp: bytes | None) -> None:
        if sdp is None:
            session.answer_reinvite(self._talk.offer())
        elif why := self._answer_offer(self._talk.answer_inside, sdp, session.answer_reinvite):
            session.reject_reinvite(488, why=why)

    def offer_answered(self, sdp: bytes | None) -> None:
        if self._take_answer(sdp):
            self._talk.settle()

    def offer_refused(self, status: int, reason: str) -> None:
        self._talk.refused()

    def close(self) -> None:
        self._closed = True
        self._leg.media.close()

    # --- inside ---

    def _answer_offer(
        self,
        negotiate: Callable[[bytes], Agreement],
        sdp: bytes | None,
        send: Callable[[bytes], None],
    ) -> str:
        """Answer an offer of the peer; or say why it cannot be taken, and nothing changed."""
        agreement = negotiated(negotiate, sdp, self._leg.note)
        if isinstance(agreement, str):
            return agreement
        send(agreement.sdp)
        self.follow(agreement)
        return ""

    def _take_answer(self, sdp: bytes | None) -> bool:
        """Take the answer to our open offer; False when there is none that can be used."""
        if not self._talk.waits_for_answer:
            return False
        agreement = negotiated(self._talk.accept, sdp, self._leg.note)
        if isinstance(agreement, str):
            return False
        self.follow(agreement)
        return True

    def follow(self, agreement: Agreement) -> None:
        """The engine does as was agreed, and a change of hold is told."""
        if self._closed:  # sending our answer may find that the peer is gone
            return
        self._configure(agreement.stream)
        if agreement.hold == "held":
            self._leg.tell(Held())
        elif agreement.hold == "resumed":
            self._leg.tell(Resumed())

    def _configure(self, stream: RtpStream | None) -> None:
        if self._closed or stream is None or stream == self.stream:
            return
        self.stream = stream
        self._leg.media.configure(stream)
        self._leg.note("media", described(stream))
        if stream.srtp is not None:
            self._leg.warn_of_exposure()
