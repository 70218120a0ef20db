"""The endpoint's facade: its calls and questions; the rest is its parts'.

Everything runs in one trio thread. Whatever a session is asked takes effect at once; events come by
synchronous callbacks, one after the other. An exception in a callback is reported through
`on_fault` and does no further harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import trio

from sip.address import BoundAddress, ListenAddress, PeerAddress
from sip.agent import (
    Admission,
    ConductReport,
    EndpointSettings,
    Question,
    RefusalReport,
    SipTrace,
)
from sip.auth import Credentials
from sip.dialog import (
    IdSource,
    InviteObserver,
    InviteOrder,
    InviteSession,
    Outcome,
    outbound_proxy,
    own_headers,
)
from sip.driver import Callbacks, Driver, Fault
from sip.mailbox import MailboxState
from sip.message import NameAddr, Request, Uri
from sip.registrar import Binding, RegistrationChanged, User
from sip.transport import (
    DnsNames,
    Names,
    RandomIds,
    TlsSettings,
    WebSocketSettings,
    addresses_of,
)

from .defaults import accept_all, ignore, log_fault, log_notice, shut_out_nobody
from .lifecycle import Lifecycle, Surroundings
from .members import Members


class Endpoint:
    """One SIP endpoint: any number of listeners, one user agent.

    `on_invite` is called for each new call, with 100 sent already; it returns who hears the events
    of the session (None: the call is refused with 480, unless the callback refused it itself).
    `accept` is asked for each peer that is in no dialog with us, `shuts_out` before a datagram is
    read at all; `on_refusal` hears what the endpoint refused by itself, `on_conduct` how peers
    behave, `on_registration` which users come and go, `on_trace` every message, `on_fault` every
    caught exception, `on_notice` what the operator should know. `tls` names the files for TLS;
    changes of them are noticed. `websocket` says which web pages may connect to `ws` and `wss`
    listeners.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        on_invite: Callable[[InviteSession], InviteObserver | None],
        on_trace: Callable[[SipTrace], None] = ignore,
        accept: Callable[[PeerAddress], Admission] = accept_all,
        shuts_out: Callable[[PeerAddress], bool] = shut_out_nobody,
        on_conduct: Callable[[ConductReport], None] = ignore,
        on_registration: Callable[[RegistrationChanged], None] = ignore,
        on_refusal: Callable[[RefusalReport], None] = ignore,
        on_fault: Callable[[Fault], None] = log_fault,
        on_notice: Callable[[str], object] = log_notice,
        tls: TlsSettings | None = None,
        websocket: WebSocketSettings | None = None,
        ids: IdSource | None = None,
        names: Names | None = None,
    ) -> None:
        self._driver = Driver(
            Callbacks(
                on_invite=on_invite,
                on_trace=on_trace,
                accept=accept,
                shuts_out=shuts_out,
                on_conduct=on_conduct,
                on_registration=on_registration,
                on_refusal=on_refusal,
                on_fault=on_fault,
                on_notice=on_notice,
            )
        )
        self._ids = ids or RandomIds()
        self._names = names or DnsNames()
        around = Surroundings(ids=self._ids, names=self._names, tls=tls, websocket=websocket)
        self._life = Lifecycle(self._driver, around)
        self._members = Members(settings, self._driver, self._life)

    async def run(
        self,
        listeners: Sequence[ListenAddress],
        *,
        task_status: trio.TaskStatus[list[BoundAddress]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Bind all listeners, report their real addresses, and serve until cancelled or closed.

        ListenError when one of them cannot be had; then none is. Cancelling it sends nothing more:
        use `close` to take leave of the peers first.
        """
        members = self._members
        await self._life.run(
            members.settings, listeners, prepare=members.join, task_status=task_status
        )

    async def close(self) -> None:
        """BYE, CANCEL or refuse everything, wait a bounded time for the peers, and stop.

        It goes on when its caller is cancelled; doing it twice does no harm.
        """
        await self._life.close()

    def drain(self, retry_after_s: int) -> None:
        """From now on new calls get 503 with Retry-After; those in progress go on."""
        self._life.running("drain").drain(retry_after_s)

    def set_users(self, users: Mapping[str, User]) -> None:
        """Who may register and call from now on, also before `run`; the endpoint needs settings of
        a registrar. Phones of those who are gone or have another secret are forgotten."""
        self._members.set_users(users)

    def set_mailbox(self, user: str, state: MailboxState) -> None:
        """What waits for a user from now on, also before `run`; the phones that have subscribed to
        it are told."""
        self._members.set_mailbox(user, state)

    def reload_certificates(self) -> None:
        """Read the files of `tls` anew, for new connections; `on_notice` hears what came of it."""
        self._life.reload_certificates()

    @property
    def active_sessions(self) -> int:
        """Calls whose observer has not heard Ended."""
        agent = self._life.agent
        return 0 if agent is None else agent.sessions.active

    def footprint(self) -> dict[str, int]:
        """Entries of every table that messages from outside can fill."""
        agent = self._life.agent
        if agent is None:
            return {}
        members = agent.members
        return {
            "sip_sessions": len(agent.sessions),
            "transactions": agent.layer.client_count + agent.layer.server_count,
            "registrations": 0 if members is None else len(members.registrar),
            "subscriptions": len(agent.mailboxes.subscriptions),
            "credentials": 0 if members is None else members.remembered,
        }

    def bindings(self, user: str) -> tuple[Binding, ...]:
        """Where a user can be reached now, the most wanted contact first."""
        return self._members.bindings(user)

    def registrations(self) -> tuple[Binding, ...]:
        """All of them, by user."""
        return self._members.registrations()

    def invite(
        self,
        target: str,
        *,
        sdp: bytes | None,
        from_: NameAddr,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        route: str | None = None,
        may_follow: Callable[[Uri], bool] | None = None,
        over: Binding | None = None,
        call_id: str = "",
        first_response_s: float = 0.0,
        observer: InviteObserver,
    ) -> InviteSession:
        """Call `target`; everything that follows comes to `observer`, and Ended comes last.

        `route` is the URI of an outbound proxy; `may_follow` says which addresses a 3xx may send
        the call on to (by default none); without any response for `first_response_s` (0: 32 s) the
        call ends with 408. `over` is the registration of the called phone: the INVITE goes the way
        by which the phone was heard. `call_id` is for the further branches of a forked call. Raises
        ValueError for a target, route or header that cannot be used, TooManySessionsError at the
        limit, NotRunningError before `run`.
        """
        agent = self._life.running("invite")
        order = InviteOrder(
            target=Uri.parse(target),
            from_=from_,
            sdp=sdp,
            headers=own_headers(headers),
            credentials=credentials,
            route=None if route is None else outbound_proxy(route),
            may_follow=may_follow,
            next_hop=None if over is None else over.next_hop,
            flow=None if over is None else over.flow,
            call_id=call_id,
            first_response_s=first_response_s,
        )
        now = trio.current_time()
        session = agent.invite(order, now)
        self._driver.observe(session, observer)
        # the caller gets its session before the first event of it
        self._driver.carry_out(agent.take(now), deliver=False)
        return session

    async def ask(
        self, request: Request, next_hop: Uri, credentials: Credentials | None = None
    ) -> Outcome:
        """Send a request outside any dialog (`sip.agent.request_outside`) and wait for its final
        outcome: 32 s at most for each place that its name leads to. With `credentials` challenges
        are answered. Raises NotRunningError. Cancelling it forgets the outcome."""
        agent = self._life.running("ask")
        final: list[Outcome] = []
        heard = trio.Event()

        def hear(outcome: Outcome, _: float) -> None:
            final.append(outcome)
            heard.set()

        self._driver.enter(Question(agent, request, next_hop, credentials, hear).ask)
        await heard.wait()
        return final[0]

    async def addresses_of(self, uri: Uri) -> list[str]:
        """Every address from which the servers of the URI's host may call, by the same name servers
        that lead our requests there; empty when they say nothing. It may be asked before `run`."""
        return await addresses_of(self._names, uri)

    @property
    def ids(self) -> IdSource:
        """Where this endpoint's tags and Call-IDs come from."""
        return self._ids
