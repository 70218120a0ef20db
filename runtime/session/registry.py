"""All sessions of the runtime: takes incoming legs, starts, lists, ends and drains sessions.

The one door for HTTP and the signalling side. A session is entered here before its first task runs
and leaves the list some time after its end, so that it can still be looked at.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs
import trio

from runtime.decisions.breaker import CrashBreaker
from runtime.decisions.failure import Cause, End
from runtime.decisions.family import Family
from runtime.decisions.problems import Calls
from runtime.legs.leg import Leg, LegIdentity
from runtime.session.access_book import AccessBook, Reachable
from runtime.session.history import History, NoHistory
from runtime.session.incoming_sockets import IncomingSockets
from runtime.session.refusals import Refusals, RefusalView
from runtime.session.rounds import Rounds
from runtime.session.rules import DEFAULT_APPLICATION, Match, NoMatch, Number, Routing, Served
from runtime.session.scripts import Scripts
from runtime.session.settings import Ports, SessionSettings
from runtime.session.supervisor import Plan, SessionHost, Surroundings
from runtime.session.tally import Standing, Tally, standing_of
from runtime.session.timeline import Timeline, TimelineSinkFactory
from runtime.session.views import SessionView
from runtime.session.watch import ROUND_S
from runtime.session.worker import Bundle, WorkerLauncher

KEPT_AFTER_END: Final = 200
"""Sessions that can be looked at after their end; older ones are on disk."""
KILL_AFTER_S: Final = 15.0
"""After a drain's time is up: Terminating, Terminated, last recordings; then it is cut."""
Refusal = tuple[Calls, str]
"""Its kind, and what of it is true this time."""


