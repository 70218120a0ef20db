"""Outgoing legs, row by row (voxengine.md 3.2)."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.decisions.problems import Dials
from runtime.legs.leg import Connected, DialRefused, EarlyMedia, Ended, Ringing
from tests.session.bench import bench


async def test_dialling_fires_nothing_and_asks_the_dialer(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        request = await worker.command(
            "call.create",
            unit=1,
            kind="sip",
            to="sip:bob@127.0.0.1",
            callerid="200",
            password="s3cret",
            headers={"X-A": "1"},
        )
        assert worker.result(request) == "done"
        assert worker.names() == ["Application.Started"]
        asked = b.dialer.requests[0]
        assert (asked.to, asked.callerid, asked.session_id) == ("sip:bob@127.0.0.1", "200", "s1")
        assert asked.headers == {"X-A": "1"}
        assert "s3cret" not in str(b.timeline())


async def test_ringing_early_media_and_answer(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1)
        leg.say(Ringing(headers={"X-A": "1"}))
        leg.say(EarlyMedia(headers={"X-B": "2"}))
        leg.say(Ringing())
        leg.say(Connected(headers={"X-C": "3"}, custom_data="hello"))
        await b.quiet()
        assert worker.names()[1:] == ["Call.Ringing", "Call.AudioStarted", "Call.Connected"]
        assert worker.last("Call.Ringing").fields == {"headers": {"X-A": "1"}}
        assert worker.last("Call.AudioStarted").fields == {"headers": {"X-B": "2"}}
        connected = worker.last("Call.Connected")
        assert connected.fields == {"headers": {"X-C": "3"}, "customData": "hello"}
        assert connected.state == "CONNECTED"


async def test_an_answer_without_early_media_starts_the_audio_first(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1)
        leg.ack()
        await b.quiet()
        assert worker.heard[-3:] == ["Call.AudioStarted", "Call.StateChanged", "Call.Connected"]


async def test_180_after_183_rings_when_it_is_allowed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1, allow_180_after_183=True)
        leg.say(EarlyMedia())
        leg.say(Ringing())
        await b.quiet()
        assert worker.names()[1:] == ["Call.AudioStarted", "Call.Ringing"]


async def test_a_refusal_is_failed_and_never_disconnected(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1)
        leg.say(Ended(code=486, reason="Busy Here", by="peer", headers={"Reason": "x"}))
        await b.quiet()
        assert worker.names()[1:] == ["Call.Failed"]
        assert worker.last("Call.Failed").fields == {
            "code": 486,
            "reason": "Busy Here",
            "headers": {"Reason": "x"},
        }


async def test_no_answer_within_the_limit_is_failed_408(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1, timeout_s=20)
        leg.say(Ringing())
        await trio.sleep(19.9)
        assert worker.names()[-1] == "Call.Ringing"
        await trio.sleep(0.2)
        assert worker.last("Call.Failed").fields["code"] == 408
        assert leg.sent == ["hangup"]


async def test_hanging_up_before_the_answer_is_failed_487(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1)
        await worker.command("call.hangup", unit=1)
        assert worker.last("Call.Failed").fields["code"] == 487
        assert leg.sent == ["hangup"]
        assert worker.names().count("Call.Failed") == 1


async def test_hanging_up_while_the_call_is_still_being_placed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.dialer.delay_s = 1.0
        worker = await b.started()
        await worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
        await worker.command("call.hangup", unit=1)
        assert worker.last("Call.Failed").fields["code"] == 487
        await trio.sleep(1.1)
        assert b.dialer.legs[0].sent == ["hangup"]
        assert worker.names().count("Call.Failed") == 1


async def test_an_attempt_that_is_not_permitted_is_failed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.dialer.refusal = DialRefused(Dials.NEEDS_TRUNK, "no trunk is configured")
        worker = await b.started()
        await worker.command("call.create", unit=1, kind="pstn", to="4420")
        assert worker.last("Call.Failed").fields == {
            "code": 403,
            "reason": "no trunk is configured",
            "headers": {},
        }
        [entry] = [entry for entry in b.timeline() if entry.kind == "refusal"]
        assert (entry.what, entry.detail) == ("403 no trunk is configured", {"problem": "E2304"})


async def test_an_answered_call_that_ends_is_disconnected(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        leg = await b.dialled(worker, 1)
        leg.ack()
        leg.bye()
        await b.quiet()
        assert worker.names()[-2:] == ["Call.Connected", "Call.Disconnected"]


async def test_ten_unanswered_calls_at_once(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        for n in range(10):
            await b.dialled(worker, 2 * n + 1)
        await worker.command("call.create", unit=21, kind="sip", to="sip:x@127.0.0.1")
        failed = worker.last("Call.Failed")
        assert (failed.unit, failed.fields["code"]) == (21, 403)
        assert failed.fields["reason"] == "Call limit reached"
        b.dialer.legs[0].ack()
        await b.dialled(worker, 23)
        assert len(b.dialer.legs) == 11


async def test_fifty_attempts_in_a_session(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        for n in range(50):
            leg = await b.dialled(worker, 2 * n + 1)
            leg.say(Ended(code=486, reason="Busy", by="peer"))
        await worker.command("call.create", unit=101, kind="sip", to="sip:x@127.0.0.1")
        assert worker.last("Call.Failed").fields["reason"] == "Call limit reached"
        assert len(b.dialer.legs) == 50


async def test_thirty_two_live_calls(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        for n in range(32):
            (await b.dialled(worker, 2 * n + 1)).ack()
        await worker.command("call.create", unit=65, kind="sip", to="sip:x@127.0.0.1")
        assert worker.last("Call.Failed").fields["code"] == 403
        assert any("32" in line for line in b.lines("refusal"))


async def test_signalling_before_the_call_is_placed_is_refused(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.dialer.delay_s = 1.0
        worker = await b.started()
        await worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
        info = await worker.command("call.info", unit=1, mime_type="a/b", body="x")
        assert "not answered yet" in (worker.result(info) or "")
        await worker.command("call.tones", unit=1, handle=True)
        await worker.command("call.digits", unit=1, digits="12")
        await trio.sleep(1.1)
        leg = b.dialer.legs[0]
        assert leg.media.handles_tones
        assert leg.media.digits == ""
        leg.say(EarlyMedia())
        await b.quiet()
        assert leg.media.digits == "12"


async def test_calls_placed_by_the_top_level_are_heard_of_after_started(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        await b.registry.start("ivr", "")
        await b.quiet()
        leg = await b.dialled(b.worker, 1)
        leg.say(Ringing())
        await b.quiet()
        assert b.worker.names() == []
        await b.worker.ready()
        assert b.worker.names() == ["Application.Started", "Call.Ringing"]
