"""Mistakes of those who write tests: told at once, in their own words."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCallee, answers
from tests.testing.rules.scripts import script
from tests.testing.test_plugin import HELLO, STAYS, WITH_TRIO_MODE, WITHOUT_TRIO, run

pytest_plugins = ["pytester"]

OPTIONS = pytest.mark.parametrize("options", [WITHOUT_TRIO, (), WITH_TRIO_MODE])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"onerror": "leg"}, TypeError, "configure() has no setting 'onerror': did you mean 'on_e"),
        ({"on_error": "sesion"}, ValueError, "on_error must be 'leg' or 'session', not 'sesion'"),
        ({"on_failure": "drop"}, ValueError, "on_failure must be 'hangup' or 'keep', not 'drop'"),
        ({"limits": {"idle_session_s": 5}}, TypeError, "limits must be Limits(...), not dict"),
    ],
)
async def test_settings_that_there_are_not(
    sim: Sim, settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        sim.configure(**settings)
    assert message in str(caught.value)


async def test_an_event_that_can_never_happen_is_not_waited_for(sim: Sim) -> None:
    with pytest.raises(ValueError, match=r"no event 'Call.Conected': did you mean 'Call.Conn"):
        await sim.happens("Call.Conected")
    assert sim.now == 0


async def test_somebody_who_cannot_act(sim: Sim) -> None:
    for nobody in ("busy", None, SimCallee):
        with pytest.raises(TypeError, match="on_dial"):
            sim.on_dial("*", nobody)  # type: ignore[arg-type]
    sim.on_dial("*", answers())


@OPTIONS
def test_a_test_that_forgets_async_fails(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    test = "def test_the_greeting(sim):\n    sim.load('scenario.py')\n"
    result = run(pytester, HELLO, test, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["use the fixture `sim` in an async*async def test_the_greeting*"])


@OPTIONS
def test_an_assertion_in_what_a_called_person_does_fails_the_test_plainly(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    scenario = "from runtime import *\nVoxEngine.callSIP('sip:bob@example.com', callerid='me')\n"
    test = """
async def bob(callee):
    callee.ring()
    assert callee.request.callerid == "you"

async def test_who_calls(sim):
    sim.on_dial("*", bob)
    await sim.start()
    await sim.advance(70)
"""
    result = run(pytester, scenario, test, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: assert 'me' == 'you'"])
    result.stdout.no_fnmatch_line("*ExceptionGroup*")


ENDLESS = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    e.call.answer()
    count = 0
    while True:
        {body}
"""


@pytest.mark.slow
@pytest.mark.parametrize("body", ["count += 1", "VoxEngine.customData()", "pass  # nothing"])
def test_a_script_that_computes_for_ever_fails_its_test_at_its_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr("runtime.testing.stuck.LIMIT_S", 0.3)
    result = run(pytester, ENDLESS.format(body=body), HEARS, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*HandlerTimeout: 0.3 s of CPU time without an await, and no end in sight*",
            '*File "scenario.py", line [789], in alerting*',
        ]
    )


HEARS = """
async def test_it_answers(sim):
    caller = await sim.call()
    await caller.connected()
"""


@pytest.mark.slow
def test_a_top_level_that_computes_for_ever_fails_its_test_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.testing.stuck.LIMIT_S", 0.3)
    result = run(pytester, "while True:\n    pass\n", HEARS, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*stuck.py*")
    result.stdout.fnmatch_lines(["*HandlerTimeout*", '*File "scenario.py", line [12]*'])


@pytest.mark.slow
def test_a_test_that_computes_itself_is_left_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.testing.stuck.LIMIT_S", 0.2)
    test = """
import time

async def test_it_computes(sim):
    caller = await sim.call()
    await caller.connected()
    end = time.process_time() + 0.6
    while time.process_time() < end:
        pass
    caller.hang_up()
"""
    run(pytester, STAYS, test, *WITHOUT_TRIO).assert_outcomes(passed=1)


async def test_headers_that_are_the_stack_s_own_pass_in_neither_direction(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            Logger.write(str(e.headers))
            e.call.on(CallEvents.InfoReceived)(lambda e: Logger.write(str(e.headers)))
            e.call.ring({"X-A": "1", "From": "sip:me@example.com", "VI-Client": "x"})
            await e.call.answer({"User-to-User": "2", "Via": "nothing"})
        VoxEngine.callSIP("sip:bob@example.com", headers={"X-B": "3", "VI-Client": "x"})
        evil = VoxEngine.callSIP("sip:bob@example.com", headers={"Route": "<sip:evil>"})
        evil.on(CallEvents.Failed)(lambda e: Logger.write(f"{e.code} {e.reason}"))
        """)
    )
    bob = sim.expect_call()
    mixed = {"X-In": "1", "Subject": "secret", "Reason": "none", "user-to-user": "2"}
    caller = await sim.call(headers=mixed)
    await caller.connected()
    caller.send_info("text/plain", "x", mixed)
    await sim.settle()
    rule = "it may set X-* headers and User-to-User"
    assert sorted(sim.logs) == [
        f"400 a script may not set Route; {rule}",
        *["{'X-In': '1', 'user-to-user': '2'}"] * 2,
    ]
    assert [step.headers for step in caller.wire_log if step.by == "us"] == [
        {"X-A": "1"},
        {"User-to-User": "2"},
    ]
    assert [step.headers for step in bob.wire_log] == [{"X-B": "3"}]
    left_out = [row.what for row in sim.timeline if "left out" in row.what]
    assert left_out == [
        f"headers left out: a script may not set {name}; {rule}" for name in ("From", "Via")
    ]
    caller.hang_up({"Reason": "SIP;cause=600", "Subject": "no"})
    ended = await sim.happens("Call.Disconnected")
    assert ended.fields["headers"] == {"Reason": "SIP;cause=600"}
    bob.busy()
