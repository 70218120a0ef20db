"""When a session ends, and what its calls and its script are told then."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage

pytestmark = pytest.mark.loopback

IMPATIENT = """
[limits]
idle_session_s = 1
unanswered_s = 1.5
[application]
on_error = "session"
"""


async def test_terminate_before_the_answer_is_480(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("leaver", headers=[("X-How", "unanswered")])
    assert (await call.final()).status == 480
    timeline = await runtime.over(await runtime.session_of(call.call_id))
    assert timeline[-1]["what"] == "over: terminated"
    await runtime.logged("unanswered terminated")
    order = ("goes on to its end", "unanswered terminating", "unanswered terminated")
    lines = [runtime.log().index(text) for text in order]
    assert lines == sorted(lines)


async def test_terminate_after_the_answer_is_a_bye(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("leaver", headers=[("X-How", "answered")])
    await call.connected()
    await call.ended()
    await runtime.logged("answered terminated")


async def test_a_session_ends_its_idle_time_after_its_last_call(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text(IMPATIENT)
    served = [scripts / f"{name}.py" for name in ("leaver", "before_answer", "faulty")]
    with callstage(*served, folder=tmp_path, options=["--config", str(config)]) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("leaver", headers=[("X-How", "idle")])
            await call.connected()
            session = await runtime.session_of(call.call_id)
            await call.hear(1.5)
            assert "idle terminating" not in runtime.log()
            await call.bye()
            timeline = await runtime.over(session)
            assert timeline[-1]["what"] == "over: idle"
            await runtime.logged("idle terminated")
            await _nobody_answers(runtime, phone)
            await _an_error_ends_the_session(runtime, phone)


async def _nobody_answers(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("before_answer", headers=[("X-Steps", "ring")], caller="waiter")
    assert (await call.final()).status == 480
    await runtime.logged("waiter disconnected 408")


async def _an_error_ends_the_session(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("faulty", headers=[("X-Where", "handler")])
    await call.connected()
    await call.ended()
    timeline = await runtime.over(await runtime.session_of(call.call_id))
    assert timeline[-1]["what"] == "over: script-error"
    await runtime.logged("handler terminating")


async def test_an_operator_ends_a_session_over_http(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("quiet", caller="removed")
    await call.connected()
    session = await runtime.session_of(call.call_id)
    async with httpx.AsyncClient(base_url=f"{runtime.http}/api/v1", trust_env=False) as client:
        listed = (await client.get("/sessions")).json()["sessions"]
        assert session in [each["id"] for each in listed]
        assert (await client.delete(f"/sessions/{session}")).status_code == 202
        await call.ended()
        timeline = await client.get(f"/sessions/{session}/timeline")
        assert timeline.status_code == 200
        assert (await client.delete("/sessions/nobody")).status_code == 404
    await runtime.over(session)
