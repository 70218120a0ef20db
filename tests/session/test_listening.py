"""What a session makes of what the engine hears, and digits that go out by SIP INFO."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.legs.leg import ToneSignalled
from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    MachineJudged,
    VoiceChanged,
)
from runtime.media.port import (
    AudioMissing,
    LegMeasured,
    LegStatistics,
    ToneReceivedFromPeer,
)
from runtime.session.rules import Routing, Rule
from tests.session.bench import FakeBundle, bench


async def test_tones_in_the_audio_are_listened_for_until_rfc4733_is_seen(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        assert leg.media.detects == Detection()
        await worker.command("call.tones", unit=unit, handle=True)
        assert leg.media.detects == Detection(digits=True)
        leg.media.say(ToneReceivedFromPeer(tone="1", duration_ms=80, in_band=True))
        leg.say(ToneSignalled(tone="1"))
        await trio.sleep(1)
        assert leg.media.detects == Detection(digits=True)
        leg.media.say(ToneReceivedFromPeer(tone="2", duration_ms=80))
        leg.media.say(ToneReceivedFromPeer(tone="2", duration_ms=80, in_band=True))
        await b.quiet()
        assert leg.media.detects == Detection()
        tones = [(e.fields["tone"], e.fields["type"]) for e in worker.events]
        assert tones == [("1", "2"), ("2", "1")]


async def test_digits_go_out_by_info_at_a_telephones_pace(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.digits_by_info = True
        leg.sent.clear()
        await worker.command("call.digits", unit=unit, digits="1p#")
        one, hash_ = (
            f"INFO application/dtmf-relay Signal={key}\r\nDuration=100\r\n" for key in "1#"
        )
        await trio.sleep(0.65)
        assert leg.sent == [one]
        await trio.sleep(0.1)
        assert leg.sent == [one, hash_]
        assert leg.media.digits == ""


async def test_digits_by_info_end_with_the_call(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.digits_by_info = True
        await worker.command("call.digits", unit=unit, digits="123456789")
        leg.bye()
        await trio.sleep(5)
        assert len([one for one in leg.sent if one.startswith("INFO")]) == 1


async def test_nothing_is_listened_for_before_the_call_is_connected(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.beep", unit=unit, frequencies=[850], timeout_ms=1_000)
        await trio.sleep(5)
        assert leg.media.detects == Detection()
        assert "Call.BeepDetectionComplete" not in worker.names()
        await worker.command("call.answer", unit=unit)
        leg.ack()
        await b.quiet()
        assert leg.media.detects == Detection(beeps_hz=(850,))
        leg.media.say(BeepHeard(frequency_hz=851.0, duration_ms=300))
        leg.media.say(BeepHeard(frequency_hz=851.0, duration_ms=300))
        await trio.sleep(5)
        assert worker.names().count("Call.BeepDetectionComplete") == 1
        assert leg.media.detects == Detection()


async def test_a_refusal_of_the_engine_ends_every_search_with_its_reason(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.tones", unit=unit, handle=True)
        await worker.command("call.beep", unit=unit, frequencies=[])
        await worker.command("call.amd", unit=unit, detector=1)
        leg.media.say(DetectionRefused(reason="too many"))
        await trio.sleep(30)
        assert worker.last("Call.BeepDetectionError").fields == {"reason": "too many"}
        assert worker.names().count("Call.VoicemailToneNotDetected") == 1
        assert worker.last("AMD.DetectionError").fields["message"] == "too many"
        assert "Call.BeepDetectionComplete" not in worker.names()
        assert leg.media.detects == Detection(digits=True)


async def test_what_is_listened_for_counts_for_the_application_whose_script_asks(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        routing = {
            name: Routing.ruled([Rule(name="all", to=to, scenario="ivr")], {"ivr": FakeBundle()})
            for name, to in (("shop", "1.."), ("bank", "2.."))
        }
        b.registry.set_scenarios(Routing.named({}))
        b.registry.set_applications(routing)
        for number, application in (("100", "shop"), ("200", "bank")):
            leg, worker, unit = await b.connected(number=number)
            await worker.command("call.beep", unit=unit, frequencies=[])
            assert leg.media.detects.owner == application
            recogniser = b.recognisers.embedded
            await worker.command("asr.create", unit=unit + 1, wishes='{"phraseHints": ["yes"]}')
            await b.quiet()
            assert recogniser.held_by(application) == 1
            leg.bye()
            await trio.sleep(20)
            assert recogniser.held_by(application) == 0


async def test_a_call_has_one_detector_at_a_time(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("call.amd", unit=unit, detector=1)
        second = await worker.command("call.amd", unit=unit, detector=3)
        assert "a detector listens to this call already" in (worker.result(second) or "")


async def test_a_judgement_without_result_waits_for_the_time_out(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.amd", unit=unit, detector=1, timeout_ms=6_000)
        leg.media.say(MachineJudged(human=None, rule="no rule decided in time", words=1))
        await b.quiet()
        assert "AMD.DetectionComplete" not in worker.names()
        await trio.sleep(7)
        assert worker.last("AMD.DetectionComplete").fields["resultClass"] == "TIMEOUT"


async def test_what_nobody_asked_about_is_no_event(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        leg.media.say(VoiceChanged(active=True))
        leg.media.say(BeepHeard(frequency_hz=851.0, duration_ms=300))
        leg.media.say(MachineJudged(human=True, rule="a short greeting, then silence", words=1))
        await b.quiet()
        assert worker.names() == []


async def test_statistics_are_asked_for_every_interval_and_shaped_for_the_script(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        refused = await worker.command("call.statistics", unit=unit, interval_s=2)
        assert "must be 3 to 10" in (worker.result(refused) or "")
        await worker.command("call.statistics", unit=unit, interval_s=3)
        await trio.sleep(10)
        assert leg.media.measured == 3
        figures = LegStatistics(
            packets_received=90, packets_lost=10, jitter_ms=2.5, round_trip_ms=40.0
        )
        leg.media.say(LegMeasured(statistics=figures))
        await b.quiet()
        audio = worker.last("Call.MediaStatisticsReceived").fields["audio"]
        assert audio["incoming"]["loss"] == 0.1
        assert audio["roundTrip"] == 40.0
        assert 2.0 < audio["incoming"]["mos"] < 4.0


async def test_missing_audio_stands_in_the_timeline_with_its_cause(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, _, _ = await b.connected()
        leg.media.say(AudioMissing(cause="no packet has come at all"))
        await b.quiet()
        lines = [entry.what for entry in b.timeline()]
        assert "no audio from the peer for 2 s: no packet has come at all" in lines
