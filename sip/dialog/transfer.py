"""Our REFER: we ask the peer to call somebody else, and follow what becomes of it.

RFC 3515: 200 and 202 both mean that it tries; NOTIFYs tell how it goes, the last one how it ended.
One at a time. The owner hears TransferEnded exactly once for each, before the session's own end.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

import attrs

from sip.message import MessageError, NameAddr

from .call import Call
from .events import TransferEnded, TransferProgress
from .invite_request import own_headers
from .limits import TRANSFER_RESULT_S
from .phases import ESTABLISHED, SessionStateError
from .port import HeaderItems, Incoming, Outcome
from .requests import Attempt, Requests
from .sipfrag import EventHeader, Progress, parse_sipfrag, subscription_state

RESULT = "transfer-result"


class Stage(enum.Enum):
    SENT = "sent, not answered"
    FOLLOWED = "accepted, the peer tries"
    TOLD = "over; a last NOTIFY may follow"


@attrs.define(kw_only=True, eq=False)
class Referral:
    """One REFER of ours."""

    stage: Stage = Stage.SENT
    attempt: Attempt | None = None
    last: Progress | None = None

    @property
    def number(self) -> str:
        """Its CSeq number: the id of its subscription (RFC 3515 2.4.6)."""
        return "" if self.attempt is None else str(self.attempt.request.cseq.number)


class Transfer:
    """The transfers that we ask the peer for."""

    def __init__(
        self, call: Call, requests: Requests, on_lost: Callable[[Outcome, float], None]
    ) -> None:
        self._call = call
        self._requests = requests
        self._on_lost = on_lost
        self._open: Referral | None = None
        call.on_timer[RESULT] = self._no_result

    @property
    def is_open(self) -> bool:
        return self._open is not None and self._open.stage is not Stage.TOLD

    def refer(self, refer_to: NameAddr, headers: HeaderItems, now: float) -> None:
        """Send it; SessionStateError before the call is answered, or while another one is open."""
        call = self._call
        if call.is_over:
            return
        if call.phase not in ESTABLISHED:
            raise SessionStateError("refer(): the call is not answered yet")
        if self.is_open:
            raise SessionStateError("refer(): a transfer of this call is under way already")
        if self._requests.is_full:
            raise SessionStateError("refer(): too many requests wait for the peer's answer already")
        checked = own_headers(headers)
        referral = self._open = Referral()
        call.port.set_timer((RESULT, 0), now + TRANSFER_RESULT_S)

        def hear(outcome: Outcome, at: float) -> None:
            self._hear(referral, outcome, at)

        own = [("Refer-To", str(refer_to)), *self._referred_by(), *checked]
        referral.attempt = self._requests.send("REFER", hear, now, headers=own)

    def _referred_by(self) -> list[tuple[str, str]]:
        """RFC 3892: who asks for it, as the peer knows us."""
        dialog = self._call.dialog
        assert dialog is not None, "the call is established"
        try:
            return [("Referred-By", f"<{NameAddr.parse(dialog.local).uri}>")]
        except MessageError:
            return []

    def _hear(self, referral: Referral, outcome: Outcome, now: float) -> None:
        if outcome.status < 200:
            return
        response = outcome.response
        if response is None or outcome.status >= 300:
            self._over(referral, Progress(outcome.status, outcome.reason))
            self._open = None if self._open is referral else self._open
            if outcome.status == 481:
                self._on_lost(outcome, now)  # RFC 5057 5.1: the whole dialog is gone
        elif (response.headers.get("Refer-Sub") or "").strip().lower() == "false":
            # RFC 4488 4: no NOTIFY will come, so that nobody will ever know more
            self._over(referral, Progress(outcome.status, outcome.reason))
        elif referral.stage is Stage.SENT:
            referral.stage = Stage.FOLLOWED

    def take_notify(self, incoming: Incoming, event: EventHeader, now: float) -> None:
        """Answer the NOTIFY of a transfer; it may come before the answer to the REFER."""
        referral, port = self._open, self._call.port
        if referral is None or event.id not in (None, referral.number):
            port.respond(incoming, 481, None, now, why="no transfer of this id is under way")
            return
        body = incoming.request.body
        progress = parse_sipfrag(body) if body else None
        if body and progress is None:
            port.respond(incoming, 400, None, now, why="the body holds no SIP status line")
            return
        port.respond(incoming, 200, None, now)
        state = subscription_state(incoming.request.headers)
        if progress is not None and progress.is_final:
            self._over(referral, progress)
        elif state.is_over:
            self._over(referral, _unfinished(state.reason))
        elif progress is not None and progress != referral.last and self.is_open:
            referral.stage = Stage.FOLLOWED
            referral.last = progress
            self._call.emit(TransferProgress(progress.status, progress.reason))
        if state.is_over:
            self._open = None

    def before_end(self, *, peer_left: bool) -> None:
        """The session ends: tell the outcome first.

        A peer that has accepted the transfer and then says BYE has taken its leave for it.
        """
        referral, self._open = self._open, None
        if referral is None:
            return
        if peer_left and referral.stage is Stage.FOLLOWED:
            self._over(referral, Progress(200, "the peer accepted the transfer and hung up"))
        else:
            self._over(referral, Progress(487, "the call ended before the transfer did"))

    def _over(self, referral: Referral, outcome: Progress) -> None:
        if referral.stage is Stage.TOLD:
            return
        referral.stage = Stage.TOLD
        self._call.port.clear_timer((RESULT, 0))
        self._call.emit(TransferEnded(outcome.status, outcome.reason))

    def _no_result(self, _: int, now: float) -> None:
        del now
        referral, self._open = self._open, None
        if referral is not None:
            told = f"the peer did not say within {TRANSFER_RESULT_S:.0f} s how it ended"
            self._over(referral, Progress(408, told))


def _unfinished(reason: str) -> Progress:
    """The peer stops reporting without having said how it ended."""
    if reason == "rejected":
        return Progress(603, "the peer refused the transfer after all")
    return Progress(408, f"the peer stopped reporting: {reason or 'no reason given'}")