class SessionRefused(Exception):
    """The session cannot be started now."""

    def __init__(self, kind: Calls, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@attrs.frozen
class Finished:
    """What is kept of a session that is over: not its tasks, calls and queues."""

    seen: SessionView
    timeline: Timeline
    family: Family

    def view(self) -> SessionView:
        return self.seen


class SessionRegistry:
    """Owner of all sessions."""

    def __init__(
        self,
        *,
        settings: SessionSettings,
        launcher: WorkerLauncher,
        ports: Ports,
        timelines: TimelineSinkFactory,
        new_id: Callable[[], str],
        new_nonce: Callable[[], str] = lambda: secrets.token_hex(8),
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
        wall_time: Callable[[], float] = time.time,
        on_refusal: Callable[[RefusalView], None] | None = None,
        history: History | None = None,
    ) -> None:
        """`new_token` makes what nobody can guess."""
        self._settings = settings
        self._scripts = Scripts(launcher, settings.limits)
        self._timelines = timelines
        self._new_id = new_id
        self.refused = Refusals(wall_time, on_refusal)
        """Calls and requests before any session, those of the signalling side included."""
        self._served: Served[Bundle] = Served(operator=Routing(bundles={}))
        self._live: dict[str, SessionHost] = {}
        self._over: OrderedDict[str, Finished] = OrderedDict()
        self._conferences: dict[tuple[str, str, str], SessionHost] = {}
        self._breaker = CrashBreaker.of(settings.limits, on=settings.breaker)
        self._rounds = Rounds(ROUND_S)
        self._nursery: trio.Nursery | None = None
        self._draining = False
        self.access = AccessBook(new_token)
        """Where requests from outside find a session."""
        self.tally = Tally(history or NoHistory())
        """What has been."""
        self._changed = trio.Event()
        self._around = Surroundings(
            settings=settings,
            ports=ports,
            launcher=launcher,
            scripts=self._scripts,
            rounds=self._rounds,
            new_nonce=new_nonce,
            wall_time=wall_time,
            draining=lambda: self._draining,
            changed=self._wake,
            history=self.tally,
            ends=self._count_end,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the sessions until cancelled; then every call is hung up and every file finished."""
        async with trio.open_nursery() as others, trio.open_nursery() as nursery:
            others.start_soon(self._rounds.run)
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    # --- what is served -------------------------------------------------------------------------

    def set_scenarios(self, routing: Routing[Bundle]) -> None:
        """What the operator named, for calls from now on; sessions in progress keep what they
        started with."""
        self._serve(attrs.evolve(self._served, operator=routing))

    def set_applications(
        self, applications: Mapping[str, Routing[Bundle]], numbers: Iterable[Number] = ()
    ) -> None:
        """What was uploaded, and whose which number is; as `set_scenarios`."""
        owned = {each.number: each for each in numbers}
        self._serve(attrs.evolve(self._served, applications=dict(applications), numbers=owned))

    def _serve(self, served: Served[Bundle]) -> None:
        self._served = served
        self._scripts.keep(served.versions(lambda bundle: bundle.version))

    @property
    def routing(self) -> Routing[Bundle]:
        """Of what the operator named."""
        return self._served.operator

    @property
    def served(self) -> Served[Bundle]:
        return self._served

    async def compile(self, bundle: Bundle) -> None:
        """Compile a bundle where scripts run, once for all its sessions. Raises BundleError with
        file and line."""
        await self._scripts.compile(bundle, self._new_id())

    # --- sessions begin -------------------------------------------------------------------------

    def incoming(self, leg: Leg) -> None:
        """An incoming leg: a session of its own, a running conference session, or a refusal."""
        found = _destination(leg.identity, self._served, self._live)
        if isinstance(found, NoMatch):
            self._refuse(leg, Calls.NO_RULE, found.explanation)
        elif self._draining:
            self._refuse(leg, Calls.DRAINING, "the runtime is shutting down")
        elif found.conference:
            self._join(leg, found)
        else:
            self._begin(leg, found)

    def _join(self, leg: Leg, found: Match[Bundle]) -> None:
        key = (found.application, found.rule or "", leg.identity.number)
        host = self._conferences.get(key)
        if host is None or not host.takes_callers:
            host = self._begin(leg, found)
            if host is not None:
                self._conferences[key] = host
            return
        limit = self._settings.limits.conference_callers
        if host.context.calls.joined >= limit:
            self._refuse(leg, Calls.CONFERENCE_FULL, f"the conference is full: {limit} callers")
            return
        host.add_caller(leg, joined=True)

    def _begin(self, leg: Leg, found: Match[Bundle]) -> SessionHost | None:
        why = self._no_room(found.scenario, found.bundle)
        if why is not None:
            self._refuse(leg, *why)
            return None
        family = _family(leg.identity.own_session, self._live, self._over)
        looping = family.refuse(self._settings.limits) if leg.identity.own_session else None
        if looping is not None:
            self._refuse(leg, Calls.CALLS_ITSELF, looping)
            return None
        plan = Plan(
            id=self._new_id(),
            scenario=found.scenario,
            bundle=found.bundle,
            rule=found.rule,
            application=found.application,
            custom_data=found.custom_data,
            conference_name=leg.identity.number if found.conference else None,
            family=family,
            access=self.access.new_token(),
        )
        host = self._enter(plan)
        host.add_caller(leg, joined=found.conference)
        self._start(host)
        return host

    async def start(
        self, scenario: str, custom_data: str = "", application: str = DEFAULT_APPLICATION
    ) -> SessionView:
        """A session without a caller. Raises SessionRefused."""
        await trio.lowlevel.checkpoint()
        bundles = self._served.bundles(application)
        bundle = bundles.get(scenario)
        if bundle is None:
            known = ", ".join(sorted(bundles)) or "none"
            raise SessionRefused(
                Calls.NO_SCENARIO, f"there is no scenario {scenario!r}; there are: {known}"
            )
        if self._draining:
            raise SessionRefused(Calls.DRAINING, "the runtime is shutting down")
        plans, most = [h.plan for h in self._live.values()], self._settings.limits.started_sessions
        why = self._no_room(scenario, bundle) or _started_too_many(plans, application, most)
        if why is not None:
            raise SessionRefused(*why)
        plan = Plan(
            id=self._new_id(),
            scenario=scenario,
            bundle=bundle,
            application=application,
            custom_data=custom_data,
            over_http=True,
            access=self.access.new_token(),
        )
        host = self._enter(plan)
        self._start(host)
        return host.view()

    def _no_room(self, scenario: str, bundle: Bundle) -> Refusal | None:
        """Why no session of this can begin now."""
        if len(self._live) >= self.most_sessions:
            return Calls.TOO_MANY_SESSIONS, f"{self.most_sessions} sessions run, the limit"
        why = self._breaker.refusal(scenario, bundle.version, trio.current_time())
        return None if why is None else (Calls.SCENARIO_FAILING, why)

    def _enter(self, plan: Plan) -> SessionHost:
        if plan.id in self._live or plan.id in self._over:
            raise ValueError(f"session id {plan.id!r} was used before; new_id must not repeat")
        timeline = Timeline(
            self._settings.limits,
            self._timelines(plan.id),
            trio.current_time,
            began=trio.current_time(),
        )
        host = SessionHost(plan, self._around, timeline)
        self._live[plan.id] = host
        reachable = Reachable(host.context.access, IncomingSockets(host.context))
        self.access.open(plan.access, reachable)
        return host

    def _start(self, host: SessionHost) -> None:
        if self._nursery is None:
            raise RuntimeError("SessionRegistry.run() must be running before sessions can start")
        self._nursery.start_soon(self._run_session, host)

    async def _run_session(self, host: SessionHost) -> None:
        try:
            await host.run()
        finally:
            self._live.pop(host.plan.id, None)
            self.access.close(host.plan.access)
            for key in [key for key, value in self._conferences.items() if value is host]:
                del self._conferences[key]
            self._over[host.plan.id] = Finished(host.view(), host.timeline, host.plan.family)
            while len(self._over) > KEPT_AFTER_END:
                self._over.popitem(last=False)
            self._wake()

    def _count_end(self, plan: Plan, cause: Cause) -> None:
        self._breaker.ended(plan.scenario, plan.bundle.version, cause, trio.current_time())

    def _refuse(self, leg: Leg, kind: Calls, reason: str) -> None:
        identity, code = leg.identity, kind.status
        headers = {"Retry-After": str(self._settings.retry_after_s)} if code == 503 else {}
        self.refused.add(identity.remote, identity.number, code, reason, kind)
        leg.listen(_nobody_listens)
        leg.reject(code, reason, headers, problem=kind.number)

    # --- sessions seen from outside -------------------------------------------------------------

    def sessions(self) -> list[SessionView]:
        """Live ones, oldest first."""
        return [host.view() for host in self._live.values()]

    def get(self, session_id: str) -> SessionView | None:
        """Live, or one of the last that ended."""
        return host.view() if (host := self._find(session_id)) else None

    def access_url(self, session_id: str) -> str:
        """Of a live session; empty for others. For whoever started it: it is a secret."""
        host = self._live.get(session_id)
        return host.access_url if host is not None else ""

    def timeline(self, session_id: str) -> Timeline | None:
        """To read and to follow."""
        return host.timeline if (host := self._find(session_id)) else None

    @property
    def most_sessions(self) -> int:
        """At once."""
        return self._settings.limits.max_sessions or self._settings.sessions_that_fit

    def standing(self) -> Standing:
        """Sessions and calls now."""
        return standing_of(self._live.values())

    def _find(self, session_id: str) -> SessionHost | Finished | None:
        return self._live.get(session_id) or self._over.get(session_id)

    @property
    def live_calls(self) -> int:
        return sum(len(host.context.calls) for host in self._live.values())

    # --- sessions end ---------------------------------------------------------------------------

    def terminate(self, session_id: str, reason: str = "") -> bool:
        """End a live session in an orderly way; whether there was one."""
        host = self._live.get(session_id)
        if host is None:
            return False
        host.end(End(Cause.OPERATOR, reason))
        return True

    @property
    def draining(self) -> bool:
        return self._draining

    async def drain(self, timeout_s: float) -> None:
        """Take no new sessions and calls; return when the last session is over.

        Live calls have `timeout_s` to end by themselves, then they are hung up.
        """
        self._draining = True
        with trio.move_on_after(timeout_s):
            while self.live_calls:
                await self._changed.wait()
        for host in list(self._live.values()):
            host.end(End(Cause.SHUTDOWN, "the runtime is shutting down"))
        with trio.move_on_after(KILL_AFTER_S):
            while self._live:
                await self._changed.wait()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _destination(
    identity: LegIdentity, served: Served[Bundle], live: Mapping[str, SessionHost]
) -> Match[Bundle] | NoMatch:
    """What takes a call; one of our own to a shared session is looked for where it came from."""
    if not identity.to_conference:
        return served.choose(identity.number, identity.application)
    host = live.get(identity.own_session)
    if host is None:
        return NoMatch("the session that called this conference is over")
    return served.conference(identity.number, host.plan.application)


def _family(caller: str, live: Mapping[str, SessionHost], over: Mapping[str, Finished]) -> Family:
    """Of the session that placed the call; a new one for everybody else's calls."""
    if (host := live.get(caller)) is not None:
        return host.plan.family
    return over[caller].family if caller in over else Family()


def _nobody_listens(_: object) -> None:
    """The refused leg still reports its end."""


def _started_too_many(plans: Sequence[Plan], application: str, limit: int) -> Refusal | None:
    started = sum(plan.over_http and plan.application == application for plan in plans)
    if started < limit:
        return None
    return Calls.TOO_MANY_STARTED, f"{limit} sessions started over HTTP run, the limit"
