"""Our requests inside a dialog: number, route, credentials, and a bound on how many are open."""

from __future__ import annotations

from sip.auth import Credentials, DigestClient
from sip.message import CSeq, Request
from sip.transaction import ClientKey

from .call import Call
from .dialog import Dialog
from .limits import MAX_CHALLENGES, MAX_PENDING_REQUESTS
from .port import HeaderItems, OnOutcome, Outcome, SentAck

CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Requests:
    """Sends the requests of one session."""

    def __init__(self, call: Call, credentials: Credentials | None) -> None:
        self._call = call
        self._digest = DigestClient(credentials) if credentials is not None else None
        self._only_from: str | None = None
        self._open = 0

    def use(self, credentials: Credentials, only_from: str) -> None:
        """Answer challenges that come from this address, and no other's: a Contact may lead to
        somebody who only wants to see how we answer."""
        self._digest = DigestClient(credentials)
        self._only_from = only_from

    @property
    def is_full(self) -> bool:
        """So many requests wait for the peer that no further one should be begun."""
        return self._open >= MAX_PENDING_REQUESTS

    def send(
        self,
        method: str,
        on_outcome: OnOutcome,
        now: float,
        *,
        headers: HeaderItems = (),
        body: bytes = b"",
        content_type: str | None = None,
        dialog: Dialog | None = None,
    ) -> Attempt:
        """Send a request; `on_outcome` hears every response and the final fault.

        A challenge is answered here and not passed on. Headers that cannot be written raise
        ValueError, and nothing was sent.
        """
        dialog = dialog or self._call.dialog
        assert dialog is not None, "the phase table lets nobody send without a dialog"
        request = dialog.request(method)
        for name, value in headers:
            request.headers.add(name, value)
        if body and content_type is not None:
            request.headers.add("Content-Type", content_type)
            request.body = body
        self.prepare(request)
        self._open += 1
        attempt = Attempt(self, dialog, request, on_outcome)
        attempt.start(now)
        return attempt

    def send_ack(self, dialog: Dialog, invite: Request, sdp: bytes | None, now: float) -> SentAck:
        """ACK the 2xx to `invite`, with the same credentials (RFC 3261 22.1)."""
        ack = dialog.ack(invite.cseq.number)
        for name in CREDENTIALS:
            for value in invite.headers.lines(name):
                ack.headers.add(name, value)
        if sdp is not None:
            ack.headers.add("Content-Type", "application/sdp")
            ack.body = sdp
        return self._call.port.send_ack(ack, dialog.plan().next_hop, dialog.flow, now)

    def prepare(self, request: Request) -> None:
        """Add credentials for the realms that asked for them earlier in this session."""
        if self._digest is not None:
            self._digest.authorize(request, self._call.port.ids.cnonce())

    def retry(self, request: Request, outcome: Outcome) -> Request | None:
        """The request to send instead of a challenged one; None when there is no point in it.

        The copy has credentials, and still the number and the Via of the first try.
        """
        response = outcome.response
        if self._digest is None or response is None or response.status not in (401, 407):
            return None
        here = None if outcome.flow is None else outcome.flow.peer.host
        if self._only_from not in (None, here):
            return None
        if not self._digest.challenged(request, response):
            return None
        again = Request(request.method, request.uri, request.headers.copy(), request.body)
        self._digest.authorize(again, self._call.port.ids.cnonce())
        return again

    def transmit(
        self, dialog: Dialog, request: Request, on_outcome: OnOutcome, now: float
    ) -> ClientKey | None:
        next_hop = dialog.plan().next_hop
        return self._call.port.send(request, next_hop, dialog.flow, on_outcome, now)

    def closed(self) -> None:
        """One request got its final outcome."""
        self._open -= 1


class Attempt:
    """One request and the repetitions that challenges demand."""

    def __init__(
        self, requests: Requests, dialog: Dialog, request: Request, on_outcome: OnOutcome
    ) -> None:
        self._requests = requests
        self._dialog = dialog
        self._on_outcome = on_outcome
        self._tries = 0
        self._final = False
        self.request = request
        """The latest try."""
        self.key: ClientKey | None = None
        """The transaction of the latest try; None when it found no way out."""

    def start(self, now: float) -> None:
        self.key = self._requests.transmit(self._dialog, self.request, self._hear, now)

    def _hear(self, outcome: Outcome, now: float) -> None:
        if not self._final and self._tries < MAX_CHALLENGES:
            again = self._requests.retry(self.request, outcome)
            if again is not None:
                self._tries += 1
                # RFC 3261 22.2: the same request, with the next number
                self.request = renumbered(again, self._dialog.take_number())
                self.start(now)
                return
        if outcome.status >= 200 and not self._final:
            self._final = True
            self._requests.closed()
        self._on_outcome(outcome, now)


def renumbered(request: Request, number: int) -> Request:
    """The request with another CSeq number, ready to be sent as a new one."""
    request.headers.remove("Via")
    request.headers.set("CSeq", str(CSeq(number, request.method)))
    return request
