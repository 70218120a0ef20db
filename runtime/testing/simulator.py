"""Sim: a whole runtime without network, audio and waiting, for tests of scenarios.

It loads a scenario exactly as production does (bundle, worker, session, routing, limits); only the
edges are simulated: legs, audio, sound files, recordings and time. Everything runs in one process
on trio's clock; with a mock clock that jumps, an hour-long call takes milliseconds.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import trio
import trio.testing

from runtime.api.event_constants import SPACES
from runtime.api.events import by_name
from runtime.api.names import unknown
from runtime.decisions.secrets import make_secret
from runtime.legs.leg import Headers, LegIdentity
from runtime.sandbox.bundle import MAIN, load_bundle, make_bundle
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing, Rule
from runtime.session.views import SessionView
from runtime.session.worker import Bundle
from runtime.testing.agenda import Agenda, Signal
from runtime.testing.callers import SimCallee, SimCaller
from runtime.testing.chronicle import Chronicle, SimEvent
from runtime.testing.dialer import DialScript, Refusal, SimDialer, play
from runtime.testing.ending import finish
from runtime.testing.faults import Faults
from runtime.testing.headers import visible
from runtime.testing.legs import NO_HEADERS, SimLeg
from runtime.testing.looking import Looking
from runtime.testing.outsiders import SimResponse, ask, knock
from runtime.testing.peers import WAIT_S, NotHeard
from runtime.testing.post import SimPost
from runtime.testing.simulated_runtime import Edges, SimulatedRuntime, rules_of
from runtime.testing.socket_world import SimSockets
from runtime.testing.sockets import SimSocket
from runtime.testing.symbolic_media import SymbolicMedia
from runtime.testing.symbolic_recordings import SymbolicRecordings
from runtime.testing.symbolic_sounds import SymbolicSounds
from runtime.testing.web import SimWeb

DEFAULT_SCENARIO: Final = "scenario.py"
DEFAULT_NUMBER: Final = "+442079460001"
"""A number that is kept free for films."""
DEFAULT_TO: Final = "100"
EVENT_NAMES: Final = frozenset(name for space in SPACES for name in by_name(space))


class Sim(Looking):
    """One simulated runtime. In tests it is the fixture `sim`; elsewhere see run_simulation."""

    def __init__(self, folder: Path) -> None:
        self.agenda = Agenda()
        self.faults = Faults()
        self.chronicle = Chronicle(self.agenda.now, self.faults)
        self.media = SymbolicMedia(self.agenda)
        self.recorded = SymbolicRecordings(self.agenda)
        self.http = SimWeb(self.agenda.now, self.faults)
        self.sounds = SymbolicSounds(self.recorded.seconds_of)
        self.sockets = SimSockets(self.media, self, self.faults, self.agenda.now)
        self.post = SimPost()
        self.dialer = SimDialer(self.agenda, self.media, self, self._start_script)
        self.callers: list[SimCaller] = []
        self.folder = folder
        self._may_leave_open = False
        self._calls_from: Counter[str] = Counter()
        self.runtime = SimulatedRuntime(_edges(self), self.agenda.now)

    # --- setting up ---

    def load(self, *scenarios: str, conference: bool = False, custom_data: str = "") -> None:
        """Use these scenarios: a .py file or folder (relative to the test file), or "module:NAME".

        One takes every call; of several, the dialled number is the scenario's name. `conference`:
        all callers share one session. `custom_data` is what VoxEngine.customData() gives to
        sessions that calls begin. Without `load`: scenario.py beside the test. New calls only.
        """
        bundles = [self._bundle(scenario) for scenario in scenarios]
        named = {bundle.name: bundle for bundle in bundles}
        self._route(named, conference=conference, custom_data=custom_data)

    def load_text(
        self, source: str, *, conference: bool = False, custom_data: str = "", **modules: str
    ) -> None:
        """Use a scenario that stands in the test itself; `modules` are what it can import, the
        rest is as for `load`."""
        text = {name: dedent(code) for name, code in {**modules, MAIN: source}.items()}
        bundle = make_bundle(MAIN, text, folder=self.folder)
        self._route({MAIN: bundle}, conference=conference, custom_data=custom_data)

    def load_rules(self, *rules: Rule) -> None:
        """Route by rules, as the configuration file does: the first whose `to` matches the whole
        dialled number takes the call. Each names its scenario as `load` does."""
        bundles = {rule.scenario: self._bundle(rule.scenario) for rule in rules}
        self.runtime.route(Routing[Bundle].ruled(rules, bundles))

    def configure(self, **settings: Any) -> None:
        """Change settings of the runtime before the first call: on_error="session",
        limits=Limits(idle_session_s=5, players=2) ... (runtime/session/settings.py)."""
        self.runtime.configure(settings)

    def set_time(self, time: datetime) -> None:
        """What time it is when the simulation begins, for VoxEngine.now(); before the first call.
        Without it: Wednesday 1 July 2026, 10:00 UTC."""
        self.runtime.set_time(time)

    def set_secret(self, name: str, value: str, *, hosts: Sequence[str]) -> None:
        """A [[secret]] of the operator's, before the first call: VoxEngine.getSecretValue(name)."""
        self.runtime.add_secret(make_secret(name, value, hosts))

    def expect_call(self, to: str = "*") -> SimCallee:
        """Somebody whom the scenario is going to call (`*`: anything), who does what the test tells
        him (`await callee.invited()`, ...); no call fails the test."""
        return self.dialer.expect(to)

    def expect_socket(self, url: str = "*") -> SimSocket:
        """A server that the scenario is going to open a WebSocket to; `*` matches anything."""
        return self.sockets.expect(url)

    def on_dial(self, to: str, script: DialScript | Refusal) -> None:
        """What everybody does whom the scenario calls at this number or URI: answers(), rings(),
        busy(), rejects(), silent(), refused(), or an async function that is given the callee.
        Without it a phone rings and nobody answers."""
        if not isinstance(script, Refusal) and not inspect.iscoroutinefunction(script):
            raise TypeError(
                f"on_dial({to!r}): what somebody does is answers(), busy(), rejects() ... or an "
                f"async function, not {script!r}"
            )
        self.dialer.on_dial(to, script)

    def set_user(self, name: str, *, online: bool = True) -> None:
        """A user for callUser: offline is 480 at once; with users set, anybody else is 404."""
        self.dialer.set_user(name, online=online)

    def expect_error(self, pattern: str) -> None:
        """The script is going to fail with an error whose text matches; the test fails if not."""
        self.faults.expect(pattern)

    def leave_open(self) -> None:
        """Do not complain about calls and sessions that are still up when the test ends."""
        self._may_leave_open = True

    # --- acting ---

    async def call(
        self,
        to: str = DEFAULT_TO,
        number: str = DEFAULT_NUMBER,
        *,
        display_name: str = "",
        headers: Headers = NO_HEADERS,
        uri: str = "",
        user: str = "",
    ) -> SimCaller:
        """Somebody (or a `user` of ours) calls `to`; returns at once, while it is alerting."""
        registry, number = await self._registry(), user or number
        caller = SimCaller(self._caller_name(number), self)
        identity = LegIdentity(
            number=to,
            callerid=number,
            display_name=display_name,
            from_uri=f"sip:{number}@{'callstage' if user else 'caller.sim'}",
            client_type="user" if user else "sip",
            to_uri=uri or f"sip:{to}@callstage.sim",
            headers=visible(headers),
            remote="simulated",
        )
        media = await self.media.open_leg()
        leg = SimLeg(
            identity=identity,
            incoming=True,
            media=media,
            agenda=self.agenda,
            invite_headers=headers,
        )
        caller.places(leg)
        self.callers.append(caller)
        registry.incoming(leg)
        return caller

    async def start(self, custom_data: str = "", *, scenario: str = "") -> SessionView:
        """Start a session as HTTP does, without a call; `scenario` where several are loaded."""
        registry = await self._registry()
        names = list(registry.routing.bundles)
        return await registry.start(scenario or names[0], custom_data)

    async def request(
        self,
        path: str = "",
        *,
        session: SessionView | None = None,
        method: str = "GET",
        content: object = b"",
        headers: Headers = NO_HEADERS,
    ) -> SimResponse:
        """Somebody asks at a session's access URL (that of the only one that runs) and waits for
        the answer. `path` is what follows it, or a whole URL that the script gave away; `content`
        text, bytes, or anything else as JSON."""
        registry = await self._registry()
        url = path if path.startswith("http") else self.access_url(session) + path
        self.note("somebody", f"asks {method} {path or '(the access URL)'}")
        return await ask(registry.access, url, method, content, headers)

    async def connect(
        self,
        path: str = "",
        *,
        session: SessionView | None = None,
        headers: Headers = NO_HEADERS,
    ) -> SimSocket:
        """Somebody opens a WebSocket at a session's access URL; returns at once: wait for
        `opened()`, or for why it is `refused()`."""
        registry = await self._registry()
        client = SimSocket("client", self)
        url = path if path.startswith("http") else self.access_url(session) + path
        self.note(client.name, f"comes to {path or '(the access URL)'}")
        visit = partial(knock, registry.access, url, headers, client, self.media)
        self.runtime.start_soon(visit)
        return client

    def access_url(self, session: SessionView | None = None) -> str:
        """Where a session (the only one that runs) can be asked; its script has it from Started."""
        running = self.sessions if session is None else [session]
        if len(running) != 1:
            raise LookupError(f"{len(running)} sessions run; say session=... which")
        return self.runtime.access_url(running[0])

    def terminate(self, session: SessionView) -> None:
        """End a session as an operator does."""
        self.runtime.terminate(session)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass; everything that is due happens on the way."""
        await trio.sleep(seconds)
        self.faults.check()

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await trio.testing.wait_all_tasks_blocked()
        self.faults.check()

    async def happens(self, event: str, *, count: int = 1, within: float = WAIT_S) -> SimEvent:
        """Wait until the scenario is sent this event ("Call.Connected") the `count`-th time."""
        __tracebackhide__ = True
        if event not in EVENT_NAMES:
            raise ValueError(unknown("happens(): there is no event", event, EVENT_NAMES))
        with trio.move_on_after(within):
            while True:
                await self.settle()
                found = [one for one in self.events if one.name == event]
                if len(found) >= count:
                    return found[count - 1]
                await self.chronicle.signal.wait()
        names = ", ".join(dict.fromkeys(one.name for one in self.events))
        raise NotHeard(
            f"{event} did not happen within {within:g} s; what did: {names or 'nothing'}"
        )

    def forget(self) -> None:
        """Drop the record of what is over: people, timeline, recordings, requests. For simulations
        of many thousands of calls, whose memory it would fill."""
        self.callers = [one for one in self.callers if one.end is None]
        self._calls_from.clear()
        self.dialer.forget()
        self.chronicle.rows.clear()
        self.recorded.forget()
        self.sounds.fetched.clear()
        self.http.requests.clear()

    # --- what people need (peers.Stage) ---

    def note(self, who: str, what: str) -> None:
        self.chronicle.note(who, what)

    def watch(self, signal: Signal) -> None:
        self.faults.watch(signal)

    def check(self) -> None:
        __tracebackhide__ = True
        self.faults.check()

    # --- life ---

    async def open(self, nursery: trio.Nursery) -> None:
        """Begin; everything runs in `nursery` until it is cancelled."""
        await self.runtime.open(nursery)
        nursery.start_soon(self.agenda.run)

    def freeze(self) -> None:
        """Write nothing more into the timeline: what follows is only the clearing away."""
        self.chronicle.frozen = True

    async def finish(self) -> None:
        """After the test: everything comes to its end, and nothing is left (ending.finish)."""
        __tracebackhide__ = True
        self.faults.check()
        if not self._may_leave_open:
            await finish(self)

    async def _registry(self) -> SessionRegistry:
        if not self.runtime.routed:
            self.load(DEFAULT_SCENARIO)
        return await self.runtime.registry()

    def _route(self, bundles: dict[str, Bundle], *, conference: bool, custom_data: str) -> None:
        rules = (
            rules_of(list(bundles), conference, custom_data) if conference or custom_data else []
        )
        self.runtime.route(Routing[Bundle].ruled(rules, bundles))

    def _bundle(self, scenario: str) -> Bundle:
        if scenario.startswith("module:"):
            return load_bundle(scenario)
        return load_bundle(str(self.folder / scenario))

    def _caller_name(self, number: str) -> str:
        self._calls_from[number] += 1
        same = self._calls_from[number]
        return f"caller {number}" + (f" #{same}" if same > 1 else "")

    def _start_script(self, script: DialScript, callee: SimCallee) -> None:
        self.runtime.start_soon(partial(play, script, callee))


def _edges(sim: Sim) -> Edges:
    """What production's core meets instead of the world."""
    return Edges(
        media=sim.media,
        dialer=sim.dialer,
        sounds=sim.sounds,
        recordings=sim.recorded,
        http=sim.http,
        sockets=sim.sockets,
        mail=sim.post,
        timelines=sim.chronicle.sink,
    )
