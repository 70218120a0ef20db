"""The peer's REFER: it asks us to call somebody else. Nothing is ever dialled for it here.

The owner accepts or refuses; after 202 the peer is told by NOTIFY how it goes (RFC 3515 2.4), one
at a time (RFC 6665 4.2.2), until the owner reports a final status or the subscription runs out.
"""

from __future__ import annotations

import enum

from sip.message import MessageError, NameAddr

from .call import Call
from .events import TransferRequested
from .limits import MAX_TRANSFER_REQUESTS, TRANSFER_ANSWER_S, TRANSFER_REPORT_S
from .phases import ESTABLISHED, SessionStateError
from .port import HeaderItems, Incoming, Outcome
from .requests import Requests
from .sipfrag import EVENT, SIPFRAG, EventHeader, Progress, write_sipfrag

FORGOTTEN = "unanswered-transfer"
EXPIRED = "transfer-expired"


class Stage(enum.Enum):
    NONE = "nothing is asked for"
    ASKED = "the owner has not answered"
    ACCEPTED = "the owner reports"


class TransferRequests:
    """The one transfer that the peer may have asked for."""

    def __init__(self, call: Call, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self._stage = Stage.NONE
        self._incoming: Incoming | None = None
        self._wants_reports = True
        self._asked = 0
        self._event = EVENT
        self._waits_for_answer = False
        self._next: Progress | None = None
        self._expires_at = 0.0
        self._last = Progress(100, "Trying")
        call.on_timer[FORGOTTEN] = self._forgotten
        call.on_timer[EXPIRED] = self._expired

    def take(self, incoming: Incoming, now: float) -> None:
        """Pass the request to the owner, or refuse it."""
        request = incoming.request
        try:
            refer_to = NameAddr.parse(request.headers.get("Refer-To") or "")
        except MessageError as exc:
            self._refuse(incoming, 400, f"Refer-To: {exc.reason}", now)
            return
        if self._call.phase not in ESTABLISHED:
            self._refuse(incoming, 603, "only an answered call can be transferred", now)
        elif self._stage is not Stage.NONE or self._next is not None:
            self._refuse(incoming, 491, "an earlier transfer is not over yet", now)
        elif self._asked >= MAX_TRANSFER_REQUESTS:
            why = f"this call has asked for {MAX_TRANSFER_REQUESTS} transfers already"
            self._refuse(incoming, 403, why, now)
        else:
            self._asked += 1
            self._stage, self._incoming = Stage.ASKED, incoming
            # RFC 3515 2.4.6: the first subscription of a dialog needs no id
            number = request.cseq.number
            self._event = EVENT if self._asked == 1 else f"{EVENT};id={number}"
            # RFC 4488 4: the peer does not want to be told
            self._wants_reports = (request.headers.get("Refer-Sub") or "").lower() != "false"
            self._call.port.set_timer((FORGOTTEN, 0), now + TRANSFER_ANSWER_S)
            self._call.emit(TransferRequested(headers=request.headers, refer_to=refer_to))

    def _refuse(self, incoming: Incoming, status: int, why: str, now: float) -> None:
        self._call.port.respond(incoming, status, None, now, why=why)

    # --- asked for by the owner ---

    def accept(self, now: float) -> None:
        """202, and the first NOTIFY at once; without effect when nothing is open."""
        incoming = self._close()
        if incoming is None:
            return
        self._stage, self._last = Stage.ACCEPTED, Progress(100, "Trying")
        headers: HeaderItems = () if self._wants_reports else [("Refer-Sub", "false")]
        self._call.port.respond(incoming, 202, None, now, headers=headers)
        self._subscribed(TRANSFER_REPORT_S, now)

    def reject(self, status: int, now: float, *, why: str) -> None:
        """Refuse; the call goes on. Without effect when nothing is open."""
        incoming = self._close()
        if incoming is not None:
            self._stage = Stage.NONE
            self._refuse(incoming, status, why, now)

    def report(self, status: int, reason: str, now: float) -> None:
        """Tell how it goes; a status of 200 and above is the last word.

        SessionStateError when no accepted transfer is open.
        """
        if self._call.is_over:
            return
        if self._stage is not Stage.ACCEPTED:
            raise SessionStateError("report_transfer(): the peer has asked for no transfer")
        self._last = Progress(status, reason)
        self._notify(self._last, now)

    def _close(self) -> Incoming | None:
        incoming, self._incoming = self._incoming, None
        self._call.port.clear_timer((FORGOTTEN, 0))
        return incoming

    # --- the subscription ---

    def subscribe(self, incoming: Incoming, event: EventHeader, now: float) -> None:
        """The peer lengthens its subscription, or ends it with Expires: 0 (RFC 6665 4.2.1)."""
        wanted = (incoming.request.headers.get("Expires") or "").strip()
        known = event.id in (None, self._event.partition("id=")[2] or None)
        if self._stage is not Stage.ACCEPTED or not known:
            self._refuse(incoming, 481, "no transfer of this id is under way", now)
            return
        seconds = int(wanted) if wanted.isdigit() and len(wanted) < 10 else TRANSFER_REPORT_S
        seconds = min(seconds, TRANSFER_REPORT_S)
        self._call.port.respond(incoming, 200, None, now, headers=[("Expires", str(seconds))])
        self._subscribed(seconds, now)

    def _subscribed(self, seconds: int, now: float) -> None:
        self._expires_at = now + seconds
        self._call.port.set_timer((EXPIRED, 0), self._expires_at)
        if seconds:
            self._notify(self._last, now)

    def _notify(self, progress: Progress, now: float) -> None:
        if progress.is_final:
            self._stage = Stage.NONE
            self._call.port.clear_timer((EXPIRED, 0))
        if not self._wants_reports:
            return
        if self._waits_for_answer:
            self._next = progress  # a NOTIFY that overtakes another one would be refused
        else:
            self._send(progress, now)

    def _send(self, progress: Progress, now: float) -> None:
        left = max(0, round(self._expires_at - now))
        state = "terminated;reason=noresource" if progress.is_final else f"active;expires={left}"
        headers = [("Event", self._event), ("Subscription-State", state)]
        self._waits_for_answer = True
        self._next = None
        body = write_sipfrag(progress)
        self._requests.send(
            "NOTIFY", self._heard, now, headers=headers, body=body, content_type=SIPFRAG
        )

    def _heard(self, outcome: Outcome, now: float) -> None:
        if outcome.status < 200:
            return
        self._waits_for_answer = False
        waiting, self._next = self._next, None
        if outcome.status == 481:
            self._stage = Stage.NONE  # RFC 6665 4.2.2: the peer does not want to know any more
            self._call.port.clear_timer((EXPIRED, 0))
        elif waiting is not None and not self._call.is_over:
            self._send(waiting, now)

    # --- ends ---

    def before_end(self, now: float) -> None:
        """The session ends: what waits is said at once, what is open is refused."""
        if self._next is not None and self._call.phase in ESTABLISHED:
            self._send(self._next, now)
        self.reject(487, now, why="the session has ended")
        self._stage = Stage.NONE
        self._call.port.clear_timer((EXPIRED, 0))

    def _forgotten(self, _: int, now: float) -> None:
        self.reject(603, now, why="the application did not answer the request in time")

    def _expired(self, _: int, now: float) -> None:
        if self._stage is Stage.ACCEPTED:
            self._notify(Progress(408, "nobody said in time how the transfer ended"), now)
