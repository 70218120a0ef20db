"""scenarios/survey.py: questions, keys, and answers that are kept."""

from __future__ import annotations

import pytest
import trio

from runtime.testing import Sim, SimCallee, SimCaller, busy, fails, rejects, responds, rings
from runtime.testing.dialer import DialScript
from tests.scenarios.configured import custom_data

SERVICE, AGAIN = "how was our service?", "come to us again?"
REPORT_TO = "https://crm.example.com/surveys"


@pytest.fixture(autouse=True)
def _survey(sim: Sim) -> None:
    sim.load("module:scenarios.survey")


async def answers_both(person: SimCaller | SimCallee) -> None:
    await person.hears("a few short questions", to_the_end=True)
    await person.hears(SERVICE)
    person.press("5")
    await person.hears(AGAIN)
    person.press("1")
    await person.hears("goodbye", to_the_end=True)
    await person.ended()


async def test_what_is_pressed_is_kept(sim: Sim) -> None:
    await answers_both(await sim.call())
    await sim.happens("Application.Terminated")
    assert sim.logs == ["answers: ['5', '1']"]


async def test_the_answers_can_be_read_by_another_scenario(sim: Sim) -> None:
    await answers_both(await sim.call())
    sim.load_text("""
        from runtime import ApplicationStorage, AppEvents, Logger, VoxEngine

        @VoxEngine.on(AppEvents.Started)
        async def started() -> None:
            kept = await ApplicationStorage.get("survey:s1")
            Logger.write(kept.value if kept else "nothing")
            VoxEngine.terminate()
    """)
    await sim.start()
    await sim.happens("Application.Terminated", count=2)
    assert sim.logs[-1] == '["5", "1"]'


async def test_a_wrong_key_and_silence_are_asked_once_more_and_then_left_out(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears(SERVICE)
    caller.press("9")
    await caller.hears("did not get that")
    caller.press("4")
    await caller.hears(AGAIN)
    await caller.hears("did not get that")
    await caller.hears("goodbye", to_the_end=True)
    await caller.ended()
    assert sim.logs == ["answers: ['4', '']"]


async def test_who_hangs_up_between_two_questions_has_answered_the_first(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears(SERVICE)
    caller.press("2")
    await caller.hears(AGAIN)
    caller.hang_up()
    await sim.happens("Application.Terminated")
    assert sim.logs[0] == "answers: ['2']"


async def test_it_can_call_by_itself(sim: Sim) -> None:
    person = sim.expect_call("+442079460123")
    await sim.start(custom_data(call="+442079460123", callerid="+442079460100"))
    assert (await person.invited()).callerid == "+442079460100"
    person.answer()
    await answers_both(person)
    await sim.happens("Application.Terminated")
    assert sim.logs == ["answers: ['5', '1']"]


@pytest.mark.parametrize("script", [busy(), rejects(603), rings()])
async def test_who_does_not_answer_is_not_asked(sim: Sim, script: DialScript) -> None:
    sim.on_dial("*", script)
    await sim.start(custom_data(call="+442079460123"))
    await sim.happens("Application.Terminated", within=61)
    assert sim.dialer.requests[0].to == "+442079460123"
    assert sim.sessions == []


async def test_the_answers_are_reported(sim: Sim) -> None:
    sim.load("module:scenarios.survey", custom_data=custom_data(report_to=REPORT_TO))
    sim.http.on(REPORT_TO, responds(status=204))
    await answers_both(await sim.call())
    await sim.happens("Application.Terminated")
    (request,) = sim.http.requests
    assert request.json() == {"session": "s1", "answers": ["5", "1"]}


async def test_a_report_that_fails_loses_no_answers(sim: Sim) -> None:
    sim.load("module:scenarios.survey", custom_data=custom_data(report_to=REPORT_TO))
    sim.http.on(REPORT_TO, fails(-7))
    await answers_both(await sim.call())
    await sim.happens("Application.Terminated")
    assert sim.logs == ["answers: ['5', '1']"]


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.02, 2.0, 4.0, 8.0, 14.0, 40.0])
async def test_a_caller_may_hang_up_at_any_time(sim: Sim, after_s: float) -> None:
    caller = await sim.call()
    await trio.sleep(after_s)
    caller.hang_up()
    await sim.settle()
    assert sim.sessions == []
