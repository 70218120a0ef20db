"""One INVITE session without I/O: joins the parts and says what ends it.

The user agent feeds it (requests, ACK, CANCEL, timers), the owner asks it (through the facade in
`invite`); both pass the time. What it wants goes through its port.
"""

from __future__ import annotations

from sip.auth import Credentials
from sip.message import Headers, Request
from sip.transaction import ServerKey

from .acks import Acknowledgements, Waiting
from .answering import Answering
from .call import Call, TimerName
from .calling import Calling
from .dialog import Dialog
from .events import EndedBy
from .in_dialog import InDialog
from .invite_request import InviteOrder, own_headers
from .messages import Messages
from .own_offers import OwnOffers
from .peer_offers import PeerOffers
from .phases import Move, Phase
from .port import HeaderItems, Incoming, Outcome, Port
from .reason import reason_header
from .refresh import Refresh
from .requests import Requests
from .session_timer import SessionTimer
from .transfer import Transfer
from .transfer_request import TransferRequests


class Session:
    """The core of one session; build it with `incoming_session` or `outgoing_session`."""

    def __init__(
        self,
        call: Call,
        *,
        invite: Incoming | None = None,
        order: InviteOrder | None = None,
    ) -> None:
        self.call = call
        self._timer = SessionTimer(call.port)
        self._requests = Requests(call, None if order is None else order.credentials)
        self._acks = Acknowledgements(call, self._no_ack)
        self._offers = PeerOffers(call, self._acks, self._timer)
        self._own = OwnOffers(
            call,
            self._requests,
            self._timer,
            is_blocked=lambda: self._offers.is_open or bool(self._acks),
            on_lost=self._lost,
        )
        self._refresh = Refresh(
            call,
            self._requests,
            self._own,
            self._timer,
            on_lost=self._lost,
            on_expired=self._expired,
        )
        self.messages = Messages(call, self._requests, self._lost)
        self.transfer = Transfer(call, self._requests, self._lost)
        self.transfer_requests = TransferRequests(call, self._requests)
        self._farewell: HeaderItems = ()
        call.before_end = self._last_words
        call.on_end = self._settle
        self._answering = (
            None
            if invite is None
            else Answering(call, invite, acks=self._acks, offers=self._offers, timer=self._timer)
        )
        self._calling = None if order is None else Calling(call, order, self._requests, self._timer)
        self._in_dialog = InDialog(
            call,
            answering=self._answering,
            calling=self._calling,
            own=self._own,
            offers=self._offers,
            messages=self.messages,
            transfer=self.transfer,
            transfer_requests=self.transfer_requests,
            on_bye=self._peer_left,
        )

    def __repr__(self) -> str:
        return repr(self.call)

    def begin(self, now: float) -> None:
        """Answer 100 to the INVITE, or send ours."""
        if self._answering is not None:
            self._answering.begin(now)
        if self._calling is not None:
            self._calling.begin(now)

    # --- fed by the user agent ---

    def on_request(self, incoming: Incoming, now: float) -> None:
        """Any request with this dialog's Call-ID and local tag, except ACK and CANCEL."""
        self._in_dialog.take(incoming, now)
        self._resume(now)

    def on_ack(self, ack: Incoming, now: float) -> None:
        """An ACK with this dialog's tags; it is for the 2xx of the same number."""
        dialog = self._in_dialog.find_dialog(ack.request.from_.tag)
        if dialog is None:
            return
        waiting = self._acks.take(ack.request.cseq.number)
        if waiting is None:
            return
        dialog.flow = ack.flow
        call = self.call
        if not waiting.initial:
            self._offers.acknowledged(waiting, ack)
        elif self._answering is not None and call.can(Move.ACKED):
            call.move(Move.ACKED)
            self._answering.acknowledged(ack)
            if call.phase is Phase.CLOSING:
                self._send_bye(self._farewell, now)
        self._resume(now)

    def on_cancel(self, invite: ServerKey, cancel: Request, now: float) -> None:
        """The CANCEL of one of the peer's INVITEs; it was answered already."""
        pending = self._offers.pending
        if pending is not None and pending.key == invite:
            self._offers.reject(487, None, now, why="it was cancelled")
            self._resume(now)
        elif self._answering is not None and self._answering.key == invite:
            self._answering.cancelled(cancel, now)

    def find_dialog(self, remote_tag: str | None) -> Dialog | None:
        """The dialog with this peer's tag: the session's own, or an early one of a fork."""
        return self._in_dialog.find_dialog(remote_tag)

    def on_time(self, name: TimerName, now: float) -> None:
        kind, number = name
        handler = self.call.on_timer.get(kind)
        if handler is not None:
            handler(number, now)
            self._resume(now)

    def _resume(self, now: float) -> None:
        """Something may have made room for what waited."""
        if self._answering is not None:
            self._answering.resume(now)
        self._own.resume(now)

    # --- asked for by the owner ---

    @property
    def has_open_request(self) -> bool:
        """The peer waits for the owner's answer to its re-INVITE or UPDATE."""
        return self._offers.is_open

    def provisional(
        self,
        status: int,
        reason: str | None,
        headers: HeaderItems,
        sdp: bytes | None,
        now: float,
    ) -> None:
        if not self.call.is_over:
            checked = own_headers(headers)
            self._answer_side(Move.PROVISIONAL).provisional(status, reason, checked, sdp, now)

    def accept(self, sdp: bytes, headers: HeaderItems, now: float) -> None:
        if not self.call.is_over:
            self._answer_side(Move.ACCEPT).accept(sdp, own_headers(headers), now)

    def reject(self, status: int, reason: str | None, headers: HeaderItems, now: float) -> None:
        if not 300 <= status <= 699:
            raise ValueError(f"reject(): status {status} is not from 300 to 699")
        if not self.call.is_over:
            # RFC 3261 21.3: a redirection says in Contact where to
            allowed = frozenset({"contact"} if status < 400 else ())
            checked = own_headers(headers, allowed=allowed)
            self._answer_side(Move.REJECT).reject(Move.REJECT, status, reason, checked, now)

    def ack_with(self, sdp: bytes, now: float) -> None:
        if self.call.is_over:
            return
        self.call.check(Move.ACK_WITH)
        assert self._calling is not None, "only a calling session comes into this phase"
        self._calling.ack_with(sdp, now)
        self._resume(now)

    def reinvite(self, sdp: bytes, now: float, headers: HeaderItems = ()) -> None:
        if not self.call.is_over:
            self._own.reinvite(sdp, now, headers=headers)

    def ask_for_offer(self, now: float) -> None:
        if not self.call.is_over:
            self._own.reinvite(None, now)

    def answer_offer(self, sdp: bytes, now: float) -> None:
        """Without effect when no offer is open any more."""
        self._own.answer_offer(sdp, now)

    def answer_reinvite(self, sdp: bytes, now: float) -> None:
        """Without effect when the peer's request is not open any more."""
        if self._calling is not None and (open_offer := self._offers.pending) is not None:
            self._calling.forks.renew(open_offer.request.from_.tag)
        self._offers.answer(sdp, now)
        self._resume(now)

    def reject_reinvite(
        self, status: int, reason: str | None, now: float, *, why: str | None = None
    ) -> None:
        """Without effect when the peer's request is not open any more."""
        if not 300 <= status <= 699:
            raise ValueError(f"reject_reinvite(): status {status} is not from 300 to 699")
        self._offers.reject(status, reason, now, why=why)
        self._resume(now)

    def hangup(self, headers: HeaderItems, reason: str | None, now: float) -> None:
        """End the session with whatever fits its phase; nothing when it is over."""
        call = self.call
        if call.is_over:
            return
        own = own_headers(headers)
        if call.phase in (Phase.RINGING, Phase.ANSWERING):
            self._answer_side(Move.HANGUP).reject(Move.HANGUP, 480, reason, own, now)
            return
        if reason is not None and not any(name.lower() == "reason" for name, _ in own):
            own = (*own, reason_header(reason))
        if call.phase in (Phase.CALLING, Phase.PROCEEDING):
            assert self._calling is not None, "these are phases of the calling side"
            self._calling.hangup(own, reason or "we gave the call up", now)
            return
        if call.phase is Phase.UNACKNOWLEDGED and self._calling is not None:
            self._calling.leave(now)
        phase = call.end(Move.HANGUP, now, by="local", kind="bye", status=200, reason="we hung up")
        self._finish(phase, own, now)

    def use_credentials(self, credentials: Credentials, only_from: str) -> None:
        self._requests.use(credentials, only_from)

    # --- ends ---

    def _last_words(self, by: EndedBy, now: float) -> None:
        self.transfer.before_end(peer_left=by == "remote")
        self.transfer_requests.before_end(now)

    def _settle(self, now: float) -> None:
        """The session ends: what is open inside the dialog is refused, nothing new begins."""
        self._offers.reject(487, None, now, why="the session has ended")
        self._own.drop(now)
        self._timer.stop()

    def _finish(self, phase: Phase, headers: HeaderItems, now: float) -> None:
        """After Ended: BYE now, or when the ACK has come (RFC 3261 15)."""
        if phase is Phase.CLOSING:
            self._send_bye(headers, now)
        else:
            self._farewell = headers

    def _send_bye(self, headers: HeaderItems, now: float) -> None:
        def hear(outcome: Outcome, at: float) -> None:
            if outcome.status >= 200:
                self._own.abandon(at)
                self.call.done()

        self._acks.drop_all()
        self._requests.send("BYE", hear, now, headers=headers)

    def _peer_left(self, incoming: Incoming, now: float) -> None:
        """BYE received, and answered."""
        self._acks.drop_all()
        if self.call.phase is not Phase.CLOSING:
            self._own.abandon(now)
        self.call.end(
            Move.BYE,
            now,
            by="remote",
            kind="bye",
            status=200,
            reason="the peer hung up",
            headers=incoming.request.headers,
        )

    def _no_ack(self, waiting: Waiting, now: float) -> None:
        """RFC 3261 13.3.1.4: the dialog is confirmed, but the session is ended with BYE."""
        call = self.call
        if not call.can(Move.ACK_TIMEOUT):
            return
        headers = self._farewell if call.is_over else ()
        phase = call.end(
            Move.ACK_TIMEOUT,
            now,
            by="timeout",
            kind="ack-timeout",
            status=408,
            reason=f"no ACK came for our {waiting.response.status} response",
        )
        self._finish(phase, headers, now)

    def _expired(self, now: float) -> None:
        call = self.call
        if call.can(Move.EXPIRED):
            phase = call.end(
                Move.EXPIRED,
                now,
                by="timeout",
                kind="session-expired",
                status=408,
                reason="the peer did not refresh the session in time",
            )
            self._finish(phase, [reason_header("session expired")], now)

    def _lost(self, outcome: Outcome, now: float) -> None:
        """The peer answered 481 or not at all; BYE all the same (RFC 3261 12.2.1.2)."""
        call = self.call
        if call.is_over or not call.can(Move.LOST):
            return
        response = outcome.response
        phase = call.end(
            Move.LOST,
            now,
            by=outcome.fault or "remote",
            kind="failure",
            status=outcome.status,
            reason=outcome.reason,
            headers=Headers() if response is None else response.headers,
        )
        self._finish(phase, (), now)

    def _answer_side(self, move: Move) -> Answering:
        self.call.check(move)
        assert self._answering is not None, "only an answering session comes into this phase"
        return self._answering


def incoming_session(port: Port, invite: Incoming, local_tag: str) -> Session:
    """The session of a received INVITE; MessageError when it cannot make a dialog."""
    call = Call("uas", port, invite.request, local_tag)
    call.dialog = Dialog.for_server(invite.request, local_tag, port.ids.number())
    call.dialog.flow = invite.flow
    return Session(call, invite=invite)


def outgoing_session(port: Port, order: InviteOrder, request: Request, local_tag: str) -> Session:
    """The session of an INVITE to be sent."""
    return Session(Call("uac", port, request, local_tag), order=order)
