"""Broken scripts: the caller is told, the traceback is kept, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import broken_script

pytestmark = pytest.mark.loopback


async def fails(phone: Phone, where: str) -> Dialog:
    return await phone.call("faulty", headers=[("X-Where", where)])


def errors(runtime: RuntimeProcess, session: str) -> list[dict[str, Any]]:
    return [entry for entry in runtime.timeline(session) if entry["kind"] == "error"]


async def traceback_of(runtime: RuntimeProcess, call: Dialog) -> str:
    """The traceback in the timeline of the call's session."""
    session = await runtime.session_of(call.call_id)
    await runtime.until(lambda: errors(runtime, session), "an error in the timeline")
    return str(errors(runtime, session)[0]["detail"].get("traceback"))


async def test_a_fault_before_the_answer_is_500_with_the_line(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await fails(phone, "before")
    final = await call.final()
    assert final.status == 500
    assert final.get("Warning") or final.reason
    traceback = await traceback_of(runtime, call)
    assert "RuntimeError: the scenario is broken here" in traceback
    assert 'faulty.py", line ' in traceback
    assert "broken()" in traceback
    line = await runtime.logged("the scenario is broken here")
    assert "faulty.py" in line


@pytest.mark.parametrize("where", ["after", "await", "timer"])
async def test_a_fault_that_belongs_to_no_leg_ends_the_session_with_a_bye(
    runtime: RuntimeProcess, phone: Phone, where: str
) -> None:
    call = await fails(phone, where)
    await call.connected()
    bye = await call.ended()
    assert "the scenario is broken here" in bye.get("Reason")
    assert 'faulty.py", line ' in await traceback_of(runtime, call)
    await runtime.logged(f"{where} terminating")
    timeline = await runtime.over(await runtime.session_of(call.call_id))
    assert timeline[-1]["what"] == "over: script-error"


async def test_a_fault_in_a_legs_handler_ends_that_leg_and_its_own_handlers_still_run(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await fails(phone, "handler")
    await call.connected()
    bye = await call.ended()
    assert "the scenario is broken here" in bye.get("Reason")
    assert 'faulty.py", line ' in await traceback_of(runtime, call)
    await runtime.logged("handler ended")
    session = await runtime.session_of(call.call_id)
    assert all("ends:" not in entry["what"] for entry in runtime.timeline(session))


@pytest.mark.parametrize("where", ["loop", "loop-before"])
async def test_a_handler_that_computes_for_ever_is_stopped_and_nobody_else_hears_it(
    runtime: RuntimeProcess, phone: Phone, where: str
) -> None:
    listener = await phone.call("held", caller=f"beside-{where}")
    await listener.connected()
    await listener.until(listener.audio.sounds, "the tone")
    call = await fails(phone, where)
    if where == "loop":
        await call.connected()
        await call.ended()
    else:
        assert (await call.final()).status == 500
    await listener.hear(0.5)
    await listener.bye()
    [heard] = listener.audio.heard()
    assert heard.kind == "tone"
    listener.audio.check_unbroken()
    assert "faulty.py" in await traceback_of(runtime, call)


BROKEN = {
    "syntax_error": ["SyntaxError", "syntax_error.py", "4"],
    "missing_import": ["a_module_that_is_not_there", "missing_import.py"],
    "forbidden_import": ["socket", "forbidden_import.py"],
    "wrong_handler": ["wrong_handler.py", "TypeError"],
    "unknown_event": ["unknown_event.py", "Application.CallAlerting"],
}
"""Scripts that do not load, and what their tracebacks must name."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that serves nothing but these; it starts all the same."""
    folder = tmp_path_factory.mktemp("broken")
    with callstage(*(broken_script(name, folder) for name in BROKEN), folder=folder) as started:
        yield started


@pytest.mark.parametrize("script", BROKEN)
async def test_a_script_that_does_not_load_is_500_and_says_why(
    broken: RuntimeProcess, script: str
) -> None:
    async with telephone(broken.port()) as phone:
        call = await phone.call(script)
        assert (await call.final()).status == 500
    traceback = await traceback_of(broken, call)
    for word in BROKEN[script]:
        assert word in traceback, traceback
    await broken.logged(BROKEN[script][0])


async def test_the_next_call_works_after_every_fault(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("quiet")
    await call.connected()
    await call.hear(0.2)
    await call.bye()
