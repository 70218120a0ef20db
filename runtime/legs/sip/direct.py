"""A direct call: what the peer of one leg says about its audio is given to the peer of the other.

The audio passes between the two peers; the runtime never has a packet of it. Two parts, one for
each leg, know each other and carry every later offer across: a re-INVITE of one peer becomes one to
the other, and the answer comes back the same way. One exchange at a time: an offer that meets
another one gets 491 (RFC 3261 14.2), and whoever made it tries again.

What a peer said last counts only once the other has agreed to it, so that both sides hold one
agreement; an answer that comes too late for its offer is undone by an offer of what held before.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import Held, Resumed
from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.passing import (
    holds_keys,
    mismatch,
    puts_on_hold,
    read_description,
    refuse_passing,
)
from sip.address import PeerAddress
from sip.dialog import InviteSession
from sip.sdp import SessionDescription

if TYPE_CHECKING:
    from runtime.legs.sip.leg import SipLeg
    from runtime.media.port import RtpStream

PENDING: Final = 491
"""Request Pending: come again in a moment."""
NOT_ACCEPTABLE: Final = 488
LEFT: Final = "the other side of this call has left"


class Turn(enum.Enum):
    """What our peer was offered and has not answered."""

    NONE = "nothing"
    PASSED = "an offer of the other peer, which waits for the answer"
    TOLD = "what holds already"
    ASKED = "an offer of the other peer, because it asked for one"
    REQUESTED = "nothing: it is asked for an offer, for which the other peer waits"


@attrs.define(eq=False)
class DirectAudio:
    """One leg's part."""

    _encryption: Encryption
    _place_of: Callable[[InviteSession], PeerAddress | None]
    """Where the peer of a session of this leg is."""
    _leg: SipLeg = attrs.field(init=False)
    other: DirectAudio = attrs.field(init=False)
    is_direct: ClassVar[bool] = True
    stream: RtpStream | None = attrs.field(default=None, init=False)
    said: SessionDescription | None = attrs.field(default=None, init=False)
    """By our peer, and agreed to by the other one."""
    place: PeerAddress | None = attrs.field(default=None, init=False)
    _wish: SessionDescription | None = attrs.field(default=None, init=False)
    """Our peer's offer, while the other has it."""
    _turn: Turn = attrs.field(default=Turn.NONE, init=False)
    _offer: SessionDescription | None = attrs.field(default=None, init=False)
    """Of our peer, because the other one has asked for one."""
    _owes_ack: bool = attrs.field(default=False, init=False)
    """Our peer's 200 carried an offer, which the caller is to answer."""
    _held: bool = attrs.field(default=False, init=False)
    _over: bool = attrs.field(default=False, init=False)

    def __repr__(self) -> str:
        return f"<DirectAudio of {self._leg!r}>"

    @classmethod
    def between(
        cls,
        caller: SipLeg,
        encryption: Encryption,
        place_of: Callable[[InviteSession], PeerAddress | None],
    ) -> DirectAudio:
        """The part of a leg that is to be called with what `caller` has offered; the part of
        `caller` is its other. Raises ValueError when there is nothing that could be passed on."""
        session = caller.session
        if session is None or not caller.is_alerting:
            raise ValueError("the caller is not waiting for an answer any more")
        encryption = encryption.over(caller.srtp)
        theirs = cls(encryption, place_of)
        ours = cls(encryption, lambda answering: answering.peer)
        ours.other, theirs.other = theirs, ours
        ours._leg, ours.place = caller, session.peer
        if session.remote_offer is not None:
            said = read_description(session.remote_offer)
            if isinstance(said, str):
                raise ValueError(said)
            ours.said = said
        return theirs

    def of_leg(self, leg: SipLeg) -> DirectAudio:
        """Become the part of this leg, which is being made."""
        self._leg = leg
        return self

    def may_join(self, caller: SipLeg) -> bool:
        """Whether this part was made for that caller, and what our peer said is there for it."""
        return self.other._leg is caller and self.said is not None and not self._over

    def refuse(self, sink: PeerAddress) -> str:
        """Why a phone there cannot be called with what the caller said; empty when it can."""
        caller = self.other
        if caller.said is None or caller.place is None:  # the phone is asked for an offer
            return ""
        return refuse_passing(caller.said, caller.place, sink, self._encryption)

    @property
    def offer(self) -> bytes | None:
        """What the INVITE of our leg carries; None when the caller has offered nothing."""
        said = self.other.said
        return None if said is None else said.to_bytes()

    # --- LegAudio ---

    def early_body(self) -> bytes | None:
        return None

    def body(self) -> bytes:
        assert self.other.said is not None, "may_join() has seen it"
        return self.other.said.to_bytes()

    def change(self, direction: AudioDirection | None) -> bytes:
        """Only the peers ask for changes of what passes between them."""
        return self.body()

    def begin(self) -> None:
        """The caller has the other's description: from now on nothing passes here."""
        self._leg.media.close()
        places = self.place, self.other.place
        self._leg.note("media", f"audio passes directly between {places[0]} and {places[1]}")
        if any(said is not None and holds_keys(said) for said in (self.said, self.other.said)):
            self._leg.warn_of_exposure()

    def provisional(self, sdp: bytes) -> bool:
        """Several phones may ring; only the one that answers is told of."""
        return False

    def answered(self, session: InviteSession, sdp: bytes | None) -> str:
        self.place = self._place_of(session)
        offer = self.other.said
        said = self._understood(sdp, offer)
        if isinstance(said, str):
            return said
        self.said, self._owes_ack = said, offer is None
        return ""

    def acknowledged(self, sdp: bytes | None) -> str:
        """The caller's ACK holds the answer when its INVITE held no offer."""
        other = self.other
        if not other._owes_ack:
            return ""
        said = self._understood(sdp, other.said)
        if isinstance(said, str):
            return said
        session = other._leg.session
        if session is not None and not other._over:
            self.said, other._owes_ack = said, False
            session.ack_with(said.to_bytes())
        return ""

    def settle(self) -> None:
        """Holds are told from now on."""

    def offered(self, session: InviteSession, sdp: bytes | None) -> None:
        other = self.other
        if other._over:
            session.reject_reinvite(NOT_ACCEPTABLE, why=LEFT)
            return
        if not self._joined or other._is_busy:
            session.reject_reinvite(PENDING, why="the other side is not ready for an offer")
            return
        if sdp is None:
            other._request_offer()
            return
        wish = self._understood(sdp, None)
        if isinstance(wish, str):
            session.reject_reinvite(NOT_ACCEPTABLE, why=wish)
        elif wish == self.said and other.said is not None:
            # the session timer (RFC 4028 7.4): nothing changes, so that the other need not know
            session.answer_reinvite(other.said.to_bytes())
        else:
            self._wish = wish
            other._send_offer(wish, Turn.PASSED)

    def offer_came(self, sdp: bytes) -> None:
        """Our peer offers what it was asked for."""
        asking = self.other._leg.session
        waits = asking is not None and asking.waits_for_our_answer and not self.other._over
        offer = self._understood(sdp, None)
        if asking is None or not waits or isinstance(offer, str):
            self._turn = Turn.NONE
            if asking is not None and isinstance(offer, str):
                asking.reject_reinvite(NOT_ACCEPTABLE, why=offer)
            self._answer_as_before()
        else:
            self._offer, self.other._turn = offer, Turn.ASKED
            asking.answer_reinvite(offer.to_bytes())

    def offer_answered(self, sdp: bytes | None) -> None:
        turn, self._turn = self._turn, Turn.NONE
        other = self.other
        offers = {Turn.PASSED: other._wish, Turn.ASKED: other._offer}
        said = self._understood(sdp, offers.get(turn))
        if turn is Turn.PASSED:
            other._conclude(said)
        elif turn is Turn.ASKED and other._turn is Turn.REQUESTED:
            self._answer_request(said)
        elif isinstance(said, str):
            self._leg.note("media", f"not passed on: {said}")
        elif said != self.said:
            self.said = said
            if turn is not Turn.TOLD and self._joined and not other._is_busy:
                other._send_offer(said, Turn.TOLD)

    def offer_refused(self, status: int, reason: str) -> None:
        fits = 400 <= status <= 699 and status not in (401, 407)
        why = f"the other side said {status} {reason}"
        self._give_back(status if fits else NOT_ACCEPTABLE, why)

    def close(self) -> None:
        self._over = True
        self._leg.media.close()
        self._give_back(NOT_ACCEPTABLE, LEFT)
        if self.other._offer is not None:
            self.other._turn = Turn.NONE
            self.other._answer_as_before()

    # --- inside ---

    @property
    def _joined(self) -> bool:
        """Both legs are up, and each other's."""
        sides = self, self.other
        return all(side._leg.is_connected and side._leg.audio is side for side in sides)

    @property
    def _is_busy(self) -> bool:
        return self._turn is not Turn.NONE or self._wish is not None or self._owes_ack

    def _understood(
        self, sdp: bytes | None, offer: SessionDescription | None
    ) -> SessionDescription | str:
        """What our peer says, if the other may have it; else why not."""
        said = read_description(sdp)
        if isinstance(said, str):
            return said
        if why := mismatch(offer, said):
            return why
        sink = self.other.place
        if self.place is None or sink is None:
            return "one of the peers is nowhere"
        return refuse_passing(said, self.place, sink, self._encryption) or said

    def _request_offer(self) -> None:
        """The other peer asks for an offer: so does it, of ours."""
        session = self._leg.session
        if session is not None:
            self._turn = Turn.REQUESTED
            session.ask_for_offer()

    def _answer_request(self, answer: SessionDescription | str) -> None:
        """Our peer has answered what the other one has offered on its request."""
        other = self.other
        session, offer = other._leg.session, other._offer
        other._turn, other._offer = Turn.NONE, None
        if isinstance(answer, str) or session is None or offer is None:
            self._leg.note("media", f"not passed on: {answer}")
            other._answer_as_before()
            return
        self.said, other.said = answer, offer
        session.answer_offer(answer.to_bytes())
        self._tell_hold(puts_on_hold(answer))

    def _answer_as_before(self) -> None:
        """What our peer has offered is not taken: it gets what it was told last."""
        self._offer = None
        session, told = self._leg.session, self.other.said
        if session is not None and told is not None:
            session.answer_offer(told.to_bytes())

    def _send_offer(self, offer: SessionDescription, turn: Turn) -> None:
        """To our peer; its answer comes to offer_answered."""
        session = self._leg.session
        if session is not None and not self._over:
            self._turn = turn
            session.reinvite(offer.to_bytes())

    def _give_back(self, status: int, why: str) -> None:
        """Our peer has not taken the other one's offer, or makes none for it."""
        asked, self._turn = self._turn is Turn.REQUESTED, Turn.NONE
        wished, self.other._wish = self.other._wish, None
        session = self.other._leg.session
        if session is not None and (asked or wished is not None):
            session.reject_reinvite(status, why=why)

    def _conclude(self, answer: SessionDescription | str) -> None:
        """The other peer has answered our peer's offer."""
        wish, self._wish = self._wish, None
        session = self._leg.session
        if session is None or wish is None or self._over:
            return
        if isinstance(answer, str):
            session.reject_reinvite(NOT_ACCEPTABLE, why=answer)
        elif session.waits_for_our_answer:
            self.said, self.other.said = wish, answer
            session.answer_reinvite(answer.to_bytes())
            self._tell_hold(puts_on_hold(wish))
            return
        self._leg.note("sip", "the other side is offered again what held before")
        if self.said is not None:
            self.other._send_offer(self.said, Turn.TOLD)

    def _tell_hold(self, held: bool) -> None:
        """Once each."""
        before, self._held = self._held, held
        if before is not held:
            self._leg.tell(Held() if held else Resumed())
