"""Call and VoxEngine.call*: what is sent, what is refused at once, what a handle gives."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.commands import (
    AnswerCall,
    CreateCall,
    HandleTones,
    HangUpCall,
    RecordCall,
    RejectCall,
    RingCall,
    SendDigits,
    SendInfo,
    SetCallData,
)
from runtime.sandbox.frames import CommandFrame, ResultFrame
from tests.sandbox.fake_core import running

ALERT = """
from runtime import *
import trio

@VoxEngine.on(AppEvents.CallAlerting)
{kind} alerting(e):
    call = e.call
"""


def alerting(body: str, kind: str = "def") -> str:
    indented = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return ALERT.format(kind=kind) + indented


async def test_a_call_can_be_asked_without_a_round_trip(autojump_clock: MockClock) -> None:
    body = """
Logger.write(call.id(), )
Logger.write(f"{call.number()} {call.callerid()} {call.displayName()} {call.clientType()}")
Logger.write(f"{call.incoming()} {call.state()} {call.state() == 'ALERTING'}")
Logger.write(call.toString())
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert core.logs == [
            "s1-2",
            "100 200 Ann sip",
            "True ALERTING True",
            "<Call s1-2 from 200 ALERTING>",
        ]


async def test_answer_takes_headers_and_options_in_both_spellings(
    autojump_clock: MockClock,
) -> None:
    body = """
call.answer({"X-A": "1"}, {"displayName": "Bob", "scheme": {}})
call.answer(displayName="Bob", extraHeaders={"X-A": "1"})
"""
    async with running(alerting(body)) as core:
        await core.alert()
        expected = AnswerCall(unit=2, headers={"X-A": "1"}, display_name="Bob")
        assert core.all_of(AnswerCall) == [expected, expected]


async def test_awaiting_answer_gives_whether_it_connected(autojump_clock: MockClock) -> None:
    body = """
outcome = await call.answer()
Logger.write(f"{bool(outcome)} {outcome.reason}")
"""
    for value, error, said in (
        ("connected", None, "True connected"),
        (None, "the caller hung up", "False the caller hung up"),
    ):
        async with running(alerting(body, "async def")) as core:
            await core.alert()
            await core.result(AnswerCall, value, error)
            assert core.logs == [said]
            assert core.errors == []


async def test_a_dropped_handle_warns_of_nothing_and_its_refusal_is_logged(
    autojump_clock: MockClock,
) -> None:
    async with running(alerting("call.sendDigits('1')")) as core:
        await core.alert()
        await core.result(SendDigits, error="the call is not connected")
        assert core.logs == ["Call.sendDigits() failed: the call is not connected"]


async def test_an_awaited_refusal_raises(autojump_clock: MockClock) -> None:
    body = """
try:
    await call.sendDigits("1")
except CommandFailed as exc:
    Logger.write(str(exc))
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(SendDigits, error="the call is not connected")
        assert core.logs == ["Call.sendDigits(): the call is not connected"]


async def test_a_handle_can_be_awaited_by_many_and_after_it_settled(
    autojump_clock: MockClock,
) -> None:
    body = """
handle = call.answer()
async with trio.open_nursery() as nursery:
    for _ in range(3):
        nursery.start_soon(handle._wait)
Logger.write(f"{await handle} {handle.done} {handle!r}"[:23])
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(AnswerCall, "connected")
        assert core.logs == ["Answered(connected=True"]


async def test_ending_the_wait_leaves_the_command_alone(autojump_clock: MockClock) -> None:
    body = """
handle = call.answer()
with trio.move_on_after(1):
    await handle
Logger.write(f"waited enough, {handle.done}")
Logger.write(f"{(await handle).connected}")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await trio.sleep(2)
        await core.result(AnswerCall, "connected")
        assert core.logs == ["waited enough, False", "True"]


async def test_commands_on_an_ended_call_are_ignored_with_a_log_line(
    autojump_clock: MockClock,
) -> None:
    body = """
@call.on(CallEvents.Disconnected)
async def gone(e):
    Logger.write(f"{e.internalCode} {e.duration} {call.state()}")
    call.hangup()
    Logger.write(f"{await call.say('bye')} {bool(await call.answer())}")
    VoxEngine.sendMediaBetween(call, call)
    call.handleTones(True)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.disconnect(internalCode=487, duration=0)
        assert core.commands == []
        assert core.errors == []
        assert core.logs[0] == "487 0 TERMINATED"
        assert core.logs[1] == "Call.say() ignored: <Call s1-2 from 200 TERMINATED> has ended"
        assert "call_ended False" in core.logs
        assert not any("hangup" in line for line in core.logs), "it has what it wants"


