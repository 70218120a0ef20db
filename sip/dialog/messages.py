"""INFO and MESSAGE inside the call, in both directions (RFC 6086, RFC 3428).

Either is answered before the owner hears of it; what we send is reported only when it was refused.
"""

from __future__ import annotations

from collections.abc import Callable

from .call import Call
from .events import InfoReceived, MessageReceived, MessageRefused
from .invite_request import own_headers
from .limits import MAX_MESSAGE_BYTES
from .phases import Move, SessionStateError
from .port import HeaderItems, Incoming, Outcome
from .requests import Requests

PLAIN = "text/plain;charset=UTF-8"


class Messages:
    """What is said by signalling while the call goes on."""

    def __init__(
        self, call: Call, requests: Requests, on_lost: Callable[[Outcome, float], None]
    ) -> None:
        self._call = call
        self._requests = requests
        self._on_lost = on_lost

    # --- ours ---

    def info(self, content_type: str, body: bytes, headers: HeaderItems, now: float) -> None:
        if self._may_send("info()"):
            self._requests.send(
                "INFO",
                self._hear,
                now,
                headers=own_headers(headers),
                body=body,
                content_type=content_type,
            )

    def message(self, text: str, now: float) -> None:
        def hear(outcome: Outcome, at: float) -> None:
            if outcome.status >= 300:
                self._call.emit(MessageRefused(outcome.status, outcome.reason))
            self._hear(outcome, at)

        if self._may_send("message()"):
            body = text.encode("utf-8", "replace")
            self._requests.send("MESSAGE", hear, now, body=body, content_type=PLAIN)

    def _may_send(self, what: str) -> bool:
        call = self._call
        if call.is_over:
            return False
        call.check(Move.INFO)
        if self._requests.is_full:
            raise SessionStateError(
                f"{what}: too many requests wait for the peer's answer already; wait too"
            )
        return True

    def _hear(self, outcome: Outcome, now: float) -> None:
        # a refusal changes nothing; a peer without the dialog ends it (RFC 5057 5.1)
        if outcome.status == 481:
            self._on_lost(outcome, now)

    # --- the peer's ---

    def take_info(self, incoming: Incoming, now: float) -> None:
        request, port = incoming.request, self._call.port
        package = request.headers.get("Info-Package")
        if package is not None:
            # RFC 6086 4.2.2: 469 with the packages we take, which are none
            headers = [("Recv-Info", "")]
            reason = f"unknown Info-Package {package[:40]}"
            port.respond(incoming, 469, None, now, why=reason, headers=headers)
            return
        port.respond(incoming, 200, None, now)
        content_type = request.content_type if request.body else None
        self._call.emit(
            InfoReceived(
                headers=request.headers, content_type=content_type or "", body=request.body
            )
        )

    def take_message(self, incoming: Incoming, now: float) -> None:
        """Text is taken, anything else gets 415 (RFC 3428 7); one without a body says nothing."""
        request, port = incoming.request, self._call.port
        kind = request.content_type or "text/plain"
        if request.body and not kind.startswith("text/"):
            headers = [("Accept", "text/plain")]
            port.respond(incoming, 415, None, now, why=f"{kind[:40]} is no text", headers=headers)
        elif len(request.body) > MAX_MESSAGE_BYTES:
            why = f"a text of {len(request.body)} bytes; {MAX_MESSAGE_BYTES} are taken"
            port.respond(incoming, 413, None, now, why=why)
        else:
            port.respond(incoming, 200, None, now)
            if request.body:
                text = request.body.decode("utf-8", "replace")
                self._call.emit(MessageReceived(headers=request.headers, text=text))
