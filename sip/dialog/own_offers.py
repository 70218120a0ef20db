"""Our re-INVITEs inside the session.

One at a time; the owner's latest wish waits for its turn. A crossing with the peer (491) is tried
again after the waiting time of RFC 3261 14.1; a peer that has lost the dialog ends the session.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sip.message import Headers, Response

from .call import Call
from .events import ReinviteAnswered, ReinviteFailed, ReinviteOffered
from .forks import readable_sdp
from .invite_request import own_headers
from .limits import GLARE_TRIES, REINVITE_ANSWER_S, REINVITE_RESULT_S
from .offer_answer import Turn
from .phases import Move, Phase
from .port import HeaderItems, Outcome, SentAck
from .requests import Attempt, Requests
from .session_timer import SessionTimer, heard_interval

GLARE = "glare"
LIMIT = "reinvite-limit"


@attrs.define(kw_only=True, eq=False)
class Reinvite:
    """One re-INVITE, from the wish to its outcome."""

    sdp: bytes | None
    """None asks the peer for an offer (RFC 3261 14.1, RFC 3264 5)."""
    asked: bytes | None = None
    """The offer that it gave, while the owner has not answered it."""
    for_refresh: bool
    """It repeats our description only to keep the session alive."""
    headers: HeaderItems = ()
    """The owner's."""
    tries: int = 0
    attempt: Attempt | None = None
    ack: SentAck | None = None
    cancelled: bool = False