async def test_an_outgoing_call_is_there_at_once(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        call = VoxEngine.callSIP("sip:bob@example.com", callerid="100", displayName="Ann",
            headers={"X-A": "1", "VI-CallTimeout": "15"}, authUser="u", password="p",
            outProxy="sip:proxy", regId=7, allow180After183=True)
        Logger.write(f"{call.state()} {call.number()} {call.callerid()} {call.incoming()}")
        call.addEventListener(CallEvents.Failed, lambda e: Logger.write(f"{e.code} {e.reason}"))
    """
    async with running(source) as core:
        assert core.one(CreateCall) == CreateCall(
            unit=1,
            kind="sip",
            to="sip:bob@example.com",
            callerid="100",
            display_name="Ann",
            auth_user="u",
            password="p",
            out_proxy="sip:proxy",
            registration="7",
            headers={"X-A": "1"},
            timeout_s=15,
            allow_180_after_183=True,
        )
        await core.event("Call.Failed", 1, {"code": 486, "reason": "Busy Here"}, state="TERMINATED")
        assert core.logs == ["ALERTING sip:bob@example.com 100 False", "486 Busy Here"]


async def test_calls_are_placed_by_keywords_by_dict_and_by_position(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        VoxEngine.callSIP("sip:a@b", "100", "Ann", "pw", "user", {"X-A": "1"}, False, "sip:p")
        VoxEngine.callSIP("sip:a@b", {"callerid": "100", "displayName": None})
        VoxEngine.callPSTN("+15550100", "+15550111")
        VoxEngine.callPSTN("+15550100", "+15550111", {"followDiversion": False})
        VoxEngine.callUser("bob", "100", "Ann", {"X-A": "1"})
        VoxEngine.callUser({"username": "bob", "callerid": "100", "extraHeaders": {"X-A": "1"}})
        VoxEngine.callSIP(to="sip:a@b", callerid="100")
        VoxEngine.callPSTN(number="+15550100", callerid="+15550111", followDiversion=False)
    """
    async with running(source) as core:
        calls = core.all_of(CreateCall)
        assert [(call.unit, call.kind, call.to, call.callerid) for call in calls] == [
            (1, "sip", "sip:a@b", "100"),
            (3, "sip", "sip:a@b", "100"),
            (5, "pstn", "+15550100", "+15550111"),
            (7, "pstn", "+15550100", "+15550111"),
            (9, "user", "bob", "100"),
            (11, "user", "bob", "100"),
            (13, "sip", "sip:a@b", "100"),
            (15, "pstn", "+15550100", "+15550111"),
        ]
        assert (calls[0].password, calls[0].auth_user, calls[0].out_proxy) == (
            "pw",
            "user",
            "sip:p",
        )
        assert calls[4].headers == calls[5].headers == {"X-A": "1"}


async def test_answered_waits_for_the_outcome(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        @VoxEngine.on(AppEvents.Started)
        async def started():
            for _ in range(3):
                outcome = await VoxEngine.callSIP("sip:bob@example.com").answered(timeout=15)
                Logger.write(f"{bool(outcome)} {outcome.code} {outcome.reason}")
    """
    async with running(source) as core:
        await core.event("Application.Started")
        await core.event("Call.Failed", 1, {"code": 486, "reason": "Busy"}, state="TERMINATED")
        await trio.sleep(16)
        await core.connect(5)
        assert core.logs == [
            "False 486 Busy",
            "False 408 not answered within 15 s",
            "True 200 connected",
        ]


async def test_ended_gives_the_last_event(autojump_clock: MockClock) -> None:
    body = """
end = await call.ended()
Logger.write(f"{end.name} {end.internalCode} {(await call.ended()) is end}")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.disconnect(internalCode=16)
        assert core.logs == ["Call.Disconnected 16 True"]


async def test_the_plain_commands_reach_the_wire(autojump_clock: MockClock) -> None:
    body = """
call.handleTones(True, DTMFType.SIP_INFO)
call.sendDigits("12p*#")
call.sendInfo("text/plain", "a\\nb", {"X-A": "1"})
call.record(stereo=True, container="wav")
call.record({"lossless": True})
call.customData("vip")
Logger.write(call.customData())
call.hangup({"X-Why": "done"})
call.decline(603)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert core.commands == [
            HandleTones(unit=2, handle=True, kinds=3),
            SendDigits(unit=2, digits="12p*#"),
            SendInfo(unit=2, mime_type="text/plain", body="a\nb", headers={"X-A": "1"}),
            RecordCall(unit=2, container="wav", stereo=True),
            RecordCall(unit=2, container="flac"),
            SetCallData(unit=2, value="vip"),
            HangUpCall(unit=2, headers={"X-Why": "done"}),
            RejectCall(unit=2, code=603),
        ]
        assert core.logs == ["vip"]


async def test_answering_again_gives_what_became_of_the_first_answer(
    autojump_clock: MockClock,
) -> None:
    body = """
first, second = call.answer(), call.answer()
Logger.write(f"{bool(await second)} {bool(await first)}")
third = await call.answer()
Logger.write(f"{bool(third)} {third.code} {third.reason}")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        one, two = (frame.req for frame in core.frames if isinstance(frame, CommandFrame))
        await core.send(ResultFrame(req=two, error="answer(): the call is answered"))
        await core.settle()
        await core.connect()
        await core.send(ResultFrame(req=one, value="connected"))
        await core.settle()
        await core.result(AnswerCall, error="answer(): the call is connected")
        assert [line for line in core.logs if "failed" not in line] == [
            "True True",
            "True 200 connected",
        ]


async def test_a_refusal_does_not_repeat_the_command(autojump_clock: MockClock) -> None:
    body = """
try:
    await call.ring()
except CommandFailed as exc:
    Logger.write(str(exc))
call.decline(486)
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(RingCall, error="ring(): the call is connected; nothing was done")
        await core.result(RejectCall, error="reject(): the call is connected")
        assert core.logs == [
            "Call.ring(): the call is connected; nothing was done",
            "Call.decline() failed: the call is connected",
        ]


async def test_data_from_the_answering_side_becomes_the_call_s(autojump_clock: MockClock) -> None:
    body = """
call.customData("ours")
@call.on(CallEvents.Connected)
def connected(e):
    Logger.write(f"{e.customData} {call.customData()}")
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect(customData="theirs")
        await core.connect()
        assert core.logs == ["theirs theirs", " theirs"]
