"""Drives the user agent: stamps the time, carries out what it asks for, delivers its news.

The order is always: first everything to be sent, then the events, one after the other, never inside
each other. Exceptions of the owner's callbacks are caught here and reported; so is a fault of the
core itself, because one message must not end all calls.
"""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec

import attrs
import trio

from sip.address import BoundAddress, Destination, Flow, PeerAddress
from sip.agent import (
    Admission,
    AgentOutput,
    ConductReport,
    Locate,
    Refusal,
    RefusalReport,
    SessionBegan,
    SessionForgotten,
    SessionNews,
    SipTrace,
    UserAgent,
    not_delivered,
)
from sip.dialog import (
    InviteObserver,
    InviteSession,
    ReplaceableObserver,
    SessionEvent,
    SessionStateError,
)
from sip.message import Message, MessageError
from sip.registrar import RegistrationChanged
from sip.transaction import ClientKey, Transmit
from sip.transport import TransportHub

_P = ParamSpec("_P")
_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Fault:
    """An exception that was caught at the endpoint's edge."""

    where: str
    error: Exception
    traceback: str


@attrs.frozen(kw_only=True)
class Callbacks:
    """What the owner of the endpoint wants to be asked and told."""

    on_invite: Callable[[InviteSession], InviteObserver | None]
    on_trace: Callable[[SipTrace], None]
    accept: Callable[[PeerAddress], Admission]
    shuts_out: Callable[[PeerAddress], bool]
    on_conduct: Callable[[ConductReport], None]
    on_registration: Callable[[RegistrationChanged], None]
    on_refusal: Callable[[RefusalReport], None]
    on_fault: Callable[[Fault], None]
    on_notice: Callable[[str], object]


