"""Recordings (voxengine.md 3.4)."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.media.port import MediaLost, RecordingFormat
from runtime.session.settings import SessionSettings
from tests.session.bench import bench


async def test_record_starts_at_once_with_its_url(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit, stereo=True, container="wav")
        assert worker.names() == ["Call.RecordStarted"]
        assert worker.last("Call.RecordStarted").fields == {"url": "http://recordings.test/1.wav"}
        assert b.store.made[0].form == RecordingFormat(container="wav", stereo=True)
        assert b.media.recorders[0].tapped == [leg.media]


async def test_record_stopped_comes_after_disconnected_when_the_file_is_complete(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await trio.sleep(104)
        leg.bye()
        await b.quiet()
        assert worker.names()[-1] == "Call.Disconnected"
        await trio.sleep(1)
        assert worker.heard[-2:] == ["Call.RecordStopped", f"release {unit}"]
        assert worker.last("Call.RecordStopped").fields == {
            "url": "http://recordings.test/1.mp3",
            "cost": "0",
            "duration": 104,
            "reason": "Stopped by user",
        }
        assert b.view().recordings[0].result is not None


async def test_record_before_the_answer_starts_when_there_is_something_to_hear(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.answer", unit=unit)
        await worker.command("call.record", unit=unit)
        assert b.store.made == []
        leg.ack()
        await b.quiet()
        assert worker.names()[-2:] == ["Call.Connected", "Call.RecordStarted"]


async def test_a_second_record_is_an_error_and_harms_not_the_first(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await worker.command("call.record", unit=unit)
        assert worker.names() == ["Call.RecordStarted", "Call.RecordError"]
        assert len(b.store.made) == 1
        leg.bye()
        await trio.sleep(1)
        assert worker.names()[-2:] == ["Call.Disconnected", "Call.RecordStopped"]


async def test_a_full_disk_is_a_record_error_and_the_call_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.store.start_error = "the disk is full"
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        assert worker.last("Call.RecordError").fields == {"error": "the disk is full"}
        b.store.start_error = ""
        await worker.command("call.record", unit=unit)
        assert worker.names() == ["Call.RecordError", "Call.RecordStarted"]
        assert leg.sent == ["200"]


async def test_a_file_that_cannot_be_finished_is_a_record_error_after_the_end(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.store.finish_error = "the disk is full"
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        leg.bye()
        await trio.sleep(1)
        assert worker.heard[-3:] == ["Call.Disconnected", "Call.RecordError", f"release {unit}"]


async def test_a_file_that_is_never_finished_does_not_hold_the_session(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.store.finish_s = 100_000
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        leg.bye()
        await trio.sleep(31)
        assert "not complete" in worker.last("Call.RecordError").fields["error"]


async def test_a_lost_engine_still_finishes_the_file(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        leg.media.say(MediaLost())
        b.media.recorders[0]._listener(MediaLost())
        await trio.sleep(1)
        assert worker.last("Call.Disconnected").fields["internalCode"] == 503
        assert worker.names()[-1] == "Call.RecordStopped"
        assert b.store.made[0].finished


async def test_a_call_that_ends_while_its_recording_opens(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.store.start_s = 1.0
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        leg.bye()
        await trio.sleep(3)
        assert worker.names() == ["Call.Disconnected"]
        assert worker.heard[-1] == f"release {unit}"
        assert b.store.made[0].finished


async def test_terminate_finishes_the_file_without_an_event(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.store.finish_s = 3.0
        _, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await worker.command("session.terminate")
        await trio.sleep(1)
        assert b.view().state == "TERMINATING"
        await trio.sleep(5)
        assert b.store.made[0].finished
        assert "Call.RecordStopped" not in worker.names()
        assert b.view().state == "ENDED"


async def test_a_recorder_records_what_is_sent_to_it(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        b.store.start_s = 1.0
        await worker.command("recorder.create", unit=1)
        await worker.command("media.send", source=unit, sink=1)
        await worker.command("recorder.mute", unit=1, mute=True)
        await trio.sleep(1.1)
        recorder = b.media.recorders[0]
        assert (leg.media, recorder) in b.media.edges
        assert recorder.muted
        assert worker.names() == ["Recorder.Started"]
        await trio.sleep(10)
        await worker.command("recorder.stop", unit=1)
        await trio.sleep(1)
        stopped = worker.last("Recorder.Stopped").fields
        assert (stopped["duration"], stopped["cost"]) == (10, "0")
        assert b.media.edges == set()


async def test_a_recorder_that_cannot_start_says_so(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.store.start_error = "the disk is full"
        _, worker, _ = await b.connected()
        await worker.command("recorder.create", unit=1)
        assert worker.last("Recorder.Error").fields == {"error": "the disk is full"}


async def test_recordings_are_numbered_from_one(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await worker.command("recorder.create", unit=1)
        assert [recording.number for recording in b.store.made] == [1, 2]
        assert [view.number for view in b.view().recordings] == [1, 2]


async def test_a_session_records_no_more_files_than_its_limit(autojump_clock: MockClock) -> None:
    """A script that records and stops in a loop would fill the disk with empty files, and the core
    with what is known of them."""
    limits = Limits(recordings=2)
    async with bench(SessionSettings(limits=limits)) as b:
        _, worker, unit = await b.connected()
        for handle in (1, 3, 5):
            await worker.command("recorder.create", unit=handle)
        assert worker.last("Recorder.Error").fields == {
            "error": "this session has made 2 recordings, the limit"
        }
        await worker.command("call.record", unit=unit)
        assert worker.names()[-1] == "Call.RecordError"
        assert len(b.store.made) == len(b.view().recordings) == 2
