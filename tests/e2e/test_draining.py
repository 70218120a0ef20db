"""SIGTERM: no new calls, live ones go on until they end or the time is up; then a clean end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import process_tree
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel, check_tone

pytestmark = pytest.mark.loopback


async def recorded_call(runtime: RuntimeProcess, phone: Phone) -> Dialog:
    headers = [("X-Container", "wav"), ("X-Again", "1")]
    call = await phone.call("record", caller="live", headers=headers)
    await call.connected()
    await runtime.logged("live played")
    return call


async def test_new_calls_are_refused_and_the_live_one_goes_on_until_it_ends(
    scripts: Path, tmp_path: Path
) -> None:
    with callstage(scripts / "record.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await recorded_call(runtime, phone)
            tree = process_tree.identified(runtime.pid)
            runtime.terminate()
            await runtime.logged("draining")
            refused = await (await phone.call("anyone")).final()
            assert refused.status == 503
            assert int(refused.get("Retry-After")) > 0
            await call.hear(1.0)
            await call.bye()
            assert await runtime.exited() == 0
            runtime.check_end(0, tree)
        [file] = runtime.recordings()
        first, *_ = channel(file, 1)
        assert first.kind == "tone"
        call.audio.check_unbroken()


async def test_a_live_call_is_held_and_resumed_while_the_runtime_drains_and_dials_nobody(
    scripts: Path, tmp_path: Path
) -> None:
    with callstage(scripts / "on_demand.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone, telephone(runtime.port()) as other:
            call = await phone.call("on_demand")
            await call.connected()
            await call.hear(0.3)
            runtime.terminate()
            await runtime.logged("draining")
            await call.ask("MESSAGE", body=other.uri.encode(), kind="text/plain")
            await runtime.logged("on demand: 503 the runtime is shutting down")
            assert other.arrived == []
            assert (await call.reinvite(direction="sendonly")).direction == "recvonly"
            await call.hear_nothing(0.3)
            assert (await call.reinvite(direction="sendrecv")).direction == "sendrecv"
            await call.hear(0.3)
            await call.bye()
            assert await runtime.exited() == 0


async def test_when_the_time_is_up_all_calls_are_ended_and_recordings_are_whole(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text("[server]\ndrain_timeout_s = 1.0\n")
    options = ["--config", str(config)]
    served = [scripts / "record.py", scripts / "before_answer.py"]
    with callstage(*served, folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            rings = await phone.call("before_answer", headers=[("X-Steps", "ring")])
            await rings.response(180)
            call = await recorded_call(runtime, phone)
            runtime.terminate()
            await call.ended()
            assert (await rings.final()).status in (480, 503)
            assert await runtime.exited() == 0
        [file] = runtime.recordings()
        heard = channel(file, 1)
        check_tone(heard[0], 440, heard[0].duration_s)
        assert sum(part.duration_s for part in heard) > 1.5


async def test_a_second_sigterm_ends_at_once_and_recordings_are_whole(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text("[server]\ndrain_timeout_s = 600\n")
    options = ["--config", str(config)]
    with callstage(scripts / "record.py", folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await recorded_call(runtime, phone)
            runtime.terminate()
            await runtime.logged("draining")
            runtime.terminate()
            await call.ended()
            assert await runtime.exited() == 0
        [file] = runtime.recordings()
        assert channel(file, 1)[0].kind == "tone"


async def test_a_runtime_without_calls_leaves_at_once(scripts: Path, tmp_path: Path) -> None:
    with callstage(scripts / "quiet.py", folder=tmp_path) as runtime:
        runtime.terminate()
        assert await runtime.exited(10) == 0
