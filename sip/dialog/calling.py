"""The calling side of the INVITE that began the session (RFC 3261 13.2, 9.1; RFC 3262 4).

Whatever way it goes, each 2xx gets its ACK, a spare one also its BYE; a CANCEL goes out only after
a provisional response, and a 2xx that crosses it is acknowledged and ended.
"""

from __future__ import annotations

from sip.address import Flow
from sip.message import Request, Response, Uri
from sip.transaction import ClientKey

from .call import Call
from .dialog import Dialog
from .events import Answered, Provisional, Redirected
from .forks import Forks, rseq_of
from .invite_request import InviteOrder
from .limits import MAX_CHALLENGES, RINGING_S
from .offer_answer import Turn
from .phases import Move, Phase
from .port import HeaderItems, Outcome
from .redirects import Redirects
from .requests import CREDENTIALS, Requests, renumbered
from .session_timer import SessionTimer, heard_interval, min_se_of

RINGING = "ringing"
CANCELLED = "cancelled"
UNHEARD = "unheard"


class Calling:
    """Our INVITE, until it has its final response and its branches are settled."""

    def __init__(
        self, call: Call, order: InviteOrder, requests: Requests, timer: SessionTimer
    ) -> None:
        self._call = call
        self._order = order
        self._next_hop = order.next_hop or order.plan().next_hop
        self._flow = order.flow
        self._redirects = Redirects(order.target, order.may_follow)
        self._patience_s = order.first_response_s
        self._has_offer = order.sdp is not None
        self._requests = requests
        self._timer = timer
        self.forks = Forks()
        self._key: ClientKey | None = None
        self._tries = 0
        self._farewell: tuple[tuple[str, str], ...] = ()
        self._answer: Response | None = None
        if order.sdp is not None:
            call.offers.take(Turn.SEND_OFFER)
            call.local_sdp = order.sdp
        call.on_timer[RINGING] = self._rang_too_long
        call.on_timer[UNHEARD] = self._heard_nothing
        call.on_timer[CANCELLED] = self._cancel_unanswered

    def begin(self, now: float) -> None:
        """Send the INVITE."""
        request = self._call.request

        def hear(outcome: Outcome, at: float) -> None:
            self._hear(request, outcome, at)

        if self._patience_s:
            self._call.port.set_timer((UNHEARD, 0), now + self._patience_s)
        self._key = self._call.port.send(request, self._next_hop, self._flow, hear, now)

    # --- responses ---

    def _hear(self, request: Request, outcome: Outcome, now: float) -> None:
        response = outcome.response
        self._call.port.clear_timer((UNHEARD, 0))
        if response is None:
            self._undelivered(outcome, now)
        elif outcome.status < 200:
            self._heard_provisional(request, response, outcome.flow, now)
        elif outcome.status < 300:
            self._heard_answer(request, response, outcome.flow, now)
        elif not self._try_again(request, outcome, now):
            self._refused(request, response, now)

    def _heard_provisional(
        self, request: Request, response: Response, flow: Flow | None, now: float
    ) -> None:
        call = self._call
        if not call.can(Move.HEARD_PROVISIONAL):
            return
        was_abandoned = call.phase is Phase.ABANDONED
        call.move(Move.HEARD_PROVISIONAL)
        if was_abandoned:
            self._send_cancel(now)
        if call.is_over:
            return
        call.port.set_timer((RINGING, 0), now + RINGING_S)
        if response.status == 100:
            return
        call.note_allow(response)
        sdp = self.forks.description(response)
        if self._follow_branch(request, response, sdp, flow, now):
            call.emit(
                Provisional(
                    status=response.status,
                    reason=response.reason,
                    headers=response.headers,
                    sdp=sdp,
                )
            )

    def _follow_branch(
        self,
        request: Request,
        response: Response,
        sdp: bytes | None,
        flow: Flow | None,
        now: float,
    ) -> bool:
        """Update the early dialog; False for a reliable response that is repeated or too early."""
        branch = self.forks.early(request, response, flow)
        if branch is None:
            return True
        rseq = rseq_of(response)
        if rseq is not None:
            if not branch.is_next(rseq) or self._requests.is_full:
                return False
            branch.rseq = rseq
        call = self._call
        call.dialog = branch.dialog
        branch.dialog.refresh_target(response)
        branch.sdp = sdp or branch.sdp
        if rseq is not None:
            if sdp is not None and call.offers.can(Turn.GET_ANSWER):
                call.offers.take(Turn.GET_ANSWER)
                call.remote_sdp = sdp
            rack = f"{rseq} {request.cseq.number} INVITE"
            self._requests.send(
                "PRACK", _ignore, now, headers=[("RAck", rack)], dialog=branch.dialog
            )
        return True

    def _heard_answer(
        self, request: Request, response: Response, flow: Flow | None, now: float
    ) -> None:
        tag = response.to.tag
        if self.forks.has_answered(tag):
            self.forks.ack_again(tag)
        elif self.forks.is_first_answer():
            self._establish(request, response, flow, now)
        elif not self.forks.is_full():
            dialog, _ = self.forks.confirm(request, response, flow)
            self.forks.note_answer(tag, self._requests.send_ack(dialog, request, None, now))
            self._requests.send("BYE", _ignore, now, dialog=dialog)

    def _establish(
        self, request: Request, response: Response, flow: Flow | None, now: float
    ) -> None:
        call = self._call
        dialog, early_sdp = self.forks.confirm(request, response, flow)
        sdp = self.forks.description(response) or early_sdp
        self.forks.clear_early()
        call.dialog = dialog
        call.request = request
        call.port.clear_timer((RINGING, 0))
        call.port.clear_timer((CANCELLED, 0))
        call.note_allow(response)
        offered = not self._has_offer and sdp is not None
        call.move(Move.HEARD_OFFER if offered else Move.HEARD_ANSWER)
        if call.is_over or not offered:
            ack = self._requests.send_ack(dialog, request, None, now)
            self.forks.note_answer(dialog.remote_tag, ack)
        else:
            self.forks.note_answer(dialog.remote_tag, None)
        if call.is_over:
            # the 2xx crossed our CANCEL, or came when we had given up (RFC 3261 9.1, 15)
            self._send_bye(now)
            return
        turn = Turn.GET_OFFER if offered else Turn.GET_ANSWER
        if sdp is not None and call.offers.can(turn):
            call.offers.take(turn)
        call.remote_sdp = sdp or call.remote_sdp
        self._timer.settle(heard_interval(response), now)
        call.emit(
            Answered(
                status=response.status, reason=response.reason, headers=response.headers, sdp=sdp
            )
        )

    def _try_again(self, request: Request, outcome: Outcome, now: float) -> bool:
        """Answer a challenge, or lengthen the session interval; False when neither helps."""
        call = self._call
        if not call.can(Move.CHALLENGED) or self._tries >= MAX_CHALLENGES:
            return False
        again = self._requests.retry(request, outcome) or _with_longer_interval(request, outcome)
        if again is None:
            return False
        self._tries += 1
        call.move(Move.CHALLENGED)
        call.request = renumbered(again, request.cseq.number + 1)
        self.begin(now)
        return True

    def _redirected(self, request: Request, target: Uri, now: float) -> None:
        """The same call to another address: a new INVITE with the next number (8.1.3.4)."""
        call, plan = self._call, self._order.plan_to(target)
        call.move(Move.CHALLENGED)
        again = Request("INVITE", plan.request_uri, request.headers.copy(), request.body)
        for name in ("Route", *CREDENTIALS):  # what was said to one address is not for the next
            again.headers.remove(name)
        for route in reversed(plan.routes):
            again.headers.prepend("Route", route)
        self._next_hop, self._flow = plan.next_hop, None
        self._tries = 0
        self.forks.clear_early()
        call.restart_offer()
        call.request = renumbered(again, request.cseq.number + 1)
        call.emit(Redirected(str(target)))
        self.begin(now)

    def _refused(self, request: Request, response: Response, now: float) -> None:
        call = self._call
        if not call.can(Move.HEARD_FAILURE):
            return
        reason = response.reason
        if response.status < 400:
            target = self._redirects.next(response) if call.can(Move.CHALLENGED) else "too late"
            if isinstance(target, Uri):
                self._redirected(request, target, now)
                return
            reason = f"{reason}: {target}"
        self._stop()
        call.end(
            Move.HEARD_FAILURE,
            now,
            by="remote",
            kind="failure",
            status=response.status,
            reason=reason,
            headers=response.headers,
        )

    def _undelivered(self, outcome: Outcome, now: float) -> None:
        if self._call.can(Move.HEARD_FAILURE):
            self._stop()
            self._call.end(
                Move.HEARD_FAILURE,
                now,
                by=outcome.fault or "transport",
                kind="failure",
                status=outcome.status,
                reason=outcome.reason,
            )

    def _stop(self) -> None:
        self._call.port.clear_timer((RINGING, 0))
        self._call.port.clear_timer((CANCELLED, 0))

    # --- asked for by the owner ---

    def hangup(self, headers: HeaderItems, reason: str, now: float) -> None:
        """Give the INVITE up: CANCEL now, or as soon as RFC 3261 9.1 allows it."""
        self._farewell = tuple(headers)
        phase = self._call.end(
            Move.HANGUP, now, by="local", kind="cancel", status=487, reason=reason
        )
        if phase is Phase.CANCELLING:
            self._send_cancel(now)

    def ack_with(self, sdp: bytes, now: float) -> None:
        """Answer the offer that the 2xx carried."""
        call = self._call
        call.move(Move.ACK_WITH)
        call.offers.take(Turn.SEND_ANSWER)
        call.local_sdp = sdp
        self._acknowledge(sdp, now)

    def leave(self, now: float) -> None:
        """Acknowledge a 2xx whose offer will never be answered, before the BYE."""
        self._acknowledge(None, now)

    def _acknowledge(self, sdp: bytes | None, now: float) -> None:
        dialog = self._dialog()
        ack = self._requests.send_ack(dialog, self._call.request, sdp, now)
        self.forks.note_answer(dialog.remote_tag, ack)

    def _dialog(self) -> Dialog:
        dialog = self._call.dialog
        assert dialog is not None, "a 2xx was heard"
        return dialog

    def _send_cancel(self, now: float) -> None:
        port = self._call.port
        port.clear_timer((RINGING, 0))
        if self._key is not None:
            port.cancel(self._key, self._farewell, now)
        port.set_timer((CANCELLED, 0), now + port.timers.give_up)

    def _send_bye(self, now: float) -> None:
        def closed(outcome: Outcome, _: float) -> None:
            if outcome.status >= 200:
                self._call.done()

        self._requests.send("BYE", closed, now, headers=self._farewell)

    # --- brought by the clock ---

    def _rang_too_long(self, _: int, now: float) -> None:
        if self._call.phase is not Phase.PROCEEDING:
            return
        reason = f"no answer within {RINGING_S:.0f} s of the last provisional response"
        _end_of_patience(self._call, Move.LOST, reason, now)
        self._send_cancel(now)

    def _heard_nothing(self, _: int, now: float) -> None:
        """The owner waits no longer; a response that still comes is answered with CANCEL or BYE."""
        if self._call.phase is Phase.CALLING:
            reason = f"no response within {self._patience_s:g} s"
            _end_of_patience(self._call, Move.HANGUP, reason, now)

    def _cancel_unanswered(self, _: int, now: float) -> None:
        """RFC 3261 9.1: no final response within 64*T1 of the CANCEL."""
        if self._key is not None:
            self._call.port.give_up(self._key, now)
        if self._call.phase is Phase.CANCELLING:
            self._call.move(Move.LOST)
            self._call.port.forget()


def _end_of_patience(call: Call, move: Move, reason: str, now: float) -> None:
    """Nobody said what was waited for."""
    call.end(move, now, by="timeout", kind="failure", status=408, reason=reason)


def _with_longer_interval(request: Request, outcome: Outcome) -> Request | None:
    """RFC 4028 7.3: a 422 says how long the session interval must be at least."""
    if outcome.status != 422 or outcome.response is None:
        return None
    wanted = min_se_of(outcome.response)
    asked = request.headers.get("Min-SE")
    if wanted is None or (asked is not None and asked == str(wanted)):
        return None
    again = Request(request.method, request.uri, request.headers.copy(), request.body)
    again.headers.set("Session-Expires", str(wanted))
    again.headers.set("Min-SE", str(wanted))
    return again


def _ignore(_: Outcome, __: float) -> None:
    """Nothing depends on the outcome of a PRACK or of the BYE of a spare branch."""
