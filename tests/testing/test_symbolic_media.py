"""Symbolic media does what the engine's port promises, in transcripts of (what, from, to)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from runtime.media.port import (
    DigitsSent,
    FirstPacketReceived,
    LegClosed,
    LegMediaEvent,
    MediaLost,
    MediaUnavailable,
    PlayerEvent,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    RecorderClosed,
    RecorderEvent,
    RecordingFormat,
    RtpResumed,
    RtpStopped,
    RtpStream,
    ToneReceivedFromPeer,
)
from runtime.media.sounds.sound_port import Voice
from runtime.media.tone_script import ToneScript, ToneStep
from runtime.testing.agenda import Agenda
from runtime.testing.hearing import Audio, Heard
from runtime.testing.symbolic_leg import SymbolicLeg
from runtime.testing.symbolic_media import SymbolicMedia
from runtime.testing.symbolic_player import SymbolicPlayer
from runtime.testing.symbolic_recordings import SimRecording, SymbolicRecordings
from runtime.testing.symbolic_sounds import SymbolicSounds

STREAM = RtpStream(
    remote_host="192.0.2.1",
    remote_port=4000,
    remote_rtcp_port=4001,
    codec="PCMU",
    send_payload_type=0,
    receive_payload_types=frozenset({0}),
)
RINGBACK = ToneScript(
    label="ringback US",
    steps=(
        ToneStep(frequencies_hz=(440.0, 480.0), duration_ms=2000),
        ToneStep(frequencies_hz=(), duration_ms=4000),
    ),
)
Spans = list[tuple[str, float, float | None]]


def spans(heard: list[Heard]) -> Spans:
    rounded = [(one.what, one.start, one.end) for one in heard]
    return [(what, round(a, 3), b if b is None else round(b, 3)) for what, a, b in rounded]


@attrs.define
class Bench:
    media: SymbolicMedia
    sounds: SymbolicSounds
    recordings: SymbolicRecordings
    player_events: list[tuple[float, PlayerEvent]] = attrs.field(factory=list)
    recorder_events: list[RecorderEvent] = attrs.field(factory=list)

    async def leg(self, stream: RtpStream = STREAM) -> SymbolicLeg:
        leg = await self.media.open_leg()
        leg.configure(stream)
        return leg

    def on_player(self, event: PlayerEvent) -> None:
        self.player_events.append((round(trio.current_time(), 3), event))

    async def say(self, text: str, *, loop: bool = False, paused: bool = False) -> SymbolicPlayer:
        sound = await self.sounds.speak(text, Voice())
        return self.media.open_player(sound, self.on_player, loop=loop, paused=paused)

    async def record(self) -> SimRecording:
        form = RecordingFormat(container="wav", stereo=True)
        recording = await self.recordings.start("s", 1, form)
        assert isinstance(recording, SimRecording)
        return recording


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        agenda = Agenda()
        nursery.start_soon(agenda.run)
        yield Bench(SymbolicMedia(agenda), SymbolicSounds(), SymbolicRecordings(agenda))
        nursery.cancel_scope.cancel()


SECOND = "a" * 15
TWO_SECONDS = "b" * 30


async def test_a_prompt_is_heard_for_its_length_and_then_silence(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        b.media.connect(await b.say(TWO_SECONDS), leg)
        await trio.sleep(5)
        assert spans(leg.ear.heard) == [(TWO_SECONDS, 0.0, 2.0)]
        assert b.player_events == [(0.0, PlayerStarted()), (2.0, PlayerFinished())]


async def test_a_leg_hears_one_source_and_the_old_one_does_not_come_back(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        music = await b.say("music", loop=True)
        b.media.connect(music, leg)
        await trio.sleep(3)
        b.media.connect(await b.say(SECOND), leg)
        await trio.sleep(5)
        assert spans(leg.ear.heard) == [("music", 0.0, 3.0), (SECOND, 3.0, 4.0)]


async def test_a_replaced_player_keeps_its_other_listeners_and_its_clock(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        one, two = await b.leg(), await b.leg()
        prompt = await b.say(TWO_SECONDS)
        b.media.connect(prompt, one)
        b.media.connect(prompt, two)
        await trio.sleep(0.5)
        b.media.connect(await b.say(SECOND), one)
        await trio.sleep(5)
        assert spans(two.ear.heard) == [(TWO_SECONDS, 0.0, 2.0)]
        assert spans(one.ear.heard) == [(TWO_SECONDS, 0.0, 0.5), (SECOND, 0.5, 1.5)]


async def test_disconnect_removes_only_an_edge_that_is_still_there(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        old, new = await b.say("old", loop=True), await b.say("new", loop=True)
        b.media.connect(old, leg)
        await trio.sleep(1)
        b.media.connect(new, leg)
        await trio.sleep(1)
        b.media.disconnect(old, leg)
        await trio.sleep(1)
        b.media.disconnect(new, leg)
        assert spans(leg.ear.heard) == [("old", 0.0, 1.0), ("new", 1.0, 3.0)]


async def test_pause_stops_the_clock_of_a_player(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        player = await b.say(TWO_SECONDS, paused=True)
        b.media.connect(player, leg)
        await trio.sleep(1)
        player.resume()
        await trio.sleep(0.5)
        player.pause()
        await trio.sleep(10)
        player.resume()
        await trio.sleep(10)
        assert spans(leg.ear.heard) == [(TWO_SECONDS, 1.0, 1.5), (TWO_SECONDS, 11.5, 13.0)]
        assert b.player_events == [(1.0, PlayerStarted()), (13.0, PlayerFinished())]


async def test_markers_count_from_the_start_and_from_the_end(autojump_clock: MockClock) -> None:
    async with bench() as b:
        player = await b.say(TWO_SECONDS)
        player.add_marker(500)
        player.add_marker(-300)
        player.add_marker(9_000)
        await trio.sleep(5)
        assert b.player_events == [
            (0.0, PlayerStarted()),
            (0.5, PlayerMarkerReached(offset_ms=500)),
            (1.7, PlayerMarkerReached(offset_ms=-300)),
            (2.0, PlayerFinished()),
        ]


async def test_a_closed_player_says_nothing_more(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        player = await b.say(TWO_SECONDS)
        b.media.connect(player, leg)
        await trio.sleep(1)
        player.close()
        player.close()
        await trio.sleep(5)
        assert b.player_events == [(0.0, PlayerStarted())]
        assert spans(leg.ear.heard) == [(TWO_SECONDS, 0.0, 1.0)]


async def test_a_progress_tone_lasts_until_it_is_closed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        tone = b.media.open_player(RINGBACK, b.on_player)
        b.media.connect(tone, leg)
        await trio.sleep(3600)
        tone.close()
        assert spans(leg.ear.heard) == [("ringback US", 0.0, 3600.0)]


async def test_a_bridge_carries_what_people_say(autojump_clock: MockClock) -> None:
    async with bench() as b:
        ann, bob = await b.leg(), await b.leg()
        b.media.connect(ann, bob)
        hello = Audio(what="hello", kind="voice", source="ann")
        ann.begins(hello)
        await trio.sleep(1)
        ann.stops(hello)
        assert spans(bob.ear.heard) == [("hello", 0.0, 1.0)]
        assert spans(ann.ear.heard) == []


async def test_in_a_conference_nobody_hears_himself(autojump_clock: MockClock) -> None:
    async with bench() as b:
        room = b.media.open_conference()
        legs = [await b.leg() for _ in range(3)]
        for leg in legs:
            b.media.connect(leg, room)
            b.media.connect(room, leg)
        legs[0].begins(Audio(what="from 0", kind="voice", source="0"))
        await trio.sleep(1)
        legs[1].begins(Audio(what="from 1", kind="voice", source="1"))
        await trio.sleep(1)
        legs[0].close()
        await trio.sleep(1)
        room.close()
        assert spans(legs[0].ear.heard) == [("from 1", 1.0, 2.0)]
        assert spans(legs[1].ear.heard) == [("from 0", 0.0, 2.0)]
        assert spans(legs[2].ear.heard) == [("from 0", 0.0, 2.0), ("from 1", 1.0, 3.0)]


async def test_two_conferences_that_feed_each_other_do_not_go_round(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        one, two = b.media.open_conference(), b.media.open_conference()
        speaker, listener = await b.leg(), await b.leg()
        b.media.connect(one, two)
        b.media.connect(two, one)
        b.media.connect(speaker, one)
        b.media.connect(two, listener)
        speaker.begins(Audio(what="hello", kind="voice", source="speaker"))
        await trio.sleep(1)
        speaker.close()
        assert spans(listener.ear.heard) == [("hello", 0.0, 1.0)]


async def test_a_leg_may_hear_itself(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        b.media.connect(leg, leg)
        leg.begins(Audio(what="echo", kind="voice", source="leg"))
        await trio.sleep(1)
        leg.close()
        assert spans(leg.ear.heard) == [("echo", 0.0, 1.0)]


async def test_a_held_leg_hears_nothing_while_the_prompt_runs_on(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        b.media.connect(await b.say(TWO_SECONDS), leg)
        await trio.sleep(0.5)
        leg.configure(attrs.evolve(STREAM, sending=False))
        await trio.sleep(1)
        leg.configure(STREAM)
        await trio.sleep(5)
        assert spans(leg.ear.heard) == [(TWO_SECONDS, 0.0, 0.5), (TWO_SECONDS, 1.5, 2.0)]


async def test_handled_digits_are_events_and_no_sound(autojump_clock: MockClock) -> None:
    async with bench() as b:
        ann, bob = await b.leg(), await b.leg()
        events: list[LegMediaEvent] = []
        ann.listen(events.append)
        b.media.connect(ann, bob)
        ann.handle_tones(True)
        ann.presses("5")
        await trio.sleep(1)
        assert events == [
            FirstPacketReceived(),
            ToneReceivedFromPeer(tone="5", duration_ms=100),
        ]
        assert bob.ear.heard == []
        assert bob.digits == []


async def test_digits_that_nobody_handles_pass_through(autojump_clock: MockClock) -> None:
    async with bench() as b:
        ann, bob = await b.leg(), await b.leg()
        b.media.connect(ann, bob)
        ann.presses("5")
        await trio.sleep(1)
        assert spans(bob.ear.heard) == [("5", 0.0, 0.1)]
        assert [one.digit for one in bob.digits] == ["5"]


async def test_digits_are_sent_one_after_another(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        events: list[LegMediaEvent] = []
        leg.listen(events.append)
        leg.send_digits("1p2")
        leg.send_digits("#")
        await trio.sleep(3)
        times = [(one.digit, round(one.t, 3)) for one in leg.digits]
        assert times == [("1", 0.0), ("2", 0.7), ("#", 0.9)]
        assert events.count(DigitsSent()) == 1


async def test_a_peer_without_packets_is_reported_after_five_seconds(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        events: list[LegMediaEvent] = []
        leg.listen(events.append)
        leg.goes_silent()
        await trio.sleep(4.9)
        assert RtpStopped() not in events
        await trio.sleep(0.2)
        leg.comes_back()
        assert events == [FirstPacketReceived(), RtpStopped(), RtpResumed()]


async def test_events_from_before_listen_are_replayed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        await trio.sleep(1)
        leg.close()
        leg.close()
        await trio.sleep(0.1)
        events: list[LegMediaEvent] = []
        leg.listen(events.append)
        assert events[0] == FirstPacketReceived()
        assert isinstance(events[1], LegClosed)
        assert events[1].statistics.packets_sent == 50


async def test_a_stereo_recording_has_the_endpoint_left_and_what_it_hears_right(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg = await b.leg()
        await trio.sleep(10)
        recording = await b.record()
        recorder = b.media.open_recorder(recording, b.recorder_events.append)
        recorder.tap_leg(leg)
        b.media.connect(await b.say(SECOND), leg)
        await trio.sleep(0.5)
        leg.begins(Audio(what="hello", kind="voice", source="leg"))
        await trio.sleep(2)
        recorder.close()
        result = await recording.finish()
        assert spans(recording.right) == [(SECOND, 0.0, 1.0)]
        assert spans(recording.left) == [("hello", 0.5, 2.5)]
        assert recording.contains("hello")
        assert result.duration_s == 2.5
        await trio.lowlevel.checkpoint()
        assert b.recorder_events == [RecorderClosed(frames=125, overrun_frames=0)]


async def test_a_recorder_mixes_its_sources_and_can_be_muted(autojump_clock: MockClock) -> None:
    async with bench() as b:
        one, two = await b.leg(), await b.leg()
        recording = await b.record()
        recorder = b.media.open_recorder(recording, b.recorder_events.append)
        b.media.connect(one, recorder)
        b.media.connect(two, recorder)
        one.begins(Audio(what="one", kind="voice", source="one"))
        await trio.sleep(1)
        two.begins(Audio(what="two", kind="voice", source="two"))
        await trio.sleep(1)
        recorder.mute(True)
        await trio.sleep(1)
        recorder.mute(False)
        await trio.sleep(1)
        recorder.close()
        assert spans(recording.mix) == [
            ("one", 0.0, 2.0),
            ("two", 1.0, 2.0),
            ("one", 3.0, 4.0),
            ("two", 3.0, 4.0),
        ]


async def test_a_crash_tells_everything_once(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        events: list[LegMediaEvent] = []
        leg.listen(events.append)
        b.media.connect(await b.say(TWO_SECONDS), leg)
        await trio.sleep(1)
        b.media.crash()
        await trio.sleep(5)
        assert events == [FirstPacketReceived(), MediaLost()]
        assert b.player_events == [(0.0, PlayerStarted()), (1.0, MediaLost())]
        assert b.media.left_open == []


async def test_a_full_engine_says_so(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.media.capacity = 1
        leg = await b.leg()
        with pytest.raises(MediaUnavailable, match="all 1 legs"):
            await b.leg()
        leg.close()
        await b.leg()


async def test_what_is_not_closed_is_listed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.leg()
        leg.name = "caller 100"
        room = b.media.open_conference()
        assert b.media.left_open == [
            "<audio of caller 100>",
            "<conference of 0 sources, 0 listeners>",
        ]
        leg.close()
        room.close()
        assert b.media.left_open == []
