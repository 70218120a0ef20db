"""Rule 3.4: recordings of calls and Recorder units."""

from __future__ import annotations

import pytest

from runtime.testing import Sim
from tests.testing.rules.scripts import script


def recorded(record: str, after: str = "") -> str:
    return script(f"""
        @on_call
        async def alerting(e):
            call = e.call
            log_calls(call)
            call.on(CallEvents.RecordStarted)(lambda e: Logger.write(e.url))
            call.on(CallEvents.RecordStopped)(lambda e: Logger.write(f"{{e.url}} {{e.duration}} s"))
            await call.answer()
            {record}
            {after}
    """)


async def test_the_url_is_known_at_once_and_stopped_follows_disconnected(sim: Sim) -> None:
    sim.load_text(recorded("call.record()"))
    caller = await sim.call()
    await caller.connected()
    await sim.advance(7.8)
    caller.hang_up()
    await sim.advance(1)
    (recording,) = sim.recordings
    assert sim.logs == [
        "call Connected",
        "call RecordStarted",
        recording.url,
        "call Disconnected",
        "call RecordStopped",
        f"{recording.url} 8 s",
    ]
    assert recording.finished


@pytest.mark.parametrize(
    ("options", "container", "stereo"),
    [
        ("", "mp3", False),
        ("stereo=True", "mp3", True),
        ("lossless=True", "flac", False),
        ('container="wav", stereo=True', "wav", True),
        ('{"stereo": True}', "mp3", True),
    ],
)
async def test_the_format_follows_the_options(
    sim: Sim, options: str, container: str, stereo: bool
) -> None:
    sim.load_text(recorded(f"call.record({options})"))
    caller = await sim.call()
    await caller.connected()
    await sim.advance(1)
    caller.hang_up()
    (recording,) = sim.recordings
    assert (recording.form.container, recording.form.stereo) == (container, stereo)


async def test_left_is_what_the_endpoint_says_and_right_what_it_hears(sim: Sim) -> None:
    sim.load_text(recorded("call.record(stereo=True)", 'call.say("a prompt")'))
    caller = await sim.call()
    await caller.connected()
    await caller.says("an answer")
    caller.hang_up()
    (recording,) = sim.recordings
    assert [one.what for one in recording.left] == ["an answer"]
    assert [one.what for one in recording.right] == ["a prompt"]


async def test_a_second_record_is_an_error_and_the_first_goes_on(sim: Sim) -> None:
    sim.load_text(recorded("call.record()", "call.record()"))
    caller = await sim.call()
    await caller.connected()
    await sim.advance(2)
    caller.hang_up()
    await sim.advance(1)
    told = [line for line in sim.logs if line.startswith("call R")]
    assert sorted(told[:2]) == ["call RecordError", "call RecordStarted"]
    assert told[2:] == ["call RecordStopped"]
    (recording,) = sim.recordings
    assert recording.duration_s == pytest.approx(2)


async def test_a_recording_that_cannot_begin_is_an_error_and_the_call_goes_on(sim: Sim) -> None:
    sim.recorded.full = "no space left"
    log_error = "call.on(CallEvents.RecordError)(lambda e: Logger.write(e.error))"
    sim.load_text(recorded(f"{log_error}; call.record()", "await call.say('still here')"))
    caller = await sim.call()
    await caller.hears("still here")
    assert "no space left" in sim.logs
    caller.hang_up()


async def test_a_recording_survives_the_end_of_the_session(sim: Sim) -> None:
    sim.load_text(recorded("call.record()", "VoxEngine.terminate()"))
    caller = await sim.call()
    await caller.ended()
    await sim.advance(1)
    (recording,) = sim.recordings
    assert recording.finished


async def test_an_error_of_the_script_leaves_a_finished_recording(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(recorded("call.record()", "await VoxEngine.sleep(3); 1 / 0"))
    caller = await sim.call()
    await caller.ended()
    await sim.advance(1)
    (recording,) = sim.recordings
    assert recording.finished
    assert recording.duration_s == pytest.approx(3)


async def test_a_recorder_records_the_mix_of_what_is_sent_to_it(sim: Sim) -> None:
    sim.load_text(
        script("""
        recorder = VoxEngine.createRecorder(container="wav")
        recorder.on(RecorderEvents.Started)(lambda e: Logger.write(f"started {e.url}"))
        recorder.on(RecorderEvents.Stopped)(lambda e: Logger.write(f"stopped {e.duration} s"))
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.sendMediaTo(recorder)
            e.call.handleTones(True)
            async for tone in e.call.tones():
                recorder.mute(True) if tone == "1" else recorder.stop()
        """),
        conference=True,
    )
    one, two = await sim.call(), await sim.call()
    await one.connected()
    one.says("from one", seconds=2)
    await two.says("from two", seconds=2)
    await one.press("1")
    await two.says("not for the record", seconds=2)
    await two.press("2")
    await sim.settle()
    (recording,) = sim.recordings
    assert [one.what for one in recording.mix] == ["from one", "from two"]
    assert sim.logs[0] == f"started {recording.url}"
    assert sim.logs[1].startswith("stopped ")
    one.hang_up()
    two.hang_up()


async def test_a_secure_recording_is_what_every_recording_is(sim: Sim) -> None:
    sim.load_text(
        script("""
        room = VoxEngine.createRecorder({"name": "room", "secure": True})
        room.addEventListener(RecorderEvents.Started, room.stop)
        """)
    )
    await sim.start()
    await sim.settle()
    assert (sim.logs, len(sim.recordings)) == ([], 1)
