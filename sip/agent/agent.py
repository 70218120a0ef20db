"""The user agent without I/O: joins transactions, dialogs and sessions (RFC 3261 8).

Messages, network news and the time go in; each call returns the list of what is to be done, in
order. Owners reach their sessions through facades, whose steps run inside `enter`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from sip.address import Destination, Flow
from sip.dialog import (
    Enter,
    IdSource,
    Incoming,
    InviteOrder,
    InviteSession,
    OnOutcome,
    Outcome,
    Session,
    SessionEvent,
    TimerName,
    build_invite,
    incoming_session,
    outgoing_session,
)
from sip.message import Message, MessageError, Request, Response, Uri, parse_datagram
from sip.registrar import User
from sip.transaction import (
    ClientKey,
    LayerOutput,
    RequestFailed,
    RequestTimedOut,
    ResponseArrived,
    ResponseFailed,
    Schedule,
    ServerKey,
    TransactionEnded,
    TransactionLayer,
    Transmit,
)

from .addressing import Addressing, UnroutableError
from .delivery import Deliveries
from .inbound import Gate, Inbound
from .mailboxes import Mailboxes
from .members import Members
from .outputs import AgentOutput, SessionBegan, SessionForgotten, SessionNews, unsent
from .replies import Replies
from .requests_out import OutboundRequests, returned_request
from .session_port import SessionPort
from .sessions import Held, SessionTable
from .settings import EndpointSettings

_UNOWED = frozenset({"INVITE", "OPTIONS"})
"""Of an INVITE its session knows what is owed; whether a ping is answered concerns nobody else."""


class TooManySessionsError(Exception):
    """A limit: no further session can be begun now."""


class UserAgent:
    """The core of one endpoint."""

    def __init__(
        self,
        settings: EndpointSettings,
        addressing: Addressing,
        ids: IdSource,
        *,
        gate: Gate,
        enter: Enter,
    ) -> None:
        self.settings = settings
        self.addressing = addressing
        self.ids = ids
        self.layer = TransactionLayer(settings.timers)
        self.timers: Schedule[Session, TimerName] = Schedule()
        self.sessions = SessionTable()
        self.replies = Replies(settings.user_agent, ids.tag(), settings.number_of)
        self.outbound = OutboundRequests(settings, addressing)
        self.deliveries = Deliveries(self)
        self.draining: int | None = None
        """Retry-After in seconds while no new calls are taken."""
        self.dropped: Counter[str] = Counter()
        """Messages that were ignored on purpose, by the reason."""
        self.members = Members.of(settings.registrar, ids.tag)
        self.mailboxes = Mailboxes(self)
        self._inbound = Inbound(self, gate)
        self._enter = enter
        self._outbox: list[AgentOutput] = []
        self._deferred: deque[Callable[[], None]] = deque()
        self._outcomes: dict[ClientKey, OnOutcome] = {}
        self._invites: dict[ServerKey, Held] = {}

    # --- what arrives ---

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> list[AgentOutput]:
        """One UDP packet that is no keep-alive."""
        try:
            message = parse_datagram(data)
        except MessageError as exc:
            self._inbound.take_fault(exc, data, flow, now)
        else:
            self._inbound.take(message, data, flow, now)
        return self.take(now)

    def receive_message(self, message: Message, flow: Flow, now: float) -> list[AgentOutput]:
        """One message of a stream; its trace shows it as we would write it."""
        self._inbound.take(message, message.to_bytes(), flow, now)
        return self.take(now)

    def receive_fault(
        self, error: MessageError, data: bytes, flow: Flow, now: float
    ) -> list[AgentOutput]:
        """Something on a stream that is no message."""
        self._inbound.take_fault(error, data, flow, now)
        return self.take(now)

    # --- what the network did ---

    def transport_failed(
        self, key: ClientKey | ServerKey, reason: str, now: float
    ) -> list[AgentOutput]:
        """A message of this transaction could not be delivered."""
        self.absorb(self.layer.transport_failed(key, reason, now), now)
        return self.take(now)

    def returned(self, data: bytes, reason: str, now: float) -> list[AgentOutput]:
        """A datagram of ours came back (ICMP). Its branch proves that it was ours."""
        key = returned_request(data)
        return [] if key is None else self.transport_failed(key, reason, now)

    def located(
        self, key: ClientKey, found: Sequence[Destination], reason: str, now: float
    ) -> list[AgentOutput]:
        """The answer to a Locate: places, best first, or none and the reason."""
        self.deliveries.located(key, found, reason, now)
        return self.take(now)

    def sent_on(self, key: ClientKey, flow: int) -> None:
        """A request left on this TCP connection."""
        self.layer.sent_on(key, flow)

    def flow_opened(self, flow: Flow) -> None:
        """A TCP connection is up."""
        self.addressing.flow_opened(flow)

    def flow_closed(self, flow: int, reason: str, now: float) -> list[AgentOutput]:
        """A TCP connection is gone."""
        self.addressing.flow_closed(flow)
        self.members.registrar.flow_closed(flow)
        self.mailboxes.subscriptions.flow_closed(flow)
        self.absorb(self.layer.flow_closed(flow, reason, now), now)
        return self.take(now)

    def uses_flow(self, flow: int) -> bool:
        """Whether a phone registered or subscribed on this connection, or a dialog was last heard
        on it."""
        dialogs = [held.core.call.dialog for held in self.sessions]
        tables = (self.members.registrar, self.mailboxes.subscriptions)
        return any(table.uses_flow(flow) for table in tables) or any(
            one is not None and one.flow is not None and one.flow.id == flow for one in dialogs
        )

    # --- what the owner wants ---

    def invite(self, order: InviteOrder, now: float) -> InviteSession:
        """Begin a call; take what is to be done with `take`.

        TooManySessionsError at the limit; ValueError for headers that cannot be written.
        """
        if len(self.sessions) >= self.settings.max_sessions:
            raise TooManySessionsError(
                f"invite(): the limit of {self.settings.max_sessions} calls is reached"
            )
        tag = self.ids.tag()
        request = build_invite(
            order,
            call_id=order.call_id or self.ids.call_id(),
            tag=tag,
            number=self.ids.number(),
            session_expires_s=self.settings.session_expires_s,
        )
        port = SessionPort(self)
        core = outgoing_session(port, order, request, tag)
        port.attach(core)
        facade = InviteSession(core, self._enter, remote_offer=None, peer=None)
        self.sessions.add(Held(core, facade))
        core.begin(now)
        return facade

    def drain(self, retry_after_s: int) -> None:
        """Take no new calls; those in progress go on."""
        self.draining = retry_after_s

    def set_users(self, users: Mapping[str, User], now: float) -> None:
        """Who may register, call and subscribe from now on."""
        self.mailboxes.end(self.members.set_users(users), now)

    def hang_up_all(self, reason: str, now: float) -> None:
        """End every session as its phase demands, and every subscription."""
        self.mailboxes.leave(now)
        for held in self.sessions:
            held.core.hangup((), reason, now)

    @property
    def is_idle(self) -> bool:
        """Nothing is owed to any peer: no session, and no BYE without its answer."""
        answered = all(key.method in _UNOWED for key in self._outcomes)
        return len(self.sessions) == 0 and answered and self.deliveries.is_idle

    # --- the clock ---

    def next_timeout(self) -> float | None:
        registrar, subscriptions = self.members.registrar, self.mailboxes.subscriptions
        clocks = (self.layer, self.timers, registrar, subscriptions)
        return min((t for one in clocks if (t := one.next_timeout()) is not None), default=None)

    def on_time(self, now: float) -> list[AgentOutput]:
        """Everything that is due at `now`."""
        self.absorb(self.layer.on_time(now), now)
        while (due := self.timers.pop_due(now)) is not None:
            session, name = due
            session.on_time(name, now)
        self.members.registrar.on_time(now)
        self.mailboxes.subscriptions.on_time(now)
        return self.take(now)

    def take(self, now: float) -> list[AgentOutput]:
        """What is to be done since the last call, in order."""
        while self._deferred:
            self._deferred.popleft()()
        self._outbox += self.members.registrar.take_news()
        outputs, self._outbox = self._outbox, []
        return outputs

    # --- for the rooms of this package ---

    def put(self, *outputs: AgentOutput) -> None:
        self._outbox += outputs

    def defer(self, step: Callable[[], None]) -> None:
        """Run a step after the present one, so that nobody is called back inside its own call."""
        self._deferred.append(step)

    def send(
        self,
        request: Request,
        next_hop: Uri,
        flow: Flow | None,
        outcome: OnOutcome,
        now: float,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> ClientKey | None:
        """Send a request, wherever it gets through; each response and the final fault go to
        `outcome`. None when there is no way at all, which `outcome` hears a little later.

        `is_wanted` is asked before another place is tried.
        """
        try:
            return self.deliveries.send(request, next_hop, flow, outcome, now, is_wanted=is_wanted)
        except UnroutableError as exc:
            self._outbox += unsent(request, flow, str(exc))
            fault = _undelivered(str(exc))
            self.defer(lambda: outcome(fault, now))
            return None

    def await_outcome(self, key: ClientKey, outcome: OnOutcome) -> None:
        self._outcomes[key] = outcome

    def absorb(self, outputs: list[LayerOutput], now: float, flow: Flow | None = None) -> None:
        """Pass on what the transaction layer reported."""
        for output in outputs:
            match output:
                case Transmit():
                    self._outbox.append(output)
                case ResponseArrived(key, response):
                    self._conclude(key, _answered(response, flow), now)
                case RequestTimedOut(key):
                    self._conclude(key, _timed_out(self.settings.timers.give_up), now)
                case RequestFailed(key, reason):
                    self._conclude(key, _undelivered(reason), now)
                case TransactionEnded(key):
                    self._forget_transaction(key)
                case ResponseFailed():
                    self.dropped["undelivered response"] += 1
                case _:
                    pass  # a new request: whoever fed it to the layer goes on with it

    def _conclude(self, key: ClientKey, outcome: Outcome, now: float) -> None:
        is_last = outcome.status >= 300 or (outcome.status >= 200 and key.method != "INVITE")
        handler = self._outcomes.pop(key, None) if is_last else self._outcomes.get(key)
        if handler is not None:
            handler(outcome, now)

    def _forget_transaction(self, key: ClientKey | ServerKey) -> None:
        if isinstance(key, ClientKey):
            self._outcomes.pop(key, None)
            self.deliveries.forget(key)
            return
        held = self._invites.pop(key, None)
        if held is not None:
            held.invites.discard(key)

    def count_dropped(self, why: str) -> None:
        self.dropped[why] += 1

    # --- sessions ---

    def build_incoming(self, incoming: Incoming, replaced: Held | None, user: str = "") -> Held:
        """A session for a received INVITE (of our `user`); MessageError when it makes no dialog."""
        port = SessionPort(self)
        core = incoming_session(port, incoming, self.ids.tag())
        port.attach(core)
        facade = InviteSession(
            core,
            self._enter,
            remote_offer=incoming.sdp,
            peer=incoming.flow.peer,
            replaces=None if replaced is None else replaced.facade,
            user=user,
        )
        return Held(core, facade)

    def begin_incoming(self, held: Held, key: ServerKey, now: float) -> None:
        self.sessions.add(held)
        self.note_invite(key, held)
        held.core.begin(now)
        self.put(SessionBegan(held.facade))

    def note_invite(self, key: ServerKey, held: Held) -> None:
        """Remember whose INVITE this is, for its CANCEL."""
        self._invites[key] = held
        held.invites.add(key)

    def session_of_invite(self, key: ServerKey) -> Held | None:
        return self._invites.get(key)

    def tell(self, core: Session, event: SessionEvent) -> None:
        held = self.sessions.of(core)
        if held is not None:
            self.put(SessionNews(held.facade, event))

    def session_ended(self, core: Session) -> None:
        self.sessions.mark_ended(core)

    def forget(self, core: Session) -> None:
        self.timers.drop(core)
        held = self.sessions.remove(core)
        if held is None:
            return
        for key in held.invites:
            del self._invites[key]  # a CANCEL that still comes has nothing to cancel
        self.put(SessionForgotten(held.facade))


def _answered(response: Response, flow: Flow | None) -> Outcome:
    return Outcome(status=response.status, reason=response.reason, response=response, flow=flow)


def _timed_out(give_up_s: float) -> Outcome:
    reason = f"no response within {give_up_s:g} s"
    return Outcome(status=408, reason=reason, response=None, fault="timeout")


def _undelivered(reason: str) -> Outcome:
    return Outcome(status=503, reason=reason, response=None, fault="transport")
