"""The peer's messages on their way in: which session, which transaction, or which refusal.

A request that belongs to a transaction or a dialog goes there. Any other one passes the owner's
gate and the screening first; what is refused is answered without keeping state, and reported.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from sip.address import Flow, PeerAddress
from sip.dialog import Incoming, sdp_of
from sip.message import Message, MessageError, Request, Response, validate
from sip.registrar import User
from sip.transaction import AckArrived, ClientKey, ServerKey, Transmit, server_key

from .members import Caller
from .outputs import Admission, ConductReport, Refusal, RefusalReport, SipTrace, Stranger
from .replacing import find_replaced
from .scanners import scanner_in
from .screening import (
    Verdict,
    check_extensions,
    check_invite,
    check_method,
    check_outside_dialog,
    schemes_on,
)
from .sessions import Held
from .settings import RETRY_AFTER_S

if TYPE_CHECKING:
    from .agent import UserAgent

Gate = Callable[[PeerAddress], Admission]
_WITH_BODY = frozenset({"INVITE", "UPDATE", "PRACK"})
"""Methods whose body is a session description; that of others is the owner's business."""


class Inbound:
    """Takes every message that arrives."""

    def __init__(self, agent: UserAgent, gate: Gate) -> None:
        self._agent = agent
        self._gate = gate

    def take(self, message: Message, data: bytes, flow: Flow, now: float) -> None:
        """A message that could be read."""
        try:
            validate(message, schemes=schemes_on(flow))
        except MessageError as exc:
            self.take_fault(exc, data, flow, now, message)
            return
        if isinstance(message, Response):
            self._take_response(message, data, flow, now)
        else:
            self._take_request(message, data, flow, now)

    def take_fault(
        self,
        error: MessageError,
        data: bytes,
        flow: Flow,
        now: float,
        message: Message | None = None,
    ) -> None:
        """What could not be read, or may not be acted on: 400 or the like to a request."""
        message = message or error.message
        self._trace(data, flow, _call_id(message), f"unusable: {error.reason}", repeated=False)
        if isinstance(message, Request) and message.method != "ACK":
            verdict = Verdict(status=error.status, reason=error.reason)
            with suppress(MessageError):  # of a Via that is what cannot be read
                self._agent.addressing.stamp(message, flow)
            # a stranger learns nothing from its noise
            silent = isinstance(self._gate(flow.peer), Refusal | Stranger)
            self._refuse(message, attrs.evolve(verdict, silent=silent), data, flow)
        elif not isinstance(message, Request):
            self._agent.count_dropped("unusable message")

    # --- responses ---

    def _take_response(self, response: Response, data: bytes, flow: Flow, now: float) -> None:
        layer = self._agent.layer
        repeated = layer.is_repeated_response(response)
        summary = f"{response} ({response.cseq.method})"
        self._trace(data, flow, response.call_id, summary, repeated=repeated)
        # RFC 3261 8.1.3.3: more than one Via means that it was not for us
        outputs = layer.receive_response(response, now) if len(response.vias) == 1 else None
        if outputs is None:
            self._agent.count_dropped("stray response")
            return
        self._agent.absorb(outputs, now, flow)

    # --- requests ---

    def _take_request(self, request: Request, data: bytes, flow: Flow, now: float) -> None:
        agent = self._agent
        key = server_key(request)
        known = agent.layer.has_server(key)
        repeated = known and request.method != "ACK"
        self._trace(data, flow, request.call_id, str(request), repeated=repeated)
        agent.addressing.stamp(request, flow)
        if known or request.method == "ACK":
            reply_to = agent.addressing.reply_to(request, flow)
            for output in agent.layer.receive_request(key, request, reply_to, now):
                if isinstance(output, AckArrived):
                    self._take_ack(key, output.request, flow, now)
                else:
                    agent.absorb([output], now)
            return
        held = agent.sessions.find(request) if request.to.tag is not None else None
        caller: Caller | Verdict = Caller()
        if held is None:
            caller = self._identify(request, flow, now)
        if isinstance(caller, Verdict):
            self._refuse(request, caller, data, flow)
            return
        if caller.proved:
            self._agent.put(ConductReport(peer=flow.peer, conduct="proved", why=""))
        if request.method == "CANCEL":
            self._take_cancel(key, request, data, flow, now)
            return
        verdict = check_method(request) or check_extensions(request)
        if verdict is not None:
            self._refuse(request, verdict, data, flow)
        elif agent.layer.server_count >= agent.settings.max_server_transactions:
            self._refuse(request, _busy("too many transactions"), data, flow)
        elif held is not None:
            self._take_in_dialog(held, key, request, data, flow, now)
        elif request.method == "REGISTER" and caller.user is not None:
            self._register(caller.user, key, request, flow, now)
        elif request.method == "SUBSCRIBE" and caller.user is not None:
            self._accept(key, request, flow, now)
            refused = agent.mailboxes.take(caller.user, key, request, flow, now)
            if refused is not None:
                self._report(request, refused, refused.status, flow)
        else:
            self._take_outside_dialog(caller.user, key, request, data, flow, now)

    def _identify(self, request: Request, flow: Flow, now: float) -> Caller | Verdict:
        """Ask the owner's gate, and for credentials where they are due."""
        admission = self._gate(flow.peer)
        is_foreign = isinstance(admission, Refusal | Stranger)
        scanner = scanner_in(request) if is_foreign else ""
        if scanner:
            why = f"names itself {scanner}"
            return Verdict(status=403, reason=None, detail=why, silent=True, conduct="scanner")
        if isinstance(admission, Refusal):
            return _turned_away(admission)
        members = self._agent.members
        if not members or request.method == "CANCEL":
            return Caller()  # RFC 3261 22.1: a CANCEL cannot be challenged; its INVITE was
        return members.identify(request, flow, now, admission)

    def _register(
        self, user: User, key: ServerKey, request: Request, flow: Flow, now: float
    ) -> None:
        """In a transaction: credentials work once, so that a repetition needs the same answer."""
        agent = self._agent
        self._accept(key, request, flow, now)
        result = agent.members.register(user, request, flow, now)
        response = agent.replies.build(
            request,
            result.status,
            None,
            why=result.reason,
            to_tag=agent.ids.tag(),
            headers=result.headers,
        )
        agent.absorb(agent.layer.respond(key, response, now) or [], now)
        if result.status >= 300:
            verdict = Verdict(status=result.status, reason=result.reason)
            self._report(request, verdict, verdict.status, flow)

    def _take_ack(self, key: ServerKey, ack: Request, flow: Flow, now: float) -> None:
        held = self._agent.sessions.find(ack)
        if held is None:
            self._agent.count_dropped("stray ACK")
            return
        try:
            sdp = sdp_of(ack)
        except MessageError:
            sdp = None  # an ACK cannot be refused; it answers nothing then
        held.core.on_ack(Incoming(key=key, request=ack, flow=flow, sdp=sdp), now)

    def _take_cancel(
        self, key: ServerKey, cancel: Request, data: bytes, flow: Flow, now: float
    ) -> None:
        """RFC 3261 9.2: 200 when the INVITE is known, also when it has its final response."""
        agent = self._agent
        invite = key.of_invite()
        held = agent.session_of_invite(invite)
        if not agent.layer.has_server(invite):
            verdict = Verdict(status=481, reason="no INVITE matches this CANCEL")
            self._refuse(cancel, verdict, data, flow)
            return
        tag = held.core.call.local_tag if held is not None else None
        self._accept(key, cancel, flow, now)
        response = agent.replies.build(cancel, 200, None, to_tag=tag)
        agent.absorb(agent.layer.respond(key, response, now) or [], now)
        if held is not None:
            held.core.on_cancel(invite, cancel, now)

    def _take_in_dialog(
        self, held: Held, key: ServerKey, request: Request, data: bytes, flow: Flow, now: float
    ) -> None:
        try:
            sdp = sdp_of(request) if request.method in _WITH_BODY else None
        except MessageError as exc:
            verdict = Verdict(status=exc.status, reason=exc.reason)
            self._refuse(request, verdict, data, flow)
            return
        self._accept(key, request, flow, now)
        if request.method == "INVITE":
            self._agent.note_invite(key, held)
        held.core.on_request(Incoming(key=key, request=request, flow=flow, sdp=sdp), now)

    def _take_outside_dialog(
        self,
        user: User | None,
        key: ServerKey,
        request: Request,
        data: bytes,
        flow: Flow,
        now: float,
    ) -> None:
        agent = self._agent
        verdict = check_outside_dialog(request) or self._check_loops(request)
        if verdict is None and request.method == "INVITE":
            verdict = check_invite(request)
        found = find_replaced(request, agent.sessions) if verdict is None else None
        replaced = found if isinstance(found, Held) else None
        verdict = verdict or (found if isinstance(found, Verdict) else None)
        if verdict is None:
            verdict = self._check_capacity(request, new=replaced is None)
        if verdict is None and request.method in ("NOTIFY", "OPTIONS"):
            verdict = Verdict(status=200, reason=None)
        if verdict is not None:
            self._refuse(request, verdict, data, flow)
            return
        try:
            incoming = Incoming(key=key, request=request, flow=flow, sdp=sdp_of(request))
            name = "" if user is None else user.name
            core = agent.build_incoming(incoming, replaced, user=name)
        except MessageError as exc:
            # a Record-Route that cannot be read: no dialog could be built on it
            self._refuse(request, Verdict(status=400, reason=exc.reason), data, flow)
            return
        self._accept(key, request, flow, now)
        agent.begin_incoming(core, key, now)

    def _accept(self, key: ServerKey, request: Request, flow: Flow, now: float) -> None:
        """Begin the server transaction."""
        reply_to = self._agent.addressing.reply_to(request, flow)
        self._agent.layer.receive_request(key, request, reply_to, now)

    # --- refusals ---

    def _check_loops(self, request: Request) -> Verdict | None:
        """RFC 3261 8.2.2.2: another branch of a request in progress, or one of our own."""
        layer = self._agent.layer
        if layer.merged_with(request) is not None:
            return Verdict(status=482, reason="this request arrived on another branch already")
        for via in request.vias[1:]:
            sent = layer.client_request(ClientKey(via.branch or "", request.method))
            if sent is not None and sent.request_uri == request.request_uri:
                return Verdict(status=482, reason="our own request came back unchanged")
        return None

    def _check_capacity(self, request: Request, *, new: bool) -> Verdict | None:
        """Not `new` is a call that takes the place of another, which goes on while we drain."""
        agent = self._agent
        if agent.draining is not None and new:
            return Verdict(
                status=503,
                reason="this endpoint is draining and takes no new calls",
                headers=(("Retry-After", str(agent.draining)),),
            )
        if request.method == "INVITE" and len(agent.sessions) >= agent.settings.max_sessions:
            return _busy(f"the limit of {agent.settings.max_sessions} calls is reached")
        return None

    def _refuse(self, request: Request, verdict: Verdict, data: bytes, flow: Flow) -> None:
        """Answer without keeping state, and report it (an OPTIONS that is served is no refusal)."""
        agent = self._agent
        reply = None
        if not verdict.silent and request.headers.get("Via") is not None:
            # on a connection nobody can have a false source address
            size = len(data) if flow.transport == "udp" else None
            reply = agent.replies.stateless(
                request, verdict.status, verdict.reason, size, verdict.headers
            )
        if reply is not None:
            agent.put(
                Transmit(
                    data=reply,
                    destination=agent.addressing.reply_to(request, flow),
                    transaction=None,
                    call_id=_call_id(request) or "",
                    summary=f"{verdict.status} ({request.method})",
                )
            )
        self._report(request, verdict, 0 if reply is None else verdict.status, flow)

    def _report(self, request: Request, verdict: Verdict, status: int, flow: Flow) -> None:
        """Tell the owner what was refused, `status` being what was answered."""
        why = verdict.detail or verdict.reason or ""
        if verdict.is_refusal:
            self._agent.put(
                RefusalReport(
                    what=str(request),
                    why=why,
                    status=status,
                    peer=flow.peer,
                    call_id=_call_id(request),
                )
            )
        if verdict.conduct is not None:
            self._agent.put(ConductReport(peer=flow.peer, conduct=verdict.conduct, why=why))

    def _trace(
        self, data: bytes, flow: Flow, call_id: str | None, summary: str, *, repeated: bool
    ) -> None:
        self._agent.put(
            SipTrace(
                direction="in",
                transport=flow.transport,
                local=flow.local,
                remote=flow.peer,
                data=data,
                call_id=call_id,
                summary=summary,
                retransmission=repeated,
            )
        )


def _turned_away(refusal: Refusal) -> Verdict:
    wait = refusal.retry_after_s
    return Verdict(
        status=refusal.status or 403,
        reason=refusal.reason,
        headers=(("Retry-After", str(wait)),) if wait else (),
        detail=refusal.detail,
        silent=refusal.status == 0,
    )


def _busy(reason: str) -> Verdict:
    headers = (("Retry-After", str(RETRY_AFTER_S)),)
    return Verdict(status=503, reason=reason, headers=headers)


def _call_id(message: Message | None) -> str | None:
    return None if message is None else message.headers.get("Call-ID")
