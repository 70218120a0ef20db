"""scenarios/voicemail.py: greeting, beep, and exactly what the caller says."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from runtime.testing import Sim, SimCaller
from tests.scenarios.configured import configured


@pytest.fixture(autouse=True)
def _voicemail(sim: Sim) -> None:
    sim.load("module:scenarios.voicemail")


async def after_the_beep(sim: Sim) -> SimCaller:
    caller = await sim.call()
    await caller.hears("leave a message")
    await caller.hears("beep.wav", to_the_end=True)
    return caller


async def test_a_message_is_recorded_from_the_beep_to_the_hash_key(sim: Sim) -> None:
    caller = await after_the_beep(sim)
    await caller.says("It is Ann. Please call me back.")
    caller.press("#")
    await caller.hears("Thank you")
    await caller.ended()
    (recording,) = sim.recordings
    assert [one.what for one in recording.mix] == ["It is Ann. Please call me back."]
    assert recording.finished
    assert sim.logs == [f"message from +442079460001: {recording.url}"]


async def test_hanging_up_ends_the_message_and_keeps_it(sim: Sim) -> None:
    caller = await after_the_beep(sim)
    await caller.says("Bye.")
    caller.hang_up()
    await sim.settle()
    (recording,) = sim.recordings
    assert recording.contains("Bye.")
    assert recording.finished
    assert sim.sessions == []


async def test_a_silent_caller_is_let_go_after_the_time_set(sim: Sim, tmp_path: Path) -> None:
    sim.load(configured(tmp_path, "voicemail", seconds=20))
    caller = await after_the_beep(sim)
    beep_over = trio.current_time()
    thanks = await caller.hears("Thank you")
    assert thanks.start - beep_over == pytest.approx(20)
    await caller.ended()


async def test_hanging_up_during_the_greeting_records_nothing(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("leave a message")
    caller.hang_up()
    await sim.settle()
    assert sim.recordings == []


async def test_a_full_disk_ends_the_message_and_not_the_call(sim: Sim) -> None:
    sim.recorded.full = "no space left on the disk"
    caller = await after_the_beep(sim)
    await caller.says("Hello?")
    caller.press("#")
    await caller.hears("Thank you")
    await caller.ended()
    assert [event.name for event in sim.events if event.name.startswith("Recorder")] == [
        "Recorder.Error"
    ]
