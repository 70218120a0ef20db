"""Offers of the peer inside the session: re-INVITE, and UPDATE or PRACK with a description.

At most one waits for the owner's answer. One that comes at the wrong moment is refused as RFC 3261
14.2 and RFC 3311 5.2 say; one that the owner forgets is refused after a bounded time.
"""

from __future__ import annotations

from .acks import Acknowledgements, Waiting
from .call import Call
from .dialog import Dialog
from .events import ReinviteAnswered, ReinviteReceived
from .limits import REINVITE_ANSWER_S, UPDATE_ANSWER_S
from .offer_answer import Turn
from .port import Incoming
from .session_timer import SessionTimer, answer_interval

FORGOTTEN = "unanswered-offer"
MAX_RETRY_AFTER_S = 10
"""RFC 3261 14.2: Retry-After of the 500 is random, 0 to 10 seconds."""


class PeerOffers:
    """The one open request of the peer that may change the session description."""

    def __init__(self, call: Call, acks: Acknowledgements, timer: SessionTimer) -> None:
        self._call = call
        self._acks = acks
        self._timer = timer
        self._pending: Incoming | None = None
        call.on_timer[FORGOTTEN] = self._forgotten

    @property
    def is_open(self) -> bool:
        return self._pending is not None

    def is_about(self, incoming: Incoming) -> bool:
        return self._pending is incoming

    @property
    def pending(self) -> Incoming | None:
        return self._pending

    def refuse_out_of_turn(self, incoming: Incoming, *, we_offer: bool, now: float) -> bool:
        """Refuse a re-INVITE, or a description, that comes at the wrong moment."""
        status = self._call.offers.refusal
        if self._pending is not None:
            status = 500
        elif we_offer:
            status = 491
        if status is None:
            return False
        if status == 500:
            wait = int(self._call.port.ids.fraction() * (MAX_RETRY_AFTER_S + 1))
            headers = [("Retry-After", str(wait))]
            why = "an earlier offer is not answered yet"
            self._call.port.respond(incoming, 500, None, now, why=why, headers=headers)
        else:
            why = "our own offer is not answered yet"
            self._call.port.respond(incoming, 491, None, now, why=why)
        return True

    def take(self, incoming: Incoming, now: float) -> None:
        """Pass the request to the owner; 100 goes out at once for an INVITE."""
        is_invite = incoming.request.method == "INVITE"
        if is_invite:
            self._call.port.respond(incoming, 100, None, now)
        if incoming.sdp is not None:
            self._call.offers.take(Turn.GET_OFFER)
        self._pending = incoming
        limit = REINVITE_ANSWER_S if is_invite else UPDATE_ANSWER_S
        self._call.port.set_timer((FORGOTTEN, 0), now + limit)
        is_news = _says_something_new(incoming.sdp, self._call.remote_sdp)
        self._call.emit(ReinviteReceived(incoming.request.headers, incoming.sdp, is_news))

    def answer(self, sdp: bytes, now: float) -> None:
        """200 with the owner's description; without effect when nothing is open any more."""
        incoming = self._close()
        if incoming is None:
            return
        call = self._call
        call.offers.take(Turn.SEND_OFFER if incoming.sdp is None else Turn.SEND_ANSWER)
        call.local_sdp = sdp
        if incoming.sdp is not None:
            call.remote_sdp = incoming.sdp
        self.accept(incoming, sdp, now)

    def accept(self, incoming: Incoming, sdp: bytes | None, now: float) -> None:
        """200, with the target and the session interval refreshed."""
        request = incoming.request
        headers = self._timer.answer_headers(request) if request.method != "PRACK" else []
        response = self._call.port.respond(incoming, 200, None, now, headers=headers, sdp=sdp)
        self._dialog().refresh_target(request)
        if request.method != "PRACK":
            self._timer.settle(answer_interval(request)[1], now)
        if request.method == "INVITE":
            offered = incoming.sdp is None
            self._acks.await_ack(incoming, response, now, carries_offer=offered, initial=False)

    def reject(
        self, status: int, reason: str | None, now: float, *, why: str | None = None
    ) -> None:
        """Refuse; the session goes on as before."""
        incoming = self._close()
        if incoming is None:
            return
        if incoming.sdp is not None:
            self._call.offers.take(Turn.ROLL_BACK)
        self._call.port.respond(incoming, status, reason, now, why=why)

    def acknowledged(self, waiting: Waiting, ack: Incoming) -> None:
        """The ACK of our 200 to a re-INVITE; it answers our offer if the INVITE had none."""
        if not waiting.carries_offer:
            return
        call = self._call
        if ack.sdp is not None and call.offers.can(Turn.GET_ANSWER):
            call.offers.take(Turn.GET_ANSWER)
            call.remote_sdp = ack.sdp
        else:
            call.offers.take(Turn.ROLL_BACK)
        call.emit(ReinviteAnswered(ack.sdp))

    def _close(self) -> Incoming | None:
        incoming, self._pending = self._pending, None
        self._call.port.clear_timer((FORGOTTEN, 0))
        return incoming

    def _dialog(self) -> Dialog:
        dialog = self._call.dialog
        assert dialog is not None, "the request was matched to it"
        return dialog

    def _forgotten(self, _: int, now: float) -> None:
        self.reject(500, None, now, why="the application did not answer the offer in time")


def _says_something_new(sdp: bytes | None, before: bytes | None) -> bool:
    """Whatever the version in its o= line: some peers count up at each refresh."""
    return sdp is not None and _without_origin(sdp) != _without_origin(before or b"")


def _without_origin(sdp: bytes) -> list[bytes]:
    return [line for line in sdp.splitlines() if not line.startswith(b"o=")]
