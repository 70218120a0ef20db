"""The session core and the worker's own code, in one process, over the real frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from runtime.sandbox.bundle import BundleError
from runtime.sandbox.launcher import InProcessLauncher
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing
from runtime.session.settings import SessionSettings
from tests.session.bench import Bench, FakeBundle, FakeModule
from tests.session.fakes.leg import FakeLeg


@asynccontextmanager
async def running(script: str) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        made = Bench(nursery, SessionSettings())
        made.registry = SessionRegistry(
            settings=SessionSettings(),
            launcher=InProcessLauncher(nursery),
            media=made.media,
            dialer=made.dialer,
            sounds=made.sounds,
            recordings=made.store,
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


async def test_checking_a_bundle_names_file_and_line(autojump_clock: MockClock) -> None:
    async with running("x = 1") as b:
        await b.registry.check(FakeBundle(modules=(FakeModule("ivr", "ivr.py", "x = 1"),)))
        broken = FakeBundle(modules=(FakeModule("ivr", "ivr.py", "x = 1\ny = ("),))
        with pytest.raises(BundleError, match=r"ivr.py:2"):
            await b.registry.check(broken)
