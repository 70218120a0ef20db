"""An audio engine that writes down what it is told; the test says what it reports."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from runtime.media.findings import Detection
from runtime.media.port import (
    FirstPacketReceived,
    LegAddress,
    LegClosed,
    LegMediaEvent,
    LegMediaListener,
    LegStatistics,
    MediaConference,
    MediaLeg,
    MediaPlayer,
    MediaRecorder,
    MediaSink,
    MediaSource,
    PlayerEvent,
    PlayerFinished,
    PlayerListener,
    PlayerStarted,
    RecorderClosed,
    RecorderListener,
    Recording,
    RecordingError,
    RecordingFormat,
    RecordingResult,
    RtpStream,
    Sound,
    SoundError,
)
from runtime.media.sounds.sound_port import WHOLE, Assets, Fetching, Voice
from runtime.media.tone_script import ToneScript


class FakeMediaLeg:
    def __init__(self, name: str) -> None:
        self.name = name
        self.handles_tones = False
        self.digits = ""
        self.detects = Detection()
        self.measured = 0
        self.closed = False
        self._listener: LegMediaListener | None = None

    @property
    def address(self) -> LegAddress:
        return LegAddress(host="127.0.0.1", rtp_port=10000, rtcp_port=10001)

    def listen(self, listener: LegMediaListener) -> None:
        self._listener = listener

    def configure(self, stream: RtpStream) -> None:
        raise NotImplementedError("the session never configures a leg's stream")

    def handle_tones(self, handle: bool) -> None:
        self.handles_tones = handle

    def detect(self, what: Detection) -> None:
        self.detects = what

    def measure(self) -> None:
        self.measured += 1

    def send_digits(self, digits: str) -> None:
        self.digits += digits

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.say(LegClosed(statistics=LegStatistics(packets_sent=50)))

    def say(self, event: LegMediaEvent) -> None:
        if self._listener is not None:
            self._listener(event)

    def first_packet(self) -> None:
        self.say(FirstPacketReceived())


class FakePlayer:
    def __init__(self, label: str, listener: PlayerListener, *, loop: bool, paused: bool) -> None:
        self.label = label
        self.loop = loop
        self.paused = paused
        self.closed = False
        self.markers: list[int] = []
        self._listener = listener

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def add_marker(self, offset_ms: int) -> None:
        self.markers.append(offset_ms)

    def close(self) -> None:
        self.closed = True

    def say(self, event: PlayerEvent) -> None:
        self._listener(event)

    def start(self) -> None:
        self.say(PlayerStarted())

    def finish(self, error: str | None = None) -> None:
        self.say(PlayerFinished(error=error))


class FakeConference:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class FakeRecorder:
    def __init__(self, recording: FakeRecording, listener: RecorderListener) -> None:
        self.recording = recording
        self.tapped: list[MediaLeg] = []
        self.muted = False
        self.closed = False
        self._listener = listener

    def tap_leg(self, leg: MediaLeg) -> None:
        self.tapped.append(leg)

    def mute(self, muted: bool) -> None:
        self.muted = muted

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._listener(RecorderClosed(frames=50, overrun_frames=0))


class FakeRecording:
    def __init__(self, store: FakeStore, number: int, form: RecordingFormat) -> None:
        self.number = number
        self.form = form
        self.url = f"http://recordings.test/{number}.{form.container}"
        self.finished = False
        self._store = store
        self._began = trio.current_time()

    async def finish(self) -> RecordingResult:
        length = trio.current_time() - self._began
        await trio.sleep(self._store.finish_s)
        if self._store.finish_error:
            raise RecordingError(self._store.finish_error)
        self.finished = True
        return RecordingResult(duration_s=length, size_bytes=1000, sha256="0" * 64)


class FakeStore:
    def __init__(self) -> None:
        self.made: list[FakeRecording] = []
        self.start_s = 0.0
        self.finish_s = 0.015
        self.start_error = ""
        self.finish_error = ""

    async def start(self, session_id: str, number: int, form: RecordingFormat) -> Recording:
        await trio.sleep(self.start_s)
        if self.start_error:
            raise RecordingError(self.start_error)
        recording = FakeRecording(self, number, form)
        self.made.append(recording)
        return recording


@attrs.define(eq=False)
class FakeSound:
    label: str
    duration_s: float | None = 1.5
    closed: bool = False
    error: str | None = None
    complete: trio.Event | None = None
    """Set when the rest has come."""

    async def ready(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.complete is not None:
            await self.complete.wait()

    def close(self) -> None:
        self.closed = True


class FakeSounds:
    """Loads in no time unless `delay_s` says otherwise; names that start with "no" are missing."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.complete: trio.Event | None = None
        """Without one sounds are whole as soon as they are opened."""
        self.fetched: list[Fetching] = []
        self.made: list[FakeSound] = []

    async def open_file(self, url: str, assets: Assets, how: Fetching = WHOLE) -> Sound:
        self.fetched.append(how)
        await trio.sleep(self.delay_s)
        if url.startswith("no"):
            raise SoundError(f"{url} is not in the scenario's folder")
        return self._make(url)

    async def join(self, label: str, sounds: Sequence[Sound], assets: Assets) -> Sound:
        await trio.lowlevel.checkpoint()
        joined = FakeSound(label, sum(sound.duration_s or 0.0 for sound in sounds))
        self.made.append(joined)
        return joined

    async def speak(self, text: str, voice: Voice, assets: Assets) -> Sound:
        await trio.sleep(self.delay_s)
        if len(text) > 1500:
            raise SoundError("the text is too long")
        return self._make(text)

    def _make(self, label: str) -> FakeSound:
        sound = FakeSound(label, complete=self.complete)
        self.made.append(sound)
        return sound


class FakeMedia:
    """`log` is what the engine was told, in words; `heard` who hears whom right now."""

    def __init__(self) -> None:
        self.players: list[FakePlayer] = []
        self.recorders: list[FakeRecorder] = []
        self.conferences: list[FakeConference] = []
        self.edges: set[tuple[object, object]] = set()

    @property
    def player(self) -> FakePlayer:
        """The newest one."""
        return self.players[-1]

    async def open_leg(self) -> MediaLeg:
        raise NotImplementedError("legs come with their media")

    def open_player(
        self,
        source: Sound | ToneScript,
        listener: PlayerListener,
        *,
        loop: bool = False,
        paused: bool = False,
    ) -> MediaPlayer:
        looped = loop or isinstance(source, ToneScript)
        player = FakePlayer(source.label, listener, loop=looped, paused=paused)
        self.players.append(player)
        return player

    def open_conference(self) -> MediaConference:
        conference = FakeConference()
        self.conferences.append(conference)
        return conference

    def open_recorder(self, recording: Recording, listener: RecorderListener) -> MediaRecorder:
        assert isinstance(recording, FakeRecording)
        recorder = FakeRecorder(recording, listener)
        self.recorders.append(recorder)
        return recorder

    def connect(self, source: MediaSource, sink: MediaSink) -> None:
        if isinstance(sink, FakeMediaLeg):
            self.edges = {edge for edge in self.edges if edge[1] is not sink}
        self.edges.add((source, sink))

    def disconnect(self, source: MediaSource, sink: MediaSink) -> None:
        self.edges.discard((source, sink))

    def source_of(self, sink: object) -> object | None:
        return next((source for source, to in self.edges if to is sink), None)