class OwnOffers:
    """Our one open re-INVITE, and the next one that waits."""

    def __init__(
        self,
        call: Call,
        requests: Requests,
        timer: SessionTimer,
        *,
        is_blocked: Callable[[], bool],
        on_lost: Callable[[Outcome, float], None],
    ) -> None:
        self._call = call
        self._requests = requests
        self._timer = timer
        self._is_blocked = is_blocked
        self._on_lost = on_lost
        self._wish: Reinvite | None = None
        self._open: Reinvite | None = None
        self._waits_out_glare = False
        call.on_timer[GLARE] = self._glare_over
        call.on_timer[LIMIT] = self._limit

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def is_idle(self) -> bool:
        return self._open is None and self._wish is None

    def reinvite(
        self,
        sdp: bytes | None,
        now: float,
        *,
        for_refresh: bool = False,
        headers: HeaderItems = (),
    ) -> None:
        """Offer `sdp` (None: ask for an offer) as soon as it is our turn; a wish that still waits
        is replaced."""
        if sdp == b"":
            raise ValueError("reinvite(): the session description is empty")
        self._call.check(Move.REINVITE)
        self._wish = Reinvite(sdp=sdp, for_refresh=for_refresh, headers=own_headers(headers))
        self.resume(now)

    def resume(self, now: float) -> None:
        """Send what waits, if nothing is in the way any more."""
        call, wish = self._call, self._wish
        if wish is None or self.is_open or self._waits_out_glare or self._is_blocked():
            return
        if call.phase is not Phase.CONFIRMED or not call.offers.can(Turn.SEND_OFFER):
            return
        self._open, self._wish = wish, None
        if wish.sdp is not None:
            call.offers.take(Turn.SEND_OFFER)
        call.port.set_timer((LIMIT, 0), now + REINVITE_RESULT_S)

        def hear(outcome: Outcome, at: float) -> None:
            self._hear(wish, outcome, at)

        wish.attempt = self._requests.send(
            "INVITE",
            hear,
            now,
            headers=(*self._timer.request_headers(), *wish.headers),
            body=wish.sdp or b"",
            content_type="application/sdp",
        )

    def answer_offer(self, sdp: bytes, now: float) -> None:
        """The owner's answer to what the peer has offered; without effect when nothing is open."""
        reinvite = self._open
        if reinvite is not None and reinvite.asked is not None:
            self._answer(reinvite, sdp, now)
            self.resume(now)

    def drop(self, now: float) -> None:
        """The session is over."""
        self._wish = None
        if self._open is not None and self._open.asked is not None:
            self._answer(self._open, None, now)  # so that the peer stops repeating its 2xx
        self._call.port.clear_timer((GLARE, 0))

    def abandon(self, now: float) -> None:
        """The session is forgotten: nobody waits for the outcome of an open re-INVITE any more."""
        reinvite, self._open = self._open, None
        if reinvite is not None and reinvite.attempt is not None and reinvite.attempt.key:
            self._call.port.give_up(reinvite.attempt.key, now)

    def _hear(self, reinvite: Reinvite, outcome: Outcome, now: float) -> None:
        if outcome.status < 200:
            return
        if outcome.response is not None and outcome.status < 300:
            self._heard_answer(reinvite, outcome.response, now)
        elif self._close(reinvite):
            self._call.offers.take(Turn.ROLL_BACK)
            if not self._call.is_over:
                self._failed(reinvite, outcome, now)
                self.resume(now)

    def _heard_answer(self, reinvite: Reinvite, response: Response, now: float) -> None:
        if reinvite.ack is not None:
            reinvite.ack.resend()
        if reinvite.ack is not None or reinvite.asked is not None:
            return
        call, sdp = self._call, readable_sdp(response)
        assert call.dialog is not None, "the re-INVITE was sent in it"
        call.dialog.refresh_target(response)
        if reinvite.sdp is None and sdp is not None and not call.is_over:
            self._heard_offer(reinvite, response, sdp, now)
            return
        self._acknowledge(reinvite, None, now)
        if not self._close(reinvite) or call.is_over:
            return
        call.offers.take(Turn.GET_ANSWER if sdp is not None else Turn.ROLL_BACK)
        call.local_sdp = reinvite.sdp or call.local_sdp
        is_news = sdp is not None and sdp != call.remote_sdp
        call.remote_sdp = sdp or call.remote_sdp
        call.note_allow(response)
        self._timer.settle(heard_interval(response), now)
        if is_news or not reinvite.for_refresh:
            headers = None if reinvite.for_refresh else response.headers
            call.emit(ReinviteAnswered(sdp, headers))
        self.resume(now)

    def _heard_offer(self, reinvite: Reinvite, response: Response, sdp: bytes, now: float) -> None:
        """The ACK waits for the owner's answer (RFC 3261 13.2.2.4)."""
        call = self._call
        reinvite.asked = sdp
        call.offers.take(Turn.GET_OFFER)
        call.note_allow(response)
        self._timer.settle(heard_interval(response), now)
        call.port.set_timer((LIMIT, 0), now + REINVITE_ANSWER_S)
        call.emit(ReinviteOffered(sdp))

    def _answer(self, reinvite: Reinvite, sdp: bytes | None, now: float) -> None:
        """ACK with our answer; without one when the session is over."""
        call = self._call
        self._acknowledge(reinvite, sdp, now)
        self._close(reinvite)
        call.offers.take(Turn.ROLL_BACK if sdp is None else Turn.SEND_ANSWER)
        call.local_sdp, call.remote_sdp = sdp or call.local_sdp, reinvite.asked

    def _acknowledge(self, reinvite: Reinvite, sdp: bytes | None, now: float) -> None:
        dialog = self._call.dialog
        assert dialog is not None, "the re-INVITE was sent in it"
        assert reinvite.attempt is not None, "it was sent"
        reinvite.ack = self._requests.send_ack(dialog, reinvite.attempt.request, sdp, now)

    def _failed(self, reinvite: Reinvite, outcome: Outcome, now: float) -> None:
        if is_lost(outcome):
            self._on_lost(outcome, now)
        elif outcome.status == 491 and reinvite.tries < GLARE_TRIES:
            self._wait_out_glare(reinvite, now)
        elif outcome.status == 422 and self._is_lengthened(reinvite, outcome):
            self._wish = self._wish or _again(reinvite)
        elif reinvite.for_refresh:
            self._timer.refresh_failed(now)
        else:
            response = outcome.response
            headers = response.headers if response is not None else Headers()
            self._call.emit(ReinviteFailed(outcome.status, outcome.reason, headers))

    def _is_lengthened(self, reinvite: Reinvite, outcome: Outcome) -> bool:
        response = outcome.response
        may_try = reinvite.tries < GLARE_TRIES and response is not None
        return may_try and response is not None and self._timer.lengthen(response)

    def _close(self, reinvite: Reinvite) -> bool:
        """The re-INVITE has its outcome; False when it had one before."""
        if self._open is not reinvite:
            return False
        self._open = None
        self._call.port.clear_timer((LIMIT, 0))
        return True

    def _wait_out_glare(self, reinvite: Reinvite, now: float) -> None:
        """RFC 3261 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other up to 2 s."""
        fraction = self._call.port.ids.fraction()
        wait = 2.1 + 1.9 * fraction if self._call.role == "uac" else 2.0 * fraction
        if self._wish is None:
            self._wish = _again(reinvite)
        self._waits_out_glare = True
        self._call.port.set_timer((GLARE, 0), now + round(wait, 2))

    def _glare_over(self, _: int, now: float) -> None:
        self._waits_out_glare = False
        self.resume(now)

    def _limit(self, _: int, now: float) -> None:
        """The peer keeps us waiting: CANCEL, and if even that ends nothing, give up."""
        reinvite, port = self._open, self._call.port
        key = reinvite.attempt.key if reinvite is not None and reinvite.attempt else None
        if reinvite is None or key is None:
            return
        if reinvite.asked is not None:  # nobody answers it: what held before holds on
            self._answer(reinvite, self._call.local_sdp, now)
            self._call.emit(ReinviteFailed(408, "the offer was not answered in time"))
            self.resume(now)
            return
        if not reinvite.cancelled:
            reinvite.cancelled = True
            port.cancel(key, (), now)
            port.set_timer((LIMIT, 0), now + port.timers.give_up)
            return
        port.give_up(key, now)
        reason = "no final response to the re-INVITE, nor to its CANCEL"
        self._hear(
            reinvite, Outcome(status=408, reason=reason, response=None, fault="timeout"), now
        )


def _again(reinvite: Reinvite) -> Reinvite:
    return attrs.evolve(reinvite, tries=reinvite.tries + 1, attempt=None, cancelled=False)


def is_lost(outcome: Outcome) -> bool:
    """Whether the peer has lost the dialog (RFC 3261 12.2.1.2, 14.1)."""
    return outcome.status in (408, 481)
