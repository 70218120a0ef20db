"""Scenarios that listen to simulated people: digits in the audio, beeps, voices, machines."""

from __future__ import annotations

import pytest
import trio

from runtime.testing import Sim, SimCallee
from runtime.testing.dialer import DialScript, busy

INCOMING = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e):
    call = e.call
    {setup}
    call.answer()
"""
OUTGOING = """
from runtime import *

@VoxEngine.on(AppEvents.Started)
def started():
    detector = AMD.create({options})
    detector.addEventListener(
        AMD.Events.DetectionComplete,
        lambda e: Logger.write(f"{{e.resultClass}} {{e.call.state()}}"),
    )
    call = VoxEngine.callPSTN("+4420794600", "+4420794601", amd=detector)
    for name in ("AudioIdentificationStarted", "AudioIdentificationResult",
                 "AudioIdentificationStopped", "Disconnected"):
        call.addEventListener(f"Call.{{name}}", lambda e: Logger.write(e.name))

    @call.on(CallEvents.Connected)
    async def connected():
        result = await detector.detect()
        Logger.write(f"waited for {{result.resultClass}}")
"""


@pytest.fixture(autouse=True)
def _people_stay_on_the_line(sim: Sim) -> None:
    sim.leave_open()


async def test_each_press_is_one_event_whichever_way_it_comes(sim: Sim) -> None:
    setup = (
        "call.handleTones(True); "
        "call.addEventListener(CallEvents.ToneReceived, lambda e: Logger.write(e.tone + e.type))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await caller.press("1", by="in-band")
    await sim.advance(1)
    await caller.press("2", by="info")
    await sim.advance(1)
    await caller.press("3")
    await caller.press("4", by="in-band")
    await sim.advance(1)
    assert sim.logs == ["12", "23", "31"], "who sends RFC 4733 is not listened to for tones"


async def test_handled_tones_do_not_reach_the_other_party(sim: Sim) -> None:
    sim.load_text("""
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e):
    other = VoxEngine.callSIP("sip:bob@example.com")
    VoxEngine.easyProcess(e.call, other)
    e.call.handleTones(True, DTMFType.IN_BAND)
""")
    bob = sim.expect_call("*bob*")
    caller = await sim.call("100")
    await bob.invited()
    bob.answer()
    await caller.connected()
    await caller.press("5", by="in-band")
    await bob.hears_nothing(seconds=0.5)


async def test_a_beep_is_heard_with_its_frequency(sim: Sim) -> None:
    setup = (
        "call.enableBeepDetection({'frequencies': [850, 1000], 'timeout': 8000}); "
        "call.addEventListener(CallEvents.BeepDetectionComplete, "
        "lambda e: Logger.write(f'{list(e.frequencies)} {e.timeout}'))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await caller.says("Please leave a message after the tone.")
    await caller.beep(440)
    await caller.beep(1000)
    await caller.beep(1000)
    await sim.advance(10)
    assert sim.logs == ["[1000] None"]


async def test_a_beep_that_does_not_come_times_out_and_one_that_is_given_up_is_told(
    sim: Sim,
) -> None:
    setup = (
        "call.enableBeepDetection(timeout=2000); "
        "call.addEventListener(CallEvents.BeepDetectionComplete, "
        "lambda e: (Logger.write(f'{list(e.frequencies)} {e.timeout}'), "
        "e.timeout and (call.enableBeepDetection(), call.disableBeepDetection())))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await sim.advance(30)
    assert sim.logs == ["[] True", "[] False"]


BEEP_EVENTS = (
    "BeepDetectionComplete",
    "BeepDetectionError",
    "VoicemailToneDetected",
    "VoicemailToneNotDetected",
)
TELL_BEEPS = "".join(
    f"call.addEventListener(CallEvents.{name}, lambda e: Logger.write(described(e))); "
    for name in BEEP_EVENTS
)
DESCRIBED = """

def described(e):
    names = [f for f in ("frequencies", "timeout", "frequency") if hasattr(e, f)]
    values = [getattr(e, f) for f in names]
    shown = [list(v) if isinstance(v, (list, tuple)) else v for v in values]
    assert e.call.id() == e.id
    return " ".join([e.name[5:], *(f"{f}={v!r}" for f, v in zip(names, shown))])
