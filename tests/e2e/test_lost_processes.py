"""kill -9 of every process beside the core: who is told what, and that the next call works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import process_tree
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel, check_tone

pytestmark = pytest.mark.loopback

TONE = [("X-Sound", "440-long.wav"), ("X-Then", "stay")]


class CoreLost(Exception):
    """The runtime did not end in order, as was meant."""


@pytest.fixture(scope="module")
def runtime(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """One of its own: its log is full of deaths."""
    names = ("play", "quiet", "speak", "record", "held")
    folder = tmp_path_factory.mktemp("lost")
    with callstage(*(scripts / f"{name}.py" for name in names), folder=folder) as started:
        yield started


async def listening(phone: Phone, script: str = "held") -> Dialog:
    call = await phone.call(script, headers=TONE, caller="listener")
    await call.connected()
    await call.until(call.audio.sounds, "the tone")
    return call


async def check_next_call(phone: Phone, script: str = "play") -> None:
    """A call with sound from end to end, made when everything has been restarted."""
    headers = [("X-Sound", "440.wav"), ("X-Then", "hangup")]
    call = await phone.call(script, headers=headers)
    await call.connected()
    await call.ended()
    heard = call.audio.heard()
    if script == "speak":
        assert {part.kind for part in heard} == {"speech"}
    else:
        check_tone(heard[0], 440, 1.0)


async def test_a_lost_worker_ends_its_own_call_only(runtime: RuntimeProcess, phone: Phone) -> None:
    listener = await listening(phone)
    victim = await phone.call("quiet", caller="victim")
    await victim.connected()
    session = await runtime.session_of(victim.call_id)
    runtime.kill(runtime.api(f"sessions/{session}")["pid"])
    bye = await victim.ended()
    assert "500" in bye.get("Reason") or "worker" in bye.get("Reason")
    await listener.hear(0.4)
    await listener.bye()
    assert len(listener.audio.heard()) == 1
    listener.audio.check_unbroken()
    await check_next_call(phone)


async def test_a_lost_zygote_takes_its_workers_along_and_the_next_call_works(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    listener = await listening(phone)
    [zygote] = process_tree.children(runtime.pid, "runtime.sandbox.zygote")
    runtime.kill(zygote)
    assert (await listener.ended()).get("Reason")
    await check_next_call(phone)


async def test_a_lost_engine_ends_all_calls_with_a_reason_and_the_next_one_works(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    recorded = await phone.call("record", headers=[("X-Container", "wav")], caller="cut")
    await recorded.connected()
    await runtime.logged("cut played")
    listener = await listening(phone)
    [engine] = runtime.processes("runtime.media.engine")
    runtime.kill(engine)
    for call in (recorded, listener):
        bye = await call.ended()
        assert bye.get("Reason")
    await runtime.logged("cut record stopped")
    left_right = runtime.recordings()[-1]
    check_tone(channel(left_right, 1)[0], 440, 1.0)
    await check_next_call(phone)
    assert runtime.metrics()["callstage_engine_restarts_total"] == 1


async def test_lost_voices_and_decoders_are_replaced(runtime: RuntimeProcess, phone: Phone) -> None:
    listener = await listening(phone)
    await check_next_call(phone, "speak")
    for module in ("runtime.speech.espeak", "runtime.media.sounds.files"):
        lost = runtime.processes(module)
        assert lost, module
        for pid in lost:
            runtime.kill(pid)
    await check_next_call(phone, "speak")
    await check_next_call(phone, "play")
    await listener.hear(0.2)
    await listener.bye()
    assert len(listener.audio.heard()) == 1
    listener.audio.check_unbroken()


async def test_a_lost_recorder_leaves_a_file_that_plays_and_calls_go_on(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("record", headers=[("X-Container", "mp3")], caller="robbed")
    await call.connected()
    await runtime.logged("robbed played")
    await call.hear(1.5)
    for pid in runtime.processes("runtime.media.recording.recorder"):
        runtime.kill(pid)
    await call.hear(0.5)
    await call.bye()
    await runtime.logged("robbed record ")
    check_tone(channel(runtime.recordings()[-1], 1)[0], 440, 1.0, slack_s=0.1)
    await check_next_call(phone)


async def test_a_lost_core_leaves_playable_recordings_and_no_process(
    scripts: Path, tmp_path: Path
) -> None:
    try:
        with callstage(scripts / "record.py", folder=tmp_path) as runtime:
            await _lose_core(runtime)
            raise CoreLost
    except CoreLost:
        [file] = runtime.recordings()
        check_tone(channel(file, 1)[0], 440, 1.0, slack_s=0.1)


async def _lose_core(runtime: RuntimeProcess) -> None:
    async with telephone(runtime.port()) as phone:
        call = await phone.call("record", headers=[("X-Container", "mp3")], caller="last")
        await call.connected()
        await runtime.logged("last played")
        await call.hear(1.5)
        tree = process_tree.identified(runtime.pid)
        runtime.kill(runtime.pid)
        await runtime.exited()
    assert process_tree.wait_gone(tree) == []
