"""The answering side of the INVITE that began the session (RFC 3261 13.3, RFC 3262).

100 goes out at once; everything else when the owner says so. A 2xx waits for the PRACK of reliable
provisional responses and is repeated until its ACK.
"""

from __future__ import annotations

import attrs

from sip.message import Headers, MessageError, Request
from sip.message.scan import parse_number
from sip.transaction import ServerKey

from .acks import Acknowledgements
from .call import Call
from .events import Acknowledged, EndedBy, EndedKind
from .limits import PROVISIONAL_REPEAT_S, UNANSWERED_S
from .offer_answer import Turn
from .peer_offers import PeerOffers
from .phases import Move, Phase
from .port import HeaderItems, Incoming
from .reliable import Draft, ReliableProvisionals
from .session_timer import SessionTimer, answer_interval

UNANSWERED = "unanswered"
EXPIRED = "invite-expired"
REPEAT = "repeat-1xx"
MAX_EXPIRES_S = 2**32 - 1
"""RFC 3261 20.19."""


class Answering:
    """The INVITE of the peer, until it has its final response and that its ACK."""

    def __init__(
        self,
        call: Call,
        incoming: Incoming,
        *,
        acks: Acknowledgements,
        offers: PeerOffers,
        timer: SessionTimer,
    ) -> None:
        self._call = call
        self._incoming = incoming
        self._acks = acks
        self._offers = offers
        self._timer = timer
        self._reliable = ReliableProvisionals(call, incoming, self._no_prack)
        self._demands_100rel = "100rel" in incoming.request.headers.values("Require")
        self._latest: Draft | None = None
        self._queued: tuple[bytes, tuple[tuple[str, str], ...]] | None = None
        call.on_timer[UNANSWERED] = self._unanswered
        call.on_timer[EXPIRED] = self._expired
        call.on_timer[REPEAT] = self._repeat_provisional

    @property
    def key(self) -> ServerKey:
        """The transaction of the INVITE."""
        return self._incoming.key

    def begin(self, now: float) -> None:
        """Answer 100 and wait for the owner."""
        call = self._call
        call.note_allow(self._incoming.request)
        call.port.respond(self._incoming, 100, None, now)
        call.port.set_timer((UNANSWERED, 0), now + UNANSWERED_S)
        expires_s = _expires_s(self._incoming.request)
        if expires_s is not None:
            call.port.set_timer((EXPIRED, 0), now + expires_s)
        if self._incoming.sdp is not None:
            call.offers.take(Turn.GET_OFFER)
            call.remote_sdp = self._incoming.sdp

    # --- asked for by the owner ---

    def provisional(
        self,
        status: int,
        reason: str | None,
        headers: HeaderItems,
        sdp: bytes | None,
        now: float,
    ) -> None:
        if not 101 <= status <= 199:
            raise ValueError(f"provisional(): status {status} is not from 101 to 199")
        self._call.move(Move.PROVISIONAL)
        draft = Draft(status=status, reason=reason, headers=tuple(headers), sdp=sdp)
        if self._demands_100rel:
            self._reliable.send(draft, now)
            if sdp is not None:
                self._note_description(sdp)
        else:
            self._send_unreliably(draft, now)

    def _send_unreliably(self, draft: Draft, now: float) -> None:
        # without reliability this is a preview: the 2xx carries the description again
        self._latest = draft
        self._call.port.respond(
            self._incoming,
            draft.status,
            draft.reason,
            now,
            to_tag=self._call.local_tag,
            headers=draft.headers,
            sdp=draft.sdp,
        )
        self._call.port.set_timer((REPEAT, 0), now + PROVISIONAL_REPEAT_S)

    def accept(self, sdp: bytes, headers: HeaderItems, now: float) -> None:
        """Send the 2xx, or keep it until the PRACK has come (RFC 3262 3) and every offer of the
        peer has its answer."""
        wanted = (sdp, tuple(headers))
        if self._may_answer():
            self._call.move(Move.ACCEPT)
            self._send_2xx(*wanted, now)
        else:
            self._call.move(Move.ACCEPT_LATER)
            self._queued = wanted

    def _send_2xx(self, sdp: bytes, headers: HeaderItems, now: float) -> None:
        request = self._incoming.request
        turn = self._note_description(sdp)
        response = self._call.port.respond(
            self._incoming,
            200,
            None,
            now,
            to_tag=self._call.local_tag,
            headers=(*headers, *self._timer.answer_headers(request)),
            # RFC 3261 13.2.1: once settled by a reliable 1xx, nothing more is said
            sdp=sdp if turn is not None else None,
        )
        self._stop_waiting()
        self._timer.settle(answer_interval(request)[1], now)
        self._acks.await_ack(
            self._incoming,
            response,
            now,
            carries_offer=turn is Turn.SEND_OFFER,
            initial=True,
        )

    def _note_description(self, sdp: bytes) -> Turn | None:
        """Count `sdp` as our answer or offer; None when everything is settled already."""
        offers = self._call.offers
        for turn in (Turn.SEND_ANSWER, Turn.SEND_OFFER):
            if offers.can(turn) and (turn is Turn.SEND_ANSWER or self._call.local_sdp is None):
                offers.take(turn)
                self._call.local_sdp = sdp
                return turn
        return None

    def reject(
        self,
        move: Move,
        status: int,
        reason: str | None,
        headers: HeaderItems,
        now: float,
        *,
        why: str | None = None,
        by: EndedBy = "local",
        kind: EndedKind = "reject",
        cause: Headers | None = None,
    ) -> None:
        """Refuse the INVITE; the session ends with it."""
        call = self._call
        call.check(move)
        response = call.port.respond(
            self._incoming, status, reason, now, why=why, to_tag=call.local_tag, headers=headers
        )
        self._stop_waiting()
        text = why or response.reason
        call.end(move, now, by=by, kind=kind, status=status, reason=text, headers=cause)

    def _stop_waiting(self) -> None:
        self._reliable.drop()
        self._queued = None
        self._call.port.clear_timer((UNANSWERED, 0))
        self._call.port.clear_timer((EXPIRED, 0))
        self._call.port.clear_timer((REPEAT, 0))

    # --- brought by the peer ---

    def cancelled(self, cancel: Request, now: float) -> None:
        """CANCEL was answered with 200; the INVITE gets 487 (RFC 3261 9.2)."""
        if self._call.can(Move.CANCELLED):
            self.reject(
                Move.CANCELLED,
                487,
                None,
                (),
                now,
                by="remote",
                kind="cancel",
                cause=cancel.headers,
            )

    def said_bye(self, bye: Request, now: float) -> None:
        """The caller hung up before our answer (RFC 3261 15.1.2: 487 to the INVITE)."""
        self.reject(Move.BYE, 487, None, (), now, by="remote", kind="bye", cause=bye.headers)

    def take_prack(self, prack: Incoming, now: float) -> Draft | None:
        """The provisional response that `prack` acknowledges, or None (481)."""
        return self._reliable.take(prack.request, now)

    def resume(self, now: float) -> None:
        """Send the 2xx that waited, once nothing holds it back."""
        if self._queued is not None and self._may_answer():
            sdp, headers = self._queued
            self._call.move(Move.RELEASED)
            self._send_2xx(sdp, headers, now)

    def _may_answer(self) -> bool:
        return self._reliable.settled and not self._offers.is_open

    def acknowledged(self, ack: Incoming) -> None:
        """The ACK of our 2xx; the phase has moved already."""
        call = self._call
        sdp = ack.sdp
        if sdp is not None and call.offers.can(Turn.GET_ANSWER):
            call.offers.take(Turn.GET_ANSWER)
            call.remote_sdp = sdp
        elif sdp is None and self._incoming.sdp is None:
            sdp = call.remote_sdp  # the answer came with the PRACK
        if call.phase is Phase.CONFIRMED:
            call.emit(Acknowledged(ack.request.headers, sdp))

    # --- brought by the clock ---

    def _no_prack(self, now: float) -> None:
        why = "no PRACK came for a reliable provisional response"
        if self._call.can(Move.LOST):
            # RFC 3262 3: a 5xx response is recommended
            self.reject(Move.LOST, 504, None, (), now, why=why, by="timeout", kind="failure")

    def _unanswered(self, _: int, now: float) -> None:
        why = f"nobody answered within {UNANSWERED_S:.0f} s"
        if self._call.can(Move.LOST):
            self.reject(Move.LOST, 480, None, (), now, why=why, by="timeout", kind="failure")

    def _expired(self, _: int, now: float) -> None:
        """RFC 3261 13.3.1: the caller said for how long its INVITE holds."""
        if self._call.can(Move.LOST):
            why = "the INVITE expired before it was answered"
            self.reject(Move.LOST, 487, None, (), now, why=why, by="timeout", kind="failure")

    def _repeat_provisional(self, _: int, now: float) -> None:
        if self._latest is not None and self._call.phase is Phase.RINGING:
            self._send_unreliably(attrs.evolve(self._latest, headers=()), now)


def _expires_s(request: Request) -> int | None:
    """The Expires of an INVITE; one that cannot be read sets no limit (RFC 4475 3.1.2.4)."""
    try:
        return parse_number(request.headers.get("Expires") or "", MAX_EXPIRES_S, "Expires")
    except MessageError:
        return None
