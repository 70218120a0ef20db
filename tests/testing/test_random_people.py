"""People who do anything at any time: whatever they do, a session ends clean.

After every story: no fault of the core or the script, each leg has one terminal event and nothing
but RecordStopped after it, nobody is left on the line, no task, sound or recording is left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.testing import Sim, SimCallee, run_simulation
from runtime.testing.peers import SimPeer
from tests.scenarios.configured import configured

SCRIPT: Final = """
from runtime import *

def log(call, who):
    for name in ("Ringing", "AudioStarted", "Connected", "Failed", "Disconnected",
                 "RecordStopped", "PlaybackFinished", "ToneReceived", "OnHold", "OffHold"):
        call.on(f"Call.{name}")(lambda e, n=name: None)

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    caller = e.call
    log(caller, "caller")
    caller.ring()
    bob = VoxEngine.callSIP("sip:bob@example.com")
    log(bob, "bob")
    VoxEngine.sendMediaBetween(caller, bob)
    bob.on(CallEvents.AudioStarted)(lambda: caller.startEarlyMedia())
    bob.on(CallEvents.Failed)(lambda: caller.say("bob is not there"))
    bob.on(CallEvents.Disconnected)(lambda: caller.say("bob has left"))
    await caller.answer()
    caller.record(stereo=True)
    caller.handleTones(True)
    player = VoxEngine.createURLPlayer("http://example.com/music.mp3", loop=True)
    async for tone in caller.tones():
        if tone == "1":
            caller.say("a prompt of some length, which may be interrupted")
        elif tone == "2":
            player.sendMediaTo(caller)
        elif tone == "3":
            caller.stopPlayback()
        elif tone == "4":
            caller.startPlayback("absent.wav")
        elif tone == "5":
            await caller.gather(maxDigits=2, timeout=3, prompt="two digits please")
        elif tone == "6":
            bob.hangup()
        elif tone == "7":
            caller.hangup()
        elif tone == "8":
            VoxEngine.terminate()
        else:
            VoxEngine.sendMediaBetween(caller, bob)
"""

CALLER_ACTS: Final = ("hang_up", "hold", "resume", "says", "vanish", "lose_network", "press")
CALLEE_ACTS: Final = (*CALLER_ACTS, "ring", "early_media", "answer", "busy")


@attrs.frozen
class Act:
    after_s: float
    who: str
    what: str
    key: str


@st.composite
def acts(draw: st.DrawFn) -> Act:
    who = draw(st.sampled_from(("caller", "bob")))
    what = draw(st.sampled_from(CALLER_ACTS if who == "caller" else CALLEE_ACTS))
    after_s = draw(st.sampled_from((0.0, 0.005, 0.02, 0.1, 0.5, 1.0, 4.0, 61.0)))
    return Act(after_s, who, what, draw(st.sampled_from("123456789")))


def perform(act: Act, person: SimPeer) -> None:
    """Do it, where it makes sense; a mistake in the story is not what is tested here."""
    arguments = {"says": (act.key,), "press": (act.key,)}.get(act.what, ())
    with suppress(RuntimeError, AssertionError, AttributeError):
        action: Callable[..., Any] = getattr(person, act.what)
        action(*arguments)


async def tell(sim: Sim, story: list[Act]) -> None:
    bob = sim.expect_call("*")
    caller = await sim.call()
    people: dict[str, SimPeer] = {"caller": caller, "bob": bob}
    for act in story:
        await trio.sleep(act.after_s)
        if act.what == "press" and act.who == "caller":
            perform(Act(0, "caller", "regain_network", act.key), caller)
        perform(act, people[act.who])
    await trio.sleep(0.5)
    for person in people.values():
        perform(Act(0, "", "hang_up", ""), person)
    perform(Act(0, "", "busy", ""), bob)


def check(sim: Sim) -> None:
    assert sim.errors == []
    legs = {event.leg for event in sim.events if event.leg}
    for leg in legs:
        names = [event.name for event in sim.events if event.leg == leg]
        ends = [name for name in names if name in ("Call.Failed", "Call.Disconnected")]
        terminated = any(event.name == "Application.Terminating" for event in sim.events)
        assert len(ends) == 1 or (terminated and not ends), names
        if ends:
            after = names[names.index(ends[0]) + 1 :]
            assert set(after) <= {"Call.RecordStopped"}, names
    assert sim.media.left_open == []


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(story=st.lists(acts(), max_size=12))
def test_whatever_people_do_a_session_ends_clean(story: list[Act]) -> None:
    async def run(sim: Sim) -> None:
        sim.load_text(SCRIPT)
        await tell(sim, story)

    check(run_simulation(run))


@pytest.fixture(scope="module")
def ivr(tmp_path_factory: pytest.TempPathFactory) -> str:
    return configured(tmp_path_factory.mktemp("ivr"), "ivr", colleague="sip:bob@example.com")


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(story=st.lists(acts(), max_size=12), keys=st.text("123456789#", max_size=4))
def test_whatever_people_do_the_ivr_ends_clean(ivr: str, story: list[Act], keys: str) -> None:
    async def run(sim: Sim) -> None:
        sim.load(ivr)
        sim.on_dial("*", _does_nothing)
        caller = await sim.call()
        await caller.connected()
        if keys:
            caller.press(keys)
        for act in story:
            await trio.sleep(act.after_s)
            for person in sim.callees if act.who == "bob" else [caller]:
                perform(act, person)
        for somebody in sim.people:
            perform(Act(0, "", "hang_up", ""), somebody)

    check(run_simulation(run, Path(ivr)))


async def _does_nothing(callee: SimCallee) -> None:
    await trio.sleep_forever()
