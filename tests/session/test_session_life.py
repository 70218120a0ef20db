"""A session from its start to its end (voxengine.md 3.1, R1-R9)."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused, Ended
from runtime.media.port import ToneReceivedFromPeer
from runtime.session.history import CallPicture, RecordingPicture, SessionPicture
from runtime.session.registry import SessionRefused
from runtime.session.rules import Routing
from runtime.session.settings import SessionSettings
from tests.session.bench import FakeBundle, bench


async def test_r1_every_call_has_a_session_of_its_own(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.alerting()
        await b.alerting()
        assert [view.id for view in b.registry.sessions()] == ["s1", "s2"]
        assert len(b.launcher.workers) == 2


async def test_r2_a_session_started_over_http_has_started_and_no_call(
    autojump_clock: MockClock,
) -> None:
    settings = SessionSettings(access_url=lambda token: f"http://x/request/{token}")
    async with bench(settings) as b:
        b.registry.set_applications({"shop": Routing.named({"ivr": FakeBundle()})})
        view = await b.registry.start("ivr", "order 7", application="shop")
        assert (view.id, view.state, view.scenario) == ("s1", "STARTING", "ivr")
        await b.quiet()
        assert b.worker.start is not None
        assert b.worker.start.custom_data == "order 7"
        assert b.worker.start.settings["timers"] == 100
        await b.worker.ready()
        assert b.worker.names() == ["Application.Started"]
        url = b.registry.access_url("s1")
        assert len(url.removeprefix("http://x/request/")) == 32
        assert b.worker.last("Application.Started").fields == {
            "accessURL": url,
            "accessSecureURL": url,
            "logURL": "",
            "sessionId": "s1",
            "applicationId": "shop",
            "conference_name": None,
        }
        assert b.view().state == "RUNNING"


async def test_r7_terminate_releases_calls_and_fires_only_the_last_two(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        callee = await b.dialled(worker, 1)
        await worker.command("media.say", unit=unit, playback=1, text="hello")
        worker.events.clear()
        await worker.command("session.terminate")
        assert leg.sent == ["200", "hangup"]
        assert callee.sent == ["hangup"]
        assert b.media.edges == set()
        assert b.media.player.closed
        assert worker.names() == ["Application.Terminating", "Application.Terminated"]
        assert worker.last("Application.Terminating").fields == {}
        assert worker.stopped == "terminated"
        assert (b.view().state, b.view().end_cause) == ("ENDED", "terminated")


async def test_r7_an_unanswered_caller_is_told_480_by_terminate(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.alerting()
        await worker.command("session.terminate")
        assert leg.sent == ["480"]


async def test_r7_terminate_twice_is_once(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        await worker.post("session.terminate")
        await worker.command("session.terminate")
        assert worker.names().count("Application.Terminating") == 1


async def test_r7_terminated_waits_for_the_handlers_of_terminating(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        worker.replies = False
        await worker.command("session.terminate")
        assert worker.names()[-1] == "Application.Terminating"
        await trio.sleep(9.9)
        assert worker.names()[-1] == "Application.Terminating"
        await trio.sleep(0.2)
        assert worker.names()[-1] == "Application.Terminated"
        await trio.sleep(10)
        assert b.view().state == "ENDED"


async def test_r8_a_session_that_never_has_a_call_ends_after_60_s(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        await b.started()
        await trio.sleep(59.9)
        assert b.view().state == "RUNNING"
        await trio.sleep(0.2)
        assert (b.view().state, b.view().end_cause) == ("ENDED", "idle")


async def test_r8_a_session_ends_60_s_after_its_last_call(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1_000)
        leg.bye()
        await trio.sleep(50)
        callee = await b.dialled(worker, 1)
        await trio.sleep(50)
        assert b.view().state == "RUNNING"
        await worker.command("call.hangup", unit=1)
        assert callee.sent == ["hangup"]
        await trio.sleep(59)
        assert b.view().state == "RUNNING"
        await trio.sleep(2)
        assert b.view().end_cause == "idle"


async def test_r9_commands_of_an_ending_session_are_refused(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        worker.replies = False
        await worker.command("session.terminate")
        late = await worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
        assert "ending" in (worker.result(late) or "")
        assert b.dialer.requests == []


async def test_a_session_has_a_greatest_length(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(12 * 3600 + 1)
        assert b.view().end_cause == "limit:session-length"
        assert leg.sent[-1] == "hangup"
        assert "Application.Terminating" in worker.names()


async def test_an_operator_can_end_a_session(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, _, _ = await b.connected()
        assert b.registry.terminate("s1", "by hand")
        await b.quiet()
        assert (b.view().end_cause, b.view().end_detail) == ("operator", "by hand")
        assert leg.sent[-1] == "hangup"
        assert not b.registry.terminate("s1")
        assert not b.registry.terminate("nothing")


async def test_a_script_that_does_not_get_ready_is_given_up(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.ring_in()
        await trio.sleep(10.1)
        assert leg.sent == ["500"]
        assert b.view().end_cause == "unresponsive"
        assert b.worker.killed


async def test_a_worker_that_stays_after_stop_is_killed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()

        async def stay(status: str) -> None:
            await trio.sleep_forever()

        worker.leave = stay  # type: ignore[method-assign]
        await worker.command("session.terminate")
        assert not worker.killed
        await trio.sleep(2.1)
        assert worker.killed
        assert b.view().state == "ENDED"


async def test_sessions_are_limited_and_the_caller_is_told(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(limits=Limits(max_sessions=1))) as b:
        await b.connected()
        leg = await b.ring_in()
        assert leg.sent == ["503"]
        assert leg.headers == [{"Retry-After": "10"}]
        with pytest.raises(SessionRefused, match="the limit"):
            await b.registry.start("ivr")
        assert b.registry.refused.views()[0].code == 503


async def test_sessions_started_over_http_have_a_limit_of_their_own(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(limits=Limits(started_sessions=1))) as b:
        await b.registry.start("ivr")
        with pytest.raises(SessionRefused, match="over HTTP"):
            await b.registry.start("ivr")
        leg = await b.ring_in()
        assert leg.sent == []


async def test_a_scenario_that_is_not_there_cannot_be_started(autojump_clock: MockClock) -> None:
    async with bench() as b:
        with pytest.raises(SessionRefused, match="there are: ivr"):
            await b.registry.start("nothing")


async def test_the_timeline_tells_the_whole_story(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.send({"type": "log", "text": "hello", "where": "ivr.py:3"})
        await worker.command("call.tones", unit=unit, handle=True)
        leg.media.say(ToneReceivedFromPeer(tone="5", duration_ms=80))
        await worker.command("session.terminate")
        entries = b.timeline()
        assert entries[0].what == "began: ivr"
        assert entries[-1].what == "over: terminated"
        sip = next(entry for entry in entries if entry.kind == "sip")
        assert sip.t == 0.0
        assert sip.leg == f"s1-{unit}"
        assert "s3cret" not in str(sip.detail)
        log = next(entry for entry in entries if entry.kind == "log")
        assert (log.what, log.detail) == ("hello", {"where": "ivr.py:3"})
        answer = next(entry for entry in entries if entry.what == "call.answer")
        assert answer.kind == "command"
        assert answer.leg == f"s1-{unit}"
        assert answer.detail["where"] == "ivr.py:7"
        assert [entry.t for entry in entries] == sorted(entry.t for entry in entries)
        assert b.sinks["s1"].closed


async def test_custom_data_of_session_and_call_is_kept_and_hidden(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("session.custom_data", value="s3cret")
        await worker.command("call.custom_data", unit=unit, value="s3cret")
        assert "s3cret" not in str(b.timeline())


async def test_the_log_of_a_script_is_truncated_once_and_ends_nothing(
    autojump_clock: MockClock,
) -> None:
    limits = Limits(log_bytes_per_s=1_000, log_burst_bytes=5_000)
    async with bench(SessionSettings(limits=limits)) as b:
        worker = await b.started()
        for _ in range(100):
            await worker.send({"type": "log", "text": "x" * 999})
        await b.quiet()
        lines = b.lines("log")
        assert len(lines) == 6
        assert "log truncated" in lines[-1]
        assert b.view().state == "RUNNING"


async def test_a_new_version_serves_new_calls_only(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.connected()
        b.registry.set_scenarios(Routing.single("ivr", FakeBundle(version="v2")))
        await b.ring_in()
        assert [view.version for view in b.registry.sessions()] == ["v1", "v2"]


async def test_the_timeline_waits_a_moment_for_the_last_words_of_a_leg(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        leg.slow_to_end = True
        await worker.command("session.terminate")
        assert b.view().state == "TERMINATING"
        await trio.sleep(0.5)
        leg.say(Ended(code=200, reason="", by="us"))
        await b.quiet()
        assert b.view().state == "ENDED"
        assert any(line.startswith("leg ended by us") for line in b.lines("session"))
        assert "audio of the leg closed" in b.lines("media")


async def test_a_peer_that_never_answers_the_bye_does_not_hold_the_session(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        leg.slow_to_end = True
        await worker.command("session.terminate")
        await trio.sleep(1.1)
        assert b.view().state == "ENDED"


async def test_terminate_ends_answered_calls_normally_and_others_as_not_answered(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        connected, worker, _ = await b.connected()
        dialled = await b.dialled(worker, 1)
        await worker.command("session.terminate")
        assert (connected.sent[-1], connected.codes) == ("hangup", [200])
        assert (dialled.sent[-1], dialled.codes) == ("hangup", [487])
        alerting, worker, _ = await b.alerting()
        await worker.command("session.terminate")
        assert (alerting.sent[-1], alerting.codes) == ("480", [480])
        assert {*connected.reasons, *dialled.reasons, *alerting.reasons} == {
            "the scenario ended the session"
        }


async def test_a_failing_script_shows_in_the_end_of_its_answered_calls(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        connected, worker, _ = await b.connected()
        await worker.error("ValueError: x")
        await b.quiet()
        assert connected.codes == [500]


class Kept:
    """A history that keeps every picture, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def session(self, picture: SessionPicture) -> None:
        self.told.append(("session", picture.end_cause, picture.custom_data))

    def call(self, picture: CallPicture) -> None:
        self.told.append(("call", picture.number, picture.result, picture.code))

    def recording(self, picture: RecordingPicture) -> None:
        self.told.append(("recording", picture.number, picture.name, picture.keep_s))


async def test_a_session_and_its_call_are_pictured_from_begin_to_end(
    autojump_clock: MockClock,
) -> None:
    async with bench(history=(history := Kept())) as b:
        leg, worker, unit = await b.connected()
        await worker.command("session.custom_data", value="order 7")
        await worker.command(
            "call.record", unit=unit, container="wav", expire="-1y", name_prefix="shop-"
        )
        leg.bye()
        await b.quiet()
        b.registry.terminate("s1")
        await trio.sleep(30)
        assert history.told == [
            ("session", None, ""),
            ("call", "100", "live", 0),
            ("call", "100", "answered", 200),
            ("recording", 1, "shop-s1-1.wav", 365 * 86_400),
            ("session", "operator", "order 7"),
        ]


async def test_a_call_that_never_left_is_pictured_with_what_was_dialled(
    autojump_clock: MockClock,
) -> None:
    async with bench(history=(history := Kept())) as b:
        _, worker, _ = await b.connected()
        b.dialer.refusal = DialRefused(Dials.NO_USER, "nobody")
        await worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
        assert history.told[-2:] == [
            ("call", "sip:x@127.0.0.1", "live", 0),
            ("call", "sip:x@127.0.0.1", "failed", 404),
        ]
