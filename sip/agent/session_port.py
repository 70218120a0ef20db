"""The port of one session, carried out by the user agent around it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, cast

import attrs

from sip.address import Flow
from sip.dialog import (
    HeaderItems,
    IdSource,
    Incoming,
    OnOutcome,
    SentAck,
    Session,
    SessionEvent,
    TimerName,
)
from sip.message import Request, Response, Uri
from sip.transaction import ClientKey, Timers, Transmit

from .addressing import UnroutableError
from .outputs import unsent
from .replies import shows_contact_in

if TYPE_CHECKING:
    from .agent import UserAgent


class SessionPort:
    """`sip.dialog.Port` for one session of `agent`."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._session: Session | None = None
        self._has_ended = False

    def attach(self, session: Session) -> None:
        """The session is built; a port exists before its session does."""
        self._session = session

    @property
    def ids(self) -> IdSource:
        return self._agent.ids

    @property
    def timers(self) -> Timers:
        return self._agent.settings.timers

    @property
    def session_expires_s(self) -> int:
        return self._agent.settings.session_expires_s

    def respond(
        self,
        incoming: Incoming,
        status: int,
        reason: str | None,
        now: float,
        *,
        why: str | None = None,
        to_tag: str | None = None,
        headers: HeaderItems = (),
        sdp: bytes | None = None,
    ) -> Response:
        agent = self._agent
        request, contact = incoming.request, None
        if shows_contact_in(request.method, status):
            contact = agent.outbound.contact_on(incoming.flow, request)
        response = agent.replies.build(
            request,
            status,
            reason,
            contact=contact,
            why=why,
            to_tag=to_tag,
            headers=headers,
            sdp=sdp,
        )
        agent.absorb(agent.layer.respond(incoming.key, response, now) or [], now)
        return response

    def repeat(self, incoming: Incoming, response: Response, now: float) -> None:
        outputs = self._agent.layer.respond(incoming.key, response, now) or []
        marked = [
            attrs.evolve(output, retransmission=True) if isinstance(output, Transmit) else output
            for output in outputs
        ]
        self._agent.absorb(marked, now)

    def send(
        self, request: Request, next_hop: Uri, flow: Flow | None, outcome: OnOutcome, now: float
    ) -> ClientKey | None:
        return self._agent.send(
            request,
            next_hop,
            flow,
            outcome,
            now,
            is_wanted=lambda: request.method != "INVITE" or not self._has_ended,
        )

    def cancel(self, invite: ClientKey, headers: HeaderItems, now: float) -> None:
        agent = self._agent
        invite = agent.deliveries.current(invite)
        request = agent.layer.client_request(invite)
        destination = agent.layer.client_destination(invite)
        if request is None or destination is None:
            return
        cancel = agent.outbound.cancel(request, tuple(headers))
        _, outputs = agent.layer.send_request(cancel, cancel.to_bytes(), destination, now)
        agent.absorb(outputs, now)

    def give_up(self, invite: ClientKey, now: float) -> None:
        agent = self._agent
        agent.absorb(agent.layer.give_up(agent.deliveries.current(invite), now), now)

    def send_ack(self, ack: Request, next_hop: Uri, flow: Flow | None, now: float) -> SentAck:
        try:
            return self._agent.deliveries.send_ack(ack, next_hop, flow)
        except UnroutableError as exc:
            # the peer repeats its 2xx and ends the call; there is no way to tell it anything
            self._agent.put(*unsent(ack, flow, str(exc)))
            return SentAck(resend=lambda: None)

    def set_timer(self, name: Hashable, at: float) -> None:
        self._agent.timers.set(self._own, cast("TimerName", name), at)

    def clear_timer(self, name: Hashable) -> None:
        self._agent.timers.clear(self._own, cast("TimerName", name))

    def emit(self, event: SessionEvent) -> None:
        self._agent.tell(self._own, event)

    def ended(self) -> None:
        self._has_ended = True
        self._agent.session_ended(self._own)

    def forget(self) -> None:
        self._agent.forget(self._own)

    @property
    def _own(self) -> Session:
        assert self._session is not None, "a session begins after it was attached"
        return self._session
