"""easyProcess and its kin: exactly the steps of the VoxEngine reference."""

from __future__ import annotations

from trio.testing import MockClock

from runtime.sandbox.commands import (
    AnswerCall,
    Command,
    CreateCall,
    HangUpCall,
    RingCall,
    SendInfo,
    SendMediaTo,
    SendMessage,
    StartEarlyMedia,
    StartPlayback,
    StopMediaTo,
    Terminate,
)
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import FakeCore, running

BRIDGE = """
other = VoxEngine.callSIP("sip:bob@example.com", displayName="Bob")
VoxEngine.easyProcess(call, other, lambda a, b: Logger.write(f"{a.id()} {b.id()}"))
"""
CALLER, CALLEE = 2, 1


def since(core: FakeCore, known: int) -> list[Command]:
    return core.commands[known:]


async def test_easy_process_wires_media_at_once_and_relays_progress(
    autojump_clock: MockClock,
) -> None:
    async with running(alerting(BRIDGE)) as core:
        await core.alert()
        assert since(core, 1) == [
            SendMediaTo(source=CALLER, sink=CALLEE),
            SendMediaTo(source=CALLEE, sink=CALLER),
        ]
        await core.event("Call.Ringing", CALLEE)
        await core.event("Call.AudioStarted", CALLEE)
        await core.connect(CALLEE, headers={"X-A": "1", "Via": "no", "X-Long": "x" * 300})
        assert since(core, 3) == [
            RingCall(unit=CALLER),
            StartEarlyMedia(unit=CALLER),
            AnswerCall(unit=CALLER, headers={"X-A": "1"}, display_name="Bob"),
        ]
        assert core.logs == []
        await core.connect(CALLER)
        assert core.logs == ["s1-2 s1-1"]


async def test_messages_and_info_pass_both_ways(autojump_clock: MockClock) -> None:
    async with running(alerting(BRIDGE)) as core:
        await core.alert()
        await core.event("Call.MessageReceived", CALLER, {"text": "hi"})
        info = {"mimeType": "text/x", "body": "b", "headers": {"X-A": "1"}}
        await core.event("Call.InfoReceived", CALLEE, info)
        assert since(core, 3) == [
            SendMessage(unit=CALLEE, text="hi"),
            SendInfo(unit=CALLER, mime_type="text/x", body="b", headers={"X-A": "1"}),
        ]


async def test_what_the_other_side_may_not_be_sent_is_logged(autojump_clock: MockClock) -> None:
    async with running(alerting(BRIDGE)) as core:
        await core.alert()
        await core.event("Call.MessageReceived", CALLER, {"text": "\0"})
        await core.event("Call.InfoReceived", CALLER, {"mimeType": "", "body": ""})
        assert core.errors == []
        assert [line.partition(":")[0] for line in core.logs] == [
            "message not passed on",
            "INFO not passed on",
        ]


async def test_the_end_of_either_call_ends_the_session(autojump_clock: MockClock) -> None:
    for unit, name in ((CALLER, "Call.Disconnected"), (CALLEE, "Call.Failed")):
        async with running(alerting(BRIDGE)) as core:
            await core.alert()
            await core.event(name, unit, state="TERMINATED")
            assert core.all_of(Terminate) == [Terminate()]


async def test_a_script_may_take_the_end_back(autojump_clock: MockClock) -> None:
    body = (
        BRIDGE
        + """
other.removeEventListener(CallEvents.Failed)
call.removeEventListener(CallEvents.Disconnected)
"""
    )
    async with running(alerting(body)) as core:
        await core.alert()
        await core.event("Call.Failed", CALLEE, state="TERMINATED")
        await core.disconnect(CALLER)
        assert core.all_of(Terminate) == []


async def test_two_outgoing_calls_are_joined_without_answering_either(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        one = VoxEngine.callSIP("sip:a@example.com")
        two = VoxEngine.callSIP("sip:b@example.com")
        VoxEngine.easyProcess(one, two)
    """
    async with running(source) as core:
        await core.event("Call.Ringing", 3)
        await core.connect(3)
        assert core.logs == []
        assert core.all_of(AnswerCall) == []


async def test_stopping_media_between_undoes_it(autojump_clock: MockClock) -> None:
    body = BRIDGE + "VoxEngine.stopMediaBetween(call, other)"
    async with running(alerting(body)) as core:
        await core.alert()
        assert core.all_of(StopMediaTo) == [
            StopMediaTo(source=CALLER, sink=CALLEE),
            StopMediaTo(source=CALLEE, sink=CALLER),
        ]


async def test_forwarding_dials_what_was_dialled(autojump_clock: MockClock) -> None:
    cases = {
        "VoxEngine.forwardCallToPSTN(lambda n: '+' + n, None, {'callerid': '77'})": (
            "pstn", "+100", "77"),
        "VoxEngine.forwardCallToPSTN()": ("pstn", "100", "200"),
        "VoxEngine.forwardCallToSIP()": ("sip", "sip:100@here", "200"),
        "VoxEngine.forwardCallToUser()": ("user", "100", "200"),
    }  # fmt: skip
    for line, (kind, to, callerid) in cases.items():
        async with running(f"from runtime import *\n{line}") as core:
            await core.alert(toURI="sip:100@here")
            call = core.one(CreateCall)
            assert (call.kind, call.to, call.callerid) == (kind, to, callerid)
            assert len(core.all_of(SendMediaTo)) == 2


async def test_play_sound_and_hang_up(autojump_clock: MockClock) -> None:
    async with running("from runtime import *\nVoxEngine.playSoundAndHangup('bye.wav')") as core:
        await core.alert()
        await core.connect()
        await core.event("Call.PlaybackFinished", 2, {"playback": 1})
        assert core.commands == [
            AnswerCall(unit=2),
            StartPlayback(unit=2, playback=1, url="bye.wav"),
            Terminate(),
        ]
        assert core.all_of(HangUpCall) == []