class Driver:
    """Between one user agent, its transports (it is their receiver) and its owner."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._agent: UserAgent | None = None
        self._hub: TransportHub | None = None
        self._observers: dict[InviteSession, InviteObserver] = {}
        self._effects: deque[AgentOutput] = deque()
        self._news: deque[SessionBegan | SessionNews | SessionForgotten] = deque()
        self._carrying_out = False
        self._delivering = False
        self._timer_scope: trio.CancelScope | None = None
        self.progress = trio.Event()
        """Set, and replaced, whenever news were delivered."""

    def attach(self, agent: UserAgent, hub: TransportHub) -> None:
        self._agent = agent
        self._hub = hub

    def detach(self) -> None:
        """The sockets are gone; the core may still be asked, nothing goes out any more."""
        self._hub = None

    def observe(self, session: InviteSession, observer: InviteObserver) -> None:
        self._observers[session] = observer

    # --- the core ---

    def enter(self, step: Callable[[float], None]) -> None:
        """Run one step of the owner's now, and carry out what comes of it."""
        agent = self._agent
        assert agent is not None, "sessions exist only while there is an agent"
        now = trio.current_time()
        try:
            step(now)
        finally:
            self.carry_out(agent.take(now))

    def _feed(
        self, step: Callable[_P, list[AgentOutput]], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        """Feed the core from outside."""
        try:
            outputs = step(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001  a fault in the core: recorded, the rest goes on
            self.crashed(exc, "user agent")
            outputs = [] if self._agent is None else self._agent.take(trio.current_time())
        self.carry_out(outputs)

    def carry_out(self, outputs: Iterable[AgentOutput], *, deliver: bool = True) -> None:
        """Send everything, then deliver the news; what these cause waits for its turn.

        Without `deliver` the timer task delivers them, as soon as the caller gives way.
        """
        self._effects.extend(outputs)
        if self._carrying_out:
            return
        self._carrying_out = True
        try:
            while self._effects:
                self._perform(self._effects.popleft())
        finally:
            self._carrying_out = False
        self._set_timer()
        if deliver:
            self._deliver_news()
        elif self._news and self._timer_scope is not None:
            self._timer_scope.deadline = trio.current_time()

    def _perform(self, output: AgentOutput) -> None:
        match output:
            case Transmit():
                if self._hub is not None:
                    self._hub.send(output)
            case Locate():
                if self._hub is not None:
                    self._hub.locate(output.key, output.lookup, output.seed)
            case SipTrace():
                self._report(self._callbacks.on_trace, output)
            case RefusalReport():
                self._report(self._callbacks.on_refusal, output)
            case ConductReport():
                self._report(self._callbacks.on_conduct, output)
            case RegistrationChanged():
                self._report(self._callbacks.on_registration, output)
            case _:
                self._news.append(output)

    # --- the owner ---

    def _deliver_news(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._news:
                item = self._news.popleft()
                match item:
                    case SessionBegan(session):
                        self._offer(session)
                    case SessionNews(session, event):
                        self._tell(session, event)
                    case SessionForgotten(session):
                        self._observers.pop(session, None)
        finally:
            self._delivering = False
        self.progress.set()
        self.progress = trio.Event()

    def _offer(self, session: InviteSession) -> None:
        """Ask the owner who hears this call."""
        if session.replaces is not None:
            self._replace(session, self._observers.get(session.replaces))
            return
        try:
            observer = self._callbacks.on_invite(session)
        except Exception as exc:  # noqa: BLE001  the application's fault: report it, refuse the call
            self.crashed(exc, f"on_invite({session!r})")
            self._give_back(session)
            return
        if observer is not None:
            self._observers[session] = observer
        elif not session.is_over:
            session.hangup(reason="no application took the call")

    def _replace(self, session: InviteSession, observer: InviteObserver | None) -> None:
        """Ask whoever hears the call that is to be replaced."""
        if not isinstance(observer, ReplaceableObserver):
            if not session.is_over:
                session.reject(603, "this call cannot be replaced")
            return
        self._observers[session] = observer
        try:
            observer.on_replacement(session)
        except Exception as exc:  # noqa: BLE001  the application's fault: report it, refuse the call
            self.crashed(exc, f"on_replacement({session!r})")
            self._give_back(session)

    def _give_back(self, session: InviteSession) -> None:
        reason = "the application failed to take the call"
        try:
            session.reject(500, reason)
        except SessionStateError:
            session.hangup(reason=reason)  # it was answered before the failure

    def _tell(self, session: InviteSession, event: SessionEvent) -> None:
        observer = self._observers.get(session)
        if observer is None:
            return
        try:
            observer.on_sip_event(session, event)
        except Exception as exc:  # noqa: BLE001  the application's fault: report it, go on
            self.crashed(exc, f"on_sip_event({session!r}, {type(event).__name__})")

    def _report(self, callback: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001  a reporter's fault must not stop the signalling
            self.crashed(exc, getattr(callback, "__name__", "callback"))

    def _shuts_out(self, peer: PeerAddress) -> bool:
        try:
            return self._callbacks.shuts_out(peer)
        except Exception as exc:  # noqa: BLE001  it is read, then, and the gate asked
            self.crashed(exc, f"shuts_out({peer})")
            return False

    def ask_gate(self, peer: PeerAddress) -> Admission:
        try:
            return self._callbacks.accept(peer)
        except Exception as exc:  # noqa: BLE001  a gate that fails stays closed
            self.crashed(exc, f"accept({peer})")
            return Refusal(status=500, reason="the gate failed")

    def crashed(self, error: Exception, where: str = "transport") -> None:
        text = "".join(traceback.format_exception(error))
        try:
            self._callbacks.on_fault(Fault(where=where, error=error, traceback=text))
        except Exception:  # noqa: BLE001  the last resort: nobody else is left to tell
            _log.exception("on_fault failed for: %s\n%s", where, text)

    # --- time ---

    async def keep_time(self, agent: UserAgent) -> None:
        """The one timer task: sleeps until the core's next deadline, wherever it moves."""
        while True:
            self._deliver_news()  # of calls that began before this task did
            with trio.CancelScope() as self._timer_scope:
                self._set_timer()
                await trio.sleep_forever()
            self._feed(agent.on_time, trio.current_time())

    def _set_timer(self) -> None:
        if self._timer_scope is not None and self._agent is not None:
            at = self._agent.next_timeout()
            self._timer_scope.deadline = float("inf") if at is None else at

    # --- what the transports tell (sip.transport.Receiver) ---

    def datagram(self, data: bytes, flow: Flow) -> None:
        if self._agent is not None and not self._shuts_out(flow.peer):
            self._feed(self._agent.receive_datagram, data, flow, trio.current_time())

    def message(self, message: Message, flow: Flow) -> None:
        if self._agent is not None:
            self._feed(self._agent.receive_message, message, flow, trio.current_time())

    def fault(self, error: MessageError, data: bytes, flow: Flow) -> None:
        if self._agent is not None:
            self._feed(self._agent.receive_fault, error, data, flow, trio.current_time())

    def sent(self, output: Transmit, local: BoundAddress, remote: PeerAddress) -> None:
        self._report(
            self._callbacks.on_trace,
            SipTrace(
                direction="out",
                transport=remote.transport,
                local=local,
                remote=remote,
                data=output.data,
                call_id=output.call_id,
                summary=output.summary,
                retransmission=output.retransmission,
            ),
        )

    def sent_on(self, key: ClientKey, flow: int) -> None:
        if self._agent is not None:
            self._agent.sent_on(key, flow)

    def undelivered(self, output: Transmit, reason: str) -> None:
        self._report(self._callbacks.on_trace, not_delivered(output, reason))
        if self._agent is not None and output.transaction is not None:
            key = output.transaction
            self._feed(self._agent.transport_failed, key, reason, trio.current_time())

    def located(self, key: ClientKey, found: Sequence[Destination], reason: str) -> None:
        if self._agent is not None:
            self._feed(self._agent.located, key, found, reason, trio.current_time())

    def returned(self, data: bytes, reason: str) -> None:
        if self._agent is not None:
            self._feed(self._agent.returned, data, reason, trio.current_time())

    def flow_opened(self, flow: Flow) -> None:
        if self._agent is not None:
            self._agent.flow_opened(flow)

    def flow_closed(self, flow: int, reason: str, peer: PeerAddress | None) -> None:
        if self._agent is not None:
            if peer is not None and self._agent.uses_flow(flow):
                self.notice(f"the connection with {peer} is gone, and calls were on it: {reason}")
            self._feed(self._agent.flow_closed, flow, reason, trio.current_time())

    def needs_flow(self, flow: int) -> bool:
        return self._agent is not None and self._agent.uses_flow(flow)

    def welcomes(self, peer: PeerAddress) -> bool:
        admission = self.ask_gate(peer)
        if not isinstance(admission, Refusal):
            return True
        if admission.status:
            self.turned_away(peer, "connection", admission.detail or admission.reason)
        return False

    def turned_away(self, peer: PeerAddress, what: str, why: str) -> None:
        report = RefusalReport(what=what, why=why, status=0, peer=peer, call_id=None)
        self._report(self._callbacks.on_refusal, report)

    def notice(self, text: str) -> None:
        self._report(self._callbacks.on_notice, text)
