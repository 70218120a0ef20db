"""Incoming legs, row by row (voxengine.md 3.2)."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.legs.leg import Ended, Held, InfoReceived, MessageReceived, Resumed
from runtime.session.settings import SessionSettings
from tests.session.bench import bench


async def test_alerting_carries_who_calls_and_what_was_dialled(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.alerting(number="4420", headers={"User-to-User": "x"})
        event = worker.last("Application.CallAlerting")
        assert event.unit is None
        assert event.reply
        assert event.fields == {
            "call": {
                "unit": unit,
                "number": "4420",
                "callerid": "alice",
                "display_name": "Alice",
                "incoming": True,
                "client_type": "sip",
                "custom_data": "",
            },
            "callerid": "alice",
            "destination": "4420",
            "toURI": "sip:4420@127.0.0.1",
            "fromURI": "sip:alice@127.0.0.1",
            "displayName": "Alice",
            "headers": {"User-to-User": "x"},
            "customData": "",
        }
        assert b.view().legs[0].state == "ALERTING"


async def test_ring_and_early_media_fire_nothing_but_a_state(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        before = worker.names()
        await worker.command("call.ring", unit=unit, headers={"X-A": "1"})
        await worker.command("call.early_media", unit=unit)
        assert leg.sent == ["180", "183"]
        assert leg.headers[0] == {"X-A": "1"}
        assert worker.names() == before
        changed = worker.last("Call.StateChanged")
        assert changed.fields == {"oldState": "ALERTING", "newState": "PROGRESSING"}
        assert changed.state == "PROGRESSING"


async def test_connected_comes_with_the_ack_and_its_state_before_it(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        answer = await worker.command("call.answer", unit=unit, headers={"X-B": "2"})
        assert leg.headers == [{"X-B": "2"}]
        leg.ack()
        await b.quiet()
        assert worker.heard[-3:] == ["Call.StateChanged", "Call.Connected", f"result {answer}"]
        assert worker.last("Call.Connected").fields == {"headers": {}, "customData": ""}
        leg.media.first_packet()
        await b.quiet()
        assert worker.heard[-2:] == ["Call.FirstAudioPacketReceived", "Call.AudioQualityDetected"]
        assert worker.last("Call.AudioQualityDetected").fields == {"quality": "STANDARD"}


async def test_a_second_answer_is_refused_and_harms_nothing(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        again = await worker.command("call.answer", unit=unit)
        assert "answer() is only for incoming calls that are not answered yet" in (
            worker.result(again) or ""
        )
        assert leg.sent == ["200"]
        assert b.view().legs[0].state == "CONNECTED"
        assert any("answer()" in line for line in b.lines("refusal"))


async def test_reject_disconnects_at_once_with_its_code(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.reject", unit=unit, code=486, headers={"X-C": "3"})
        assert leg.sent == ["486"]
        assert leg.headers == [{"X-C": "3"}]
        gone = worker.last("Call.Disconnected")
        assert gone.fields["internalCode"] == 486
        assert gone.fields["duration"] == 0
        assert worker.names().count("Call.Disconnected") == 1


async def test_hanging_up_an_alerting_call_refuses_it(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.hangup", unit=unit)
        assert leg.sent == ["603"]
        assert worker.last("Call.Disconnected").fields["internalCode"] == 603


async def test_cancel_before_the_answer_ends_with_487(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.alerting()
        leg.say(Ended(code=487, reason="Request Terminated", by="peer"))
        await b.quiet()
        assert worker.last("Call.Disconnected").fields["internalCode"] == 487
        assert leg.sent == []


async def test_cancel_before_the_script_is_loaded_ends_with_487(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.ring_in()
        leg.say(Ended(code=487, reason="Request Terminated", by="peer"))
        await b.worker.ready()
        assert b.worker.names() == [
            "Application.Started",
            "Application.CallAlerting",
            "Call.Disconnected",
        ]
        unit = b.worker.last("Call.Disconnected").unit
        answer = await b.worker.command("call.answer", unit=unit)
        assert "ended" in (b.worker.result(answer) or "")
        assert leg.sent == []


@pytest.mark.parametrize("first", [None, "call.ring", "call.early_media"])
async def test_nobody_answers_for_60_s(autojump_clock: MockClock, first: str | None) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        if first:
            await worker.command(first, unit=unit)
        await trio.sleep(59.9)
        assert b.view().legs
        await trio.sleep(0.2)
        assert leg.sent[-1] == "480"
        assert worker.last("Call.Disconnected").fields["internalCode"] == 408


async def test_an_answered_call_is_not_ended_by_the_no_answer_limit(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, _, _ = await b.connected()
        await trio.sleep(3_600)
        assert leg.sent == ["200"]
        assert b.view().legs[0].duration_s == pytest.approx(3_600)


@pytest.mark.parametrize(("length", "shown"), [(3.9, 4), (104.9, 105), (0.2, 0), (2.0, 2)])
async def test_the_duration_is_in_whole_seconds(
    autojump_clock: MockClock, length: float, shown: int
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(length)
        leg.bye()
        await b.quiet()
        assert worker.last("Call.Disconnected").fields["duration"] == shown


async def test_hanging_up_a_connected_call(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.hangup", unit=unit, headers={"X-Bill": "1"})
        assert leg.sent == ["200", "hangup"]
        assert leg.headers[-1] == {"X-Bill": "1"}
        gone = worker.last("Call.Disconnected").fields
        assert gone["internalCode"] == 200
        assert gone["headers"] == {}
        assert gone["direction"] == "SIP Call"


async def test_the_callers_bye_carries_cause_and_reason_header(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        leg.bye(16)
        await b.quiet()
        gone = worker.last("Call.Disconnected").fields
        assert (gone["internalCode"], gone["reason"]) == (16, "BYE received")
        assert gone["headers"] == {"Reason": "Q.850"}


async def test_commands_on_an_ended_call_are_refused_and_end_nothing(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.bye()
        await b.quiet()
        for op in ("call.hangup", "call.ring", "call.answer", "media.stop"):
            request = await worker.command(op, unit=unit)
            assert (worker.result(request) or "").startswith("error: ")
        assert b.view().state == "RUNNING"


async def test_an_answer_that_never_connects_settles_with_an_error(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        answer = await worker.command("call.answer", unit=unit)
        leg.say(Ended(code=408, reason="no ACK", by="network"))
        await b.quiet()
        assert worker.result(answer) == "error: the call ended before it was connected"
        assert worker.names()[-1] == "Call.Disconnected"


async def test_hold_info_and_message_are_events(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.say(Held())
        leg.say(Resumed())
        leg.say(InfoReceived(mime_type="a/b", body="x", headers={"X-D": "4"}))
        leg.say(MessageReceived(text="hi"))
        await worker.command("call.info", unit=unit, mime_type="c/d", body="y\nz")
        await worker.command("call.message", unit=unit, text="ho")
        assert worker.names() == [
            "Call.OnHold",
            "Call.OffHold",
            "Call.InfoReceived",
            "Call.MessageReceived",
        ]
        assert worker.last("Call.InfoReceived").fields == {
            "mimeType": "a/b",
            "body": "x",
            "headers": {"X-D": "4"},
        }
        assert leg.sent[1:] == ["INFO c/d y\nz", "MESSAGE ho"]


async def test_nothing_of_a_leg_follows_its_end_but_the_release(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.bye()
        leg.media.first_packet()
        await b.quiet()
        assert worker.heard[-3:] == ["Call.StateChanged", "Call.Disconnected", f"release {unit}"]


async def test_without_a_listener_the_caller_is_told_480_at_once(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.ring_in()
        b.worker.handles_calls = False
        await b.worker.ready()
        assert leg.sent == ["480"]
        assert "no CallAlerting listener" in leg.reasons[0]
        await b.quiet()
        assert b.view().end_cause == "no-listener"


async def test_headers_that_are_no_text_reach_the_script_as_text(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.alerting(headers={"X-Name": "caf\udce9"})
        shown = worker.last("Application.CallAlerting").fields["headers"]["X-Name"]
        assert shown == "caf?"


async def test_the_unanswered_limit_is_a_setting(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(limits=Limits(unanswered_s=5))) as b:
        leg, _, _ = await b.alerting()
        await trio.sleep(5.1)
        assert leg.sent == ["480"]
