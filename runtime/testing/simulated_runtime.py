"""The production core of a simulation: registry, sessions and workers, wired to simulated edges."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, get_args
from weakref import WeakSet

import attrs
import trio

from runtime.api.names import unknown
from runtime.decisions.failure import OnError, OnFailure
from runtime.decisions.limits import Limits
from runtime.decisions.secrets import Secret
from runtime.legs.leg import Dialer
from runtime.mail import MailPort
from runtime.media.port import MediaPort, RecordingStore
from runtime.media.sounds.sound_port import SoundLibrary
from runtime.net import Fetcher, Transport
from runtime.sandbox.launcher import InProcessLauncher, WorkerProcess
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing, Rule
from runtime.session.settings import Ports, SessionSettings
from runtime.session.timeline import TimelineSinkFactory
from runtime.session.views import SessionView
from runtime.session.worker import Bundle
from runtime.sockets import SocketPort
from runtime.storage import ApplicationStore
from runtime.testing.outsiders import access_url
from runtime.testing.recognition import RECOGNISER_URL, SimRecognisers

DEFAULT_TIME: Final = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
"""A Wednesday morning, so that office hours do not depend on when the tests run."""
CHOICES: Final = {"on_error": get_args(OnError), "on_failure": get_args(OnFailure)}


@attrs.frozen(kw_only=True)
class Edges:
    """What is simulated around the core."""

    media: MediaPort
    dialer: Dialer
    sounds: SoundLibrary
    recordings: RecordingStore
    http: Transport
    sockets: SocketPort
    mail: MailPort
    timelines: TimelineSinkFactory


class SimulatedRuntime:
    """Makes the registry at the first call, with what was configured until then."""

    def __init__(self, edges: Edges, now: Callable[[], float]) -> None:
        self._edges = edges
        self._now = now
        self._settings = SessionSettings(recogniser=RECOGNISER_URL, access_url=access_url)
        self._epoch = DEFAULT_TIME.timestamp()
        self._routing: Routing[Bundle] | None = None
        self._registry: SessionRegistry | None = None
        self._nursery: trio.Nursery | None = None
        self._workers: trio.Nursery | None = None
        self._launcher: Launcher | None = None
        self._people: trio.Nursery | None = None

    async def open(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._workers = await nursery.start(_own_nursery)
        self._people = await nursery.start(_own_nursery)

    @property
    def routed(self) -> bool:
        return self._routing is not None

    @property
    def sessions(self) -> list[SessionView]:
        """Those that are running."""
        return self._registry.sessions() if self._registry else []

    @property
    def tasks(self) -> list[str]:
        """Tasks of workers and of called people, which are none when nothing goes on."""
        nurseries = [nursery for nursery in (self._workers, self._people) if nursery is not None]
        return [task.name for nursery in nurseries for task in nursery.child_tasks]

    def configure(self, settings: dict[str, Any]) -> None:
        self._not_yet("configure()")
        known = attrs.fields_dict(SessionSettings)
        for name, value in settings.items():
            if name not in known:
                raise TypeError(unknown("configure() has no setting", name, known))
            if name in CHOICES and value not in CHOICES[name]:
                choices = " or ".join(map(repr, CHOICES[name]))
                raise ValueError(f"configure(): {name} must be {choices}, not {value!r}")
        if not isinstance(settings.get("limits", self._settings.limits), Limits):
            kind = type(settings["limits"]).__name__
            raise TypeError(f"configure(): limits must be Limits(...), not {kind}")
        self._settings = attrs.evolve(self._settings, **settings)

    def add_secret(self, secret: Secret) -> None:
        self._not_yet("set_secret()")
        self._settings = attrs.evolve(self._settings, secrets=(*self._settings.secrets, secret))

    def set_time(self, time: datetime) -> None:
        self._not_yet("set_time()")
        self._epoch = time.timestamp()

    def _not_yet(self, what: str) -> None:
        if self._registry is not None:
            raise RuntimeError(f"{what}: the first call was placed already; do it before")

    def route(self, routing: Routing[Bundle]) -> None:
        """For calls from now on."""
        self._routing = routing
        if self._registry is not None:
            self._registry.set_scenarios(routing)

    async def registry(self) -> SessionRegistry:
        """The running registry."""
        if self._registry is None:
            self._registry = await self._make()
        return self._registry

    async def _make(self) -> SessionRegistry:
        if self._nursery is None or self._workers is None or self._routing is None:
            raise RuntimeError(
                "the simulation is not running: use the fixture `sim` in an async test function "
                "(async def test_...), or runtime.testing.run_simulation"
            )
        self._launcher = Launcher(self._workers)
        ids, nonces, tokens = count(1), count(1), count(1)
        registry = SessionRegistry(
            settings=self._settings,
            launcher=self._launcher,
            ports=Ports(
                media=self._edges.media,
                dialer=self._edges.dialer,
                sounds=self._edges.sounds,
                recordings=self._edges.recordings,
                http=Fetcher(self._edges.http),
                sockets=self._edges.sockets,
                recognition=SimRecognisers(self._edges.sockets),
                mail=self._edges.mail,
                storage=ApplicationStore(wall_time=lambda: self._epoch + self._now()),
            ),
            timelines=self._edges.timelines,
            new_id=lambda: f"s{next(ids)}",
            new_nonce=lambda: str(next(nonces)),
            new_token=lambda: f"secret-of-session-{next(tokens)}",
            wall_time=lambda: self._epoch + self._now(),
        )
        await self._nursery.start(registry.run)
        registry.set_scenarios(self._routing)
        return registry

    def access_url(self, session: SessionView) -> str:
        """Empty when it has ended."""
        return self._registry.access_url(session.id) if self._registry else ""

    def terminate(self, session: SessionView) -> None:
        if self._registry is not None:
            self._registry.terminate(session.id, "ended by the test")

    def lose_workers(self) -> None:
        """The processes of all scripts die, as by kill -9."""
        if self._launcher is not None:
            self._launcher.lose_all()

    def start_soon(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A task of the people in the simulation."""
        if self._people is not None:
            self._people.start_soon(run)


class Launcher(InProcessLauncher):
    """Knows the workers that are running."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__(nursery)
        self._running = WeakSet[WorkerProcess]()

    async def launch(self, session_id: str) -> WorkerProcess:
        worker = await super().launch(session_id)
        self._running.add(worker)
        return worker

    def lose_all(self) -> None:
        for worker in self._running:
            worker.kill()


async def _own_nursery(
    *, task_status: trio.TaskStatus[trio.Nursery] = trio.TASK_STATUS_IGNORED
) -> None:
    """A nursery whose tasks can be counted apart from the kit's own."""
    async with trio.open_nursery() as nursery:
        task_status.started(nursery)
        await trio.sleep_forever()


def rules_of(names: list[str], conference: bool, custom_data: str) -> list[Rule]:
    """The only scenario takes every call; of several the dialled number is the name."""
    return [
        Rule(
            name=name,
            to=".*" if len(names) == 1 else re.escape(name),
            scenario=name,
            conference=conference,
            custom_data=custom_data,
        )
        for name in names
    ]
