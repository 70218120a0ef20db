"""The peer's requests inside the session: in which order they are taken, and what each gets.

RFC 3261 12.2.2: 481 from anybody but the peer, 500 for a number out of order. BYE is always
answered 200; what was open at that moment gets 487.
"""

from __future__ import annotations

from collections.abc import Callable

from sip.message import MessageError

from .answering import Answering
from .call import Call
from .calling import Calling
from .dialog import Dialog
from .messages import Messages
from .offer_answer import Turn
from .own_offers import OwnOffers
from .peer_offers import PeerOffers
from .phases import Move, Phase
from .port import Incoming
from .session_timer import MIN_SE, is_too_small
from .sipfrag import EVENT, EventHeader
from .transfer import Transfer
from .transfer_request import TransferRequests

_TAKES_OFFERS = frozenset({Phase.ANSWERED, Phase.CONFIRMED})


class InDialog:
    """Takes the requests of one session's peer."""

    def __init__(
        self,
        call: Call,
        *,
        answering: Answering | None,
        calling: Calling | None,
        own: OwnOffers,
        offers: PeerOffers,
        messages: Messages,
        transfer: Transfer,
        transfer_requests: TransferRequests,
        on_bye: Callable[[Incoming, float], None],
    ) -> None:
        self._call = call
        self._answering = answering
        self._calling = calling
        self._own = own
        self._offers = offers
        self._transfer = transfer
        self._transfer_requests = transfer_requests
        self._on_bye = on_bye
        self._takers: dict[str, Callable[[Incoming, float], None]] = {
            "BYE": self._bye,
            "INFO": messages.take_info,
            "INVITE": self._invite,
            "MESSAGE": messages.take_message,
            "NOTIFY": self._notify,
            "OPTIONS": self._options,
            "PRACK": self._prack,
            "REFER": transfer_requests.take,
            "SUBSCRIBE": self._subscribe,
            "UPDATE": self._update,
        }

    def take(self, incoming: Incoming, now: float) -> None:
        """Answer one request, or pass it to the owner."""
        request = incoming.request
        dialog = self.find_dialog(request.from_.tag)
        taker = self._takers.get(request.method)
        if dialog is None or (self._call.is_over and request.method != "BYE"):
            self._refuse(incoming, 481, "no such dialog", now)
        elif not dialog.accept_number(request.cseq.number):
            reason = f"CSeq {request.cseq.number} is below {dialog.remote_number}"
            self._refuse(incoming, 500, reason, now)
        elif taker is None:
            self._refuse(incoming, 405, f"{request.method} is not for a call in progress", now)
        else:
            dialog.flow = incoming.flow
            taker(incoming, now)

    def find_dialog(self, tag: str | None) -> Dialog | None:
        """The dialog whose peer has this tag: the session's own, or an early one of a fork."""
        dialog = self._call.dialog
        if dialog is not None and dialog.is_peer(tag):
            return dialog
        return None if self._calling is None else self._calling.forks.find(tag)

    # --- the methods ---

    def _bye(self, incoming: Incoming, now: float) -> None:
        call = self._call
        call.port.respond(incoming, 200, None, now)
        if call.phase in (Phase.RINGING, Phase.ANSWERING) and self._answering is not None:
            self._answering.said_bye(incoming.request, now)
        elif call.phase is Phase.PROCEEDING and self._calling is not None:
            # RFC 3261 15 forbids it to the callee; the branch is gone, the INVITE goes on
            self._calling.forks.drop(incoming.request.from_.tag)
        elif call.can(Move.BYE):
            self._on_bye(incoming, now)

    def _notify(self, incoming: Incoming, now: float) -> None:
        event = self._event_of(incoming, now)
        if event is not None:
            self._transfer.take_notify(incoming, event, now)

    def _subscribe(self, incoming: Incoming, now: float) -> None:
        event = self._event_of(incoming, now)
        if event is not None:
            self._transfer_requests.subscribe(incoming, event, now)

    def _event_of(self, incoming: Incoming, now: float) -> EventHeader | None:
        """RFC 6665 4.1.3, 4.2.1.2: 489 for every event but the one that we know."""
        event = EventHeader.of(incoming.request)
        if event is not None and event.package == EVENT:
            return event
        headers = [("Allow-Events", EVENT)]
        why = "only the event refer is known inside a call"
        self._call.port.respond(incoming, 489, None, now, why=why, headers=headers)
        return None

    def _options(self, incoming: Incoming, now: float) -> None:
        self._call.port.respond(incoming, 200, None, now)

    def _prack(self, incoming: Incoming, now: float) -> None:
        draft = None if self._answering is None else self._answering.take_prack(incoming, now)
        if draft is None or self._answering is None:
            self._refuse(incoming, 481, "this PRACK matches no provisional response", now)
            return
        call = self._call
        if incoming.sdp is not None and call.offers.can(Turn.GET_ANSWER):
            call.offers.take(Turn.GET_ANSWER)
            call.remote_sdp = incoming.sdp
        elif incoming.sdp is not None and call.offers.can(Turn.GET_OFFER):
            self._offers.take(incoming, now)
            return
        call.port.respond(incoming, 200, None, now)

    def _update(self, incoming: Incoming, now: float) -> None:
        if self._refuse_interval(incoming, now):
            return
        if incoming.sdp is None:
            self._offers.accept(incoming, None, now)
        elif not self._offers.refuse_out_of_turn(incoming, we_offer=self._own.is_open, now=now):
            self._offers.take(incoming, now)

    def _invite(self, incoming: Incoming, now: float) -> None:
        if self._call.phase in (Phase.RINGING, Phase.ANSWERING):
            # RFC 3261 14.2: the first INVITE has no final response yet
            headers = [("Retry-After", str(int(self._call.port.ids.fraction() * 11)))]
            reason = "the first INVITE has no final response yet"
            self._call.port.respond(incoming, 500, None, now, why=reason, headers=headers)
        elif self._call.phase not in _TAKES_OFFERS:
            self._refuse(incoming, 491, "the offer of our own INVITE is not settled yet", now)
        elif not self._refuse_interval(incoming, now) and not self._offers.refuse_out_of_turn(
            incoming, we_offer=self._own.is_open, now=now
        ):
            self._offers.take(incoming, now)

    def _refuse_interval(self, incoming: Incoming, now: float) -> bool:
        """RFC 4028 9: 422 for an interval that is too small, 400 for one that is none."""
        try:
            if not is_too_small(incoming.request):
                return False
        except MessageError as exc:
            self._refuse(incoming, exc.status, exc.reason, now)
            return True
        reason = f"Session-Expires is below {MIN_SE} s"
        headers = [("Min-SE", str(MIN_SE))]
        self._call.port.respond(incoming, 422, None, now, why=reason, headers=headers)
        return True

    def _refuse(self, incoming: Incoming, status: int, reason: str, now: float) -> None:
        self._call.port.respond(incoming, status, None, now, why=reason)
