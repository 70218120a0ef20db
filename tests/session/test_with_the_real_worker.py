"""The session core and the worker's own code, in one process, over the real frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from runtime.mail import RelayedMail
from runtime.net import Direct, Fetcher
from runtime.sandbox.bundle import BundleError
from runtime.sandbox.launcher import InProcessLauncher
from runtime.sandbox.loader import Loader
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing
from runtime.session.settings import Ports, SessionSettings
from runtime.sockets import SocketClient
from runtime.storage import ApplicationStore
from tests.session.bench import Bench, FakeBundle, FakeModule
from tests.session.fakes.leg import FakeLeg


@asynccontextmanager
async def running(script: str) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        made = Bench(nursery, SessionSettings())
        made.registry = SessionRegistry(
            settings=SessionSettings(),
            launcher=InProcessLauncher(nursery),
            ports=Ports(
                media=made.media,
                dialer=made.dialer,
                sounds=made.sounds,
                recordings=made.store,
                sockets=SocketClient(Direct(), made.media, lambda: 7),
                recognition=made.recognisers,
                http=Fetcher(made.web),
                mail=RelayedMail(),
                storage=ApplicationStore(),
            ),
            timelines=made._sink,
            new_id=lambda: "s1",
        )
        bundle = FakeBundle(modules=(FakeModule("ivr", "ivr.py", script),))
        made.registry.set_scenarios(Routing.single("ivr", bundle))
        await nursery.start(made.registry.run)
        yield made
        nursery.cancel_scope.cancel()


GREETING = """
from runtime import VoxEngine, AppEvents, CallEvents, Logger

def on_call(e):
    e.call.addEventListener(CallEvents.PlaybackFinished, VoxEngine.terminate)
    e.call.answer()
    e.call.say("welcome")
    Logger.write("greeted " + e.destination)

VoxEngine.addEventListener(AppEvents.CallAlerting, on_call)
VoxEngine.addEventListener(AppEvents.Terminated, lambda: Logger.write("bye"))
"""


async def test_a_greeting_is_played_and_the_session_ends(autojump_clock: MockClock) -> None:
    async with running(GREETING) as b:
        leg = FakeLeg(incoming=True)
        b.registry.incoming(leg)
        await b.quiet()
        leg.ack()
        await b.quiet()
        b.media.player.start()
        b.media.player.finish()
        await b.quiet()
        assert leg.sent == ["200", "hangup"]
        assert b.lines("log") == ["greeted 100", "bye"]
        assert b.view().state == "ENDED"
        assert b.view().end_cause == "terminated"


async def test_a_script_that_cannot_be_loaded_answers_500(autojump_clock: MockClock) -> None:
    async with running("import nothing_like_it") as b:
        leg = FakeLeg(incoming=True)
        b.registry.incoming(leg)
        await b.quiet()
        assert leg.sent == ["500"]
        assert "nothing_like_it" in leg.reasons[0]
        assert b.view().end_cause == "script-error"


async def test_a_crash_in_a_handler_ends_its_leg_only(autojump_clock: MockClock) -> None:
    script = """
from runtime import VoxEngine, AppEvents, CallEvents, Logger
def on_call(e):
    e.call.addEventListener(CallEvents.Disconnected, lambda e: Logger.write(e.reason))
    e.call.addEventListener(CallEvents.Connected, lambda: 1 / 0)
    e.call.answer()
VoxEngine.addEventListener(AppEvents.CallAlerting, on_call)
"""
    async with running(script) as b:
        leg = FakeLeg(incoming=True)
        b.registry.incoming(leg)
        await b.quiet()
        leg.ack()
        await b.quiet()
        assert leg.sent == ["200", "hangup"]
        assert "ZeroDivisionError" in b.lines("log")[0]
        assert b.view().state == "RUNNING"
        await trio.sleep(61)
        assert b.view().end_cause == "idle"


async def test_compiling_a_bundle_names_file_and_line(autojump_clock: MockClock) -> None:
    async with running("x = 1") as b:
        await b.registry.compile(FakeBundle(modules=(FakeModule("ivr", "ivr.py", "x = 1"),)))
        modules = (FakeModule("ivr", "ivr.py", "x = 1\ny = ("),)
        broken = FakeBundle(modules=modules, version="v2")
        with pytest.raises(BundleError, match=r"ivr.py:2"):
            await b.registry.compile(broken)


async def test_a_session_runs_the_code_that_was_compiled_before(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(loader: Loader, name: str) -> NoReturn:
        raise AssertionError(f"{name} was compiled again")

    async with running("from runtime import *\nLogger.write('ran')") as b:
        (bundle,) = b.registry.routing.bundles.values()
        await b.registry.compile(bundle)
        monkeypatch.setattr(Loader, "_compile", never)
        b.registry.incoming(FakeLeg(incoming=True))
        await b.quiet()
        assert b.lines("log") == ["ran"]


async def test_a_traceback_of_compiled_code_shows_its_source(autojump_clock: MockClock) -> None:
    async with running("x = 1\ny = x / 0  # the line\n") as b:
        (bundle,) = b.registry.routing.bundles.values()
        await b.registry.compile(bundle)
        b.registry.incoming(FakeLeg(incoming=True))
        await b.quiet()
        (error,) = [entry for entry in b.timeline() if entry.kind == "error"]
        assert "y = x / 0  # the line" in error.detail["traceback"]
        assert b.view().end_cause == "script-error"
