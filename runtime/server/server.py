"""One runtime from start to end: which parts there are, in which order they start and stop.

Order of start: children, sessions, HTTP, SIP; nothing can be reached before what it needs runs.
Order of stop: no new calls, live ones to the drain deadline, then whatever is left is ended; the
children leave last.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from runtime.applications import Applications
from runtime.applications.secrets import ApplicationSecrets
from runtime.applications.shelf import Shelf
from runtime.applications.users import ApplicationUsers, Registering
from runtime.config import Config
from runtime.control.app import ControlParts, build_app
from runtime.control.listener import ListenError
from runtime.control.live import LiveFeed
from runtime.control.rates import Rates
from runtime.control.sockets import SocketDoor
from runtime.control.tokens import TokenBook
from runtime.decisions.problems import Setup
from runtime.legs.sip.gateway import SipGateway
from runtime.legs.sip.incoming import RefusedCall
from runtime.legs.sip.users import Users, registrations_view
from runtime.media.port import MediaUnavailable, RecordingError
from runtime.sandbox.bundle import BundleError
from runtime.sandbox.launcher import LaunchError
from runtime.server.children import Children
from runtime.server.fault import StartError, leaves
from runtime.server.http_side import HttpSide, is_loopback
from runtime.server.isolation import check_isolation
from runtime.server.machine import raise_descriptor_limit
from runtime.server.records import Records
from runtime.server.sessions import RETRY_AFTER_S, SessionParts, make_registry
from runtime.server.standing import ServerStanding
from runtime.server.telling import Telling
from runtime.session.rules import Routing
from runtime.session.worker import Bundle
from runtime.store import StoreError
from runtime.store.sealing import KeyFault, SealBroken
from sip.address import BoundAddress
from sip.auth import secret_of
from sip.endpoint import ListenError as SipListenError

COMPILE_S: Final = 5.0
"""A script takes some milliseconds; what is not done then is compiled by its sessions."""


@attrs.frozen(kw_only=True)
class Listening:
    """What a started runtime can be reached at."""

    sip: tuple[BoundAddress, ...]
    http: str

    @property
    def ready_line(self) -> str:
        """The one line that `run` prints."""
        listeners = [f"sip={each}" for each in self.sip]
        return " ".join(["callstage ready", *listeners, f"http={self.http}"])


class Server:
    """`run` it; `stop` ends it in an orderly way, a second `stop` at once."""

    def __init__(
        self,
        config: Config,
        routing: Routing[Bundle],
        log: FilteringBoundLogger,
        *,
        dev: bool = False,
    ) -> None:
        """Binds the HTTP address; `dev` serves however scripts are locked. Raises StartError."""
        self.config = config
        self._dev = dev
        self._log, telling = log, Telling(log)
        self.ended = trio.Event()
        self._stopping = trio.Event()
        self._calls = trio.CancelScope()
        self._bound: list[BoundAddress] = []
        try:
            self._http = HttpSide.bind(config, telling)
            url = config.http.url or self._http.listener.url
            self._children = Children.configured(config, url, log)
            logins = [trunk.login for trunk in config.trunk if trunk.login is not None]
            self._users = Users.of(config.registrar, config.users, logins)
            self._records = Records.open(config, self._children.recordings, log)
            self._sip = SipGateway(
                config.sip,
                config.trunk,
                self._children.engine,
                on_refused=self._on_refused_call,
                on_fault=telling.sip_fault,
                rtp=config.rtp,
                users=self._users,
                on_registration=telling.registration,
                routes=config.route,
                warn=log.warning,
                tell=log.info,
            )
        except ListenError as exc:
            raise StartError(Setup.NO_ADDRESS, str(exc)) from exc
        except (StoreError, KeyFault, SealBroken) as exc:
            raise StartError(Setup.NO_STORE, str(exc)) from exc
        except ValueError as exc:
            raise StartError(Setup.BAD_VALUE, str(exc)) from exc
        self._live = LiveFeed(self._records.history)
        self._tokens = TokenBook(self._records.store, config.http.owners)
        store, ring = self._records.store, self._records.ring
        self._secrets = ApplicationSecrets(store, ring, config.secret)
        self._stored_users = self._make_users()
        self.registry = make_registry(self._session_parts(url, telling))
        self._applications = self._make_applications()
        self.registry.set_scenarios(routing)

    def _session_parts(self, url: str, telling: Telling) -> SessionParts:
        return SessionParts(
            config=self.config,
            url=url,
            children=self._children,
            records=self._records,
            sip=self._sip,
            secrets=self._secrets,
            history=self._live,
            on_refusal=telling.refusal,
            log=self._log,
        )

    def _make_applications(self) -> Applications | None:
        config = self.config
        if not config.server.uploads:
            return None
        return Applications(
            store=self._records.store,
            shelf=Shelf(config.data.dir.resolve() / "uploads"),
            registry=self.registry,
            limits=config.application_limits,
            warn=self._log.warning,
        )

    def _make_users(self) -> ApplicationUsers:
        assert self._users.registrar is not None, "made of the configuration"
        registering = Registering(
            realm=self._users.realm,
            algorithms=self._users.registrar.algorithms,
            configured=self._users.configured,
            secret_of=secret_of,
            serve=self._sip.set_users,
            tell_mailbox=self._sip.set_mailbox,
        )
        return ApplicationUsers(
            self._records.store, self._records.ring, registering, warn=self._log.warning
        )

    def _on_refused_call(self, call: RefusedCall) -> None:
        refused = self.registry.refused
        refused.add(call.remote, call.to_uri, call.code, call.reason, call.kind)

    async def run(
        self, *, task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until `stop`. Raises StartError when an address cannot be had."""
        raise_descriptor_limit()
        async with trio.open_nursery() as children:
            await self._start_children(children)
            self._check_isolation()
            self._log.info("audio engine", means=self._children.engine.means)
            async with trio.open_nursery() as services:
                await self._start_services(services)
                task_status.started(Listening(sip=tuple(self._bound), http=self._http.listener.url))
                await self._stopping.wait()
                await self._leave()
                services.cancel_scope.cancel()
            children.cancel_scope.cancel()
        self._tokens.close()
        self._records.store.close()
        self.ended.set()

    async def _start_children(self, nursery: trio.Nursery) -> None:
        try:
            await self._children.start(nursery)
            await self._records.start(nursery)
        except* (MediaUnavailable, RecordingError, LaunchError, StoreError) as group:
            faults = "; ".join(map(str, leaves(group)))
        else:
            return
        raise StartError(Setup.NOT_STARTED, faults)

    def _check_isolation(self) -> None:
        found = self._children.isolation
        why = check_isolation(found, self.config, self._log, dev=self._dev)
        if why is not None:
            raise StartError(Setup.NOT_LOCKED, why)

    async def _start_services(self, nursery: trio.Nursery) -> None:
        await nursery.start(self._own_sessions)
        await self._load_uploads(nursery)
        with trio.move_on_after(COMPILE_S):
            await self._compile_scripts()
            await self._children.zygote.filled()
        config = self.config
        standing = ServerStanding(
            config=config,
            children=self._children,
            sip=self._sip,
            store=self._records.store,
            registry=self.registry,
            bound=lambda: self._bound,
        )
        app = build_app(
            ControlParts(
                registry=self.registry,
                loopback=is_loopback(config),
                tokens=self._tokens,
                rates=Rates(config.http.requests_per_s, config.http.address_requests_per_s),
                timelines=config.data.dir.resolve() / "sessions",
                recording=self._children.recordings.find,
                delete_recording=self._records.upkeep.delete_recording,
                store=self._records.store,
                live=self._live,
                caught_up=self._records.history.caught_up,
                applications=self._applications,
                secrets=self._secrets,
                users=self._stored_users,
                access_bytes=self.config.application_limits.access_request_bytes,
                state=standing.state,
                figures=standing.figures,
                registrations=lambda: registrations_view(
                    self._sip.registrations(), trio.current_time()
                ),
            )
        )
        door = SocketDoor(self.registry.access, self._children.sockets)
        await nursery.start(self._http.serve, app, door)
        self._bound = await nursery.start(self._run_sip)
        if self._users.weak and not self._sip.only_loopback:
            self._log.warning(self._users.weak)

    async def _load_uploads(self, nursery: trio.Nursery) -> None:
        try:
            await self._tokens.load()
            await self._secrets.load()
            await self._stored_users.load()
            if self._applications is not None:
                await self._applications.load()
                await nursery.start(self._applications.run)
        except (StoreError, SealBroken) as exc:
            raise StartError(Setup.NO_STORE, str(exc)) from exc

    async def _compile_scripts(self) -> None:
        """Ahead of their first calls. What does not compile is served too: its callers are told."""
        for bundle in self.registry.routing.bundles.values():
            try:
                await self.registry.compile(bundle)
            except BundleError as exc:
                self._log.error(f"{exc}; calls to it will fail with this reason")

    async def _run_sip(self, *, task_status: trio.TaskStatus[list[BoundAddress]]) -> None:
        try:
            await self._sip.run(self.registry.incoming, task_status=task_status)
        except* SipListenError as group:
            faults = "; ".join(map(str, leaves(group)))
        else:
            return
        raise StartError(Setup.NO_ADDRESS, faults)

    async def _own_sessions(self, *, task_status: trio.TaskStatus[None]) -> None:
        with self._calls:
            await self.registry.run(task_status=task_status)

    def reload_certificates(self) -> None:
        """New connections take what the files of [sip.tls] hold now."""
        self._sip.reload_certificates()

    def stop(self) -> None:
        """Drain; the second time: end live calls now."""
        if self._stopping.is_set():
            self._calls.cancel()
        self._stopping.set()

    async def _leave(self) -> None:
        self._log.info("draining", calls=self.registry.live_calls)
        self._sip.drain(RETRY_AFTER_S)
        await self.registry.drain(self.config.server.drain_timeout_s)
        await self._sip.close()
        await self._http.end()
