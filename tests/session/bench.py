"""A registry with fakes around it, and the few steps that most transcripts begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import attrs
import trio
import trio.testing

from runtime.decisions.timeline import Entry
from runtime.legs.leg import Headers
from runtime.mail import RelayedMail
from runtime.net import Direct, Fetcher
from runtime.recognition.embedded import EmbeddedRecogniser
from runtime.recognition.providers import Recognisers
from runtime.session.history import History
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing, Rule
from runtime.session.settings import Ports, SessionSettings
from runtime.session.timeline import TimelineSink
from runtime.session.views import SessionView
from runtime.sockets import SocketClient
from runtime.storage import ApplicationStore
from runtime.testing.faults import Faults
from runtime.testing.web import SimWeb
from tests.session.fakes.leg import FakeDialer, FakeLeg
from tests.session.fakes.media import FakeMedia, FakeSounds, FakeStore
from tests.session.fakes.worker import FakeLauncher, FakeWorker


class NoAssets:
    def open_bytes(self, name: str) -> bytes:
        raise NotImplementedError(name)


@attrs.frozen
class FakeModule:
    name: str
    path: str
    source: str


@attrs.frozen(kw_only=True)
class FakeBundle:
    name: str = "ivr"
    main: str = "ivr"
    modules: Sequence[FakeModule] = (FakeModule("ivr", "ivr.py", "# the script"),)
    version: str = "v1"
    assets: NoAssets = NoAssets()


class MemorySink:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.closed = False

    def write(self, entry: Entry) -> None:
        assert not self.closed
        self.entries.append(entry)

    def close(self) -> None:
        self.closed = True


class Bench:
    """Everything that one test needs."""

    def __init__(
        self, nursery: trio.Nursery, settings: SessionSettings, history: History | None = None
    ) -> None:
        self.media = FakeMedia()
        self.dialer = FakeDialer()
        self.sounds = FakeSounds()
        self.store = FakeStore()
        self.web = SimWeb(trio.current_time, Faults())
        self.launcher = FakeLauncher(nursery)
        self.sinks: dict[str, MemorySink] = {}
        sockets, http = SocketClient(Direct(), self.media, lambda: 7), Fetcher(self.web)
        self.recognisers = Recognisers(
            sockets=sockets,
            media=self.media,
            http=http,
            embedded=EmbeddedRecogniser(lambda _: None),
        )
        numbers = count(1)
        nonces = count(1)
        self.registry = SessionRegistry(
            settings=settings,
            launcher=self.launcher,
            ports=Ports(
                media=self.media,
                dialer=self.dialer,
                sounds=self.sounds,
                recordings=self.store,
                sockets=sockets,
                recognition=self.recognisers,
                http=http,
                mail=RelayedMail(),
                storage=ApplicationStore(wall_time=lambda: 1_700_000_000.0 + trio.current_time()),
            ),
            timelines=self._sink,
            new_id=lambda: f"s{next(numbers)}",
            new_nonce=lambda: f"n{next(nonces)}",
            wall_time=lambda: 1_700_000_000.0 + trio.current_time(),
            history=history,
        )
        self.registry.set_scenarios(Routing.single("ivr", FakeBundle()))

    def _sink(self, session_id: str) -> TimelineSink:
        return self.sinks.setdefault(session_id, MemorySink())

    @property
    def worker(self) -> FakeWorker:
        """Of the newest session."""
        return self.launcher.workers[-1]

    def view(self, session_id: str = "s1") -> SessionView:
        view = self.registry.get(session_id)
        assert view is not None
        return view

    def timeline(self, session_id: str = "s1") -> list[Entry]:
        return self.sinks[session_id].entries

    def lines(self, kind: str, session_id: str = "s1") -> list[str]:
        return [entry.what for entry in self.timeline(session_id) if entry.kind == kind]

    async def quiet(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    async def ring_in(self, number: str = "100", headers: Headers | None = None) -> FakeLeg:
        """An incoming leg, at a session whose script is not ready yet."""
        leg = FakeLeg(incoming=True, number=number, headers=headers)
        self.registry.incoming(leg)
        await self.quiet()
        return leg

    async def alerting(self, **options: Any) -> tuple[FakeLeg, FakeWorker, int]:
        """An incoming leg that the script has been told of."""
        leg = await self.ring_in(**options)
        await self.worker.ready()
        unit = self.worker.last("Application.CallAlerting").fields["call"]["unit"]
        return leg, self.worker, unit

    async def connected(self, **options: Any) -> tuple[FakeLeg, FakeWorker, int]:
        """An incoming leg that was answered."""
        leg, worker, unit = await self.alerting(**options)
        await worker.command("call.answer", unit=unit)
        leg.ack()
        await self.quiet()
        worker.heard.clear()
        worker.events.clear()
        return leg, worker, unit

    async def dialled(self, worker: FakeWorker, unit: int, **options: Any) -> FakeLeg:
        """An outgoing leg that is under way."""
        fields = {"kind": "sip", "to": f"sip:{unit}@127.0.0.1", **options}
        await worker.command("call.create", unit=unit, **fields)
        return self.dialer.legs[-1]

    async def started(self) -> FakeWorker:
        """A session without a caller, ready."""
        await self.registry.start("ivr", "")
        await self.quiet()
        await self.worker.ready()
        return self.worker


@asynccontextmanager
async def bench(
    settings: SessionSettings | None = None, history: History | None = None
) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        made = Bench(nursery, settings or SessionSettings(), history)
        await nursery.start(made.registry.run)
        yield made
        nursery.cancel_scope.cancel()


def conference_routing() -> Routing[Any]:
    rule = Rule(name="rooms", to="room.*", scenario="ivr", conference=True)
    return Routing.ruled([rule], {"ivr": FakeBundle()})