"""


async def test_older_scripts_are_told_of_the_beep_by_its_older_name(sim: Sim) -> None:
    setup = "call.detectVoicemailTone(8); " + TELL_BEEPS
    sim.load_text(INCOMING.format(setup=setup) + DESCRIBED)
    caller = await sim.call("100")
    await caller.connected()
    await caller.says("Please leave a message after the tone.")
    await caller.beep(1400)
    await caller.beep(1400)
    await sim.advance(20)
    assert sim.logs == [
        "BeepDetectionComplete frequencies=[1400] timeout=None",
        "VoicemailToneDetected frequency=1400",
    ]


async def test_older_scripts_are_told_of_a_beep_that_does_not_come(sim: Sim) -> None:
    sim.load_text(INCOMING.format(setup="call.detectVoicemailTone(2); " + TELL_BEEPS) + DESCRIBED)
    caller = await sim.call("100")
    await caller.connected()
    await sim.advance(1.9)
    assert sim.logs == []
    await caller.beep(1400)
    await sim.advance(5)
    assert sim.logs == [
        "BeepDetectionComplete frequencies=[] timeout=True",
        "VoicemailToneNotDetected",
    ]


async def test_who_gives_up_listening_hears_of_no_tone(sim: Sim) -> None:
    setup = "call.detectVoicemailTone(); call.disableBeepDetection(); " + TELL_BEEPS
    sim.load_text(INCOMING.format(setup=setup) + DESCRIBED)
    caller = await sim.call("100")
    await caller.connected()
    await sim.advance(30)
    assert sim.logs == ["BeepDetectionComplete frequencies=[] timeout=False"]


async def test_the_microphone_is_active_while_the_person_speaks(sim: Sim) -> None:
    setup = (
        "Logger.write(str(call.vad())); call.handleMicStatus(True); "
        "Logger.write(str(call.vad())); "
        "call.addEventListener(CallEvents.MicStatusChange, lambda e: Logger.write(str(e.active)))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await caller.says("Hello there, is anybody in?")
    await sim.advance(2)
    assert sim.logs == ["False", "True", "True", "False"]


async def test_a_busy_tone_in_a_connected_call_is_detected_once(sim: Sim) -> None:
    setup = (
        "call.detectProgressTone('de'); call.addEventListener(CallEvents.ToneDetected, "
        "lambda e: Logger.write(f'{e.ProgressTone} {e.VoicemailTone}'))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await caller.busy_tone("US")
    assert sim.logs == []
    await caller.busy_tone("DE")
    await caller.busy_tone("DE")
    assert sim.logs == ["True False"]


async def test_statistics_come_every_interval_until_they_are_switched_off(sim: Sim) -> None:
    setup = (
        "call.monitorMediaStatistics(interval=4); "
        "call.addEventListener(CallEvents.MediaStatisticsReceived, "
        "lambda e: Logger.write(f\"{e.audio['incoming']['mos']} {e.audio['incoming']['loss']}\"))"
        "; setTimeout(lambda: call.monitorMediaStatistics(monitor=False), 13_000)"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await sim.advance(40)
    assert sim.logs == ["4.39 0.0"] * 3


async def test_the_quality_of_a_call_is_told_after_it_is_connected(sim: Sim) -> None:
    setup = (
        "call.addEventListener(CallEvents.Connected, lambda e: Logger.write('connected')); "
        "call.addEventListener(CallEvents.AudioQualityDetected, lambda e: Logger.write(e.quality))"
    )
    sim.load_text(INCOMING.format(setup=setup))
    caller = await sim.call("100")
    await caller.connected()
    await sim.advance(1)
    assert sim.logs == ["connected", "STANDARD"]


def _answers_and(act: DialScript) -> DialScript:
    async def dialled(callee: SimCallee) -> None:
        callee.ring()
        await trio.sleep(3)
        callee.answer()
        await act(callee)

    return dialled


async def _person(callee: SimCallee) -> None:
    await trio.sleep(0.4)
    await callee.says("Hello?")
    await trio.sleep(30)


async def _machine(callee: SimCallee) -> None:
    await callee.says("You have reached the office of Smith and Sons, please leave a message.")
    await callee.beep()
    await trio.sleep(30)


async def _leaves(callee: SimCallee) -> None:
    await trio.sleep(0.5)
    callee.hang_up()


async def _mumbles(callee: SimCallee) -> None:
    await trio.sleep(30)


async def test_a_person_who_says_hello_is_human(sim: Sim) -> None:
    sim.on_dial("*", _answers_and(_person))
    sim.load_text(OUTGOING.format(options=""))
    await sim.start()
    await sim.advance(20)
    assert sim.logs == [
        "Call.AudioIdentificationStarted",
        "Call.AudioIdentificationResult",
        "HUMAN CONNECTED",
        "waited for HUMAN",
        "Call.AudioIdentificationStopped",
    ]


async def test_a_machine_that_talks_on_is_voicemail(sim: Sim) -> None:
    sim.on_dial("*", _answers_and(_machine))
    sim.load_text(OUTGOING.format(options="model=AMD.Model.US"))
    await sim.start()
    await sim.advance(20)
    assert "VOICEMAIL CONNECTED" in sim.logs


async def test_a_detector_whose_time_is_over_says_so(sim: Sim) -> None:
    sim.on_dial("*", _answers_and(_mumbles))
    sim.load_text(OUTGOING.format(options="timeout=1000"))
    await sim.start()
    await sim.advance(20)
    assert "TIMEOUT CONNECTED" in sim.logs


async def test_a_call_that_nobody_answers_ends_its_detector_too(sim: Sim) -> None:
    sim.on_dial("*", busy())
    sim.load_text(OUTGOING.format(options=""))
    await sim.start()
    await sim.advance(20)
    assert sim.logs == ["CALL_ENDED ALERTING"]


async def test_a_call_that_ends_first_is_told_before_its_own_end(sim: Sim) -> None:
    sim.on_dial("*", _answers_and(_leaves))
    sim.load_text(OUTGOING.format(options=""))
    await sim.start()
    await sim.advance(20)
    told = [line for line in sim.logs if line.startswith("CALL_ENDED") or "Disconnected" in line]
    assert [line.split()[0] for line in told] == ["CALL_ENDED", "Call.Disconnected"]
