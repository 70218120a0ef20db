"""Servers of WebSockets in a simulation: somebody whom the test plays.

The socket goes through the production code of the session; only the last step, from here to a
server, is this one. Audio is symbolic, as that of calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import attrs
import trio
import trio.testing

from runtime.decisions.encodings import ENCODINGS, TICK_S
from runtime.decisions.media_stream import SILENCE_TICKS, StreamPlan
from runtime.sockets import (
    SocketBegan,
    SocketClosed,
    SocketEnded,
    SocketListener,
    SocketRequest,
    SocketText,
    Turn,
)
from runtime.sockets.rtp import stream_of
from runtime.testing.agenda import Act, Appointment, Signal
from runtime.testing.hearing import Audio, Heard, speech_seconds, transcript
from runtime.testing.peers import WAIT_S, NotHeard, Stage
from runtime.testing.symbolic_leg import SymbolicLeg
from runtime.testing.symbolic_media import SymbolicMedia

T = TypeVar("T")

SILENCE_S: Final = SILENCE_TICKS * TICK_S
PORT: Final = 9
"""Nothing is sent there."""


@attrs.define(eq=False)
class Speech:
    """Something that a server says: waiting, sounding or over."""

    audio: Audio
    seconds: float
    over: trio.Event = attrs.field(factory=trio.Event)
    dropped: bool = False


class SimSocket:
    """A server that a scenario opens a WebSocket to, `sim.expect_socket(url)`, or somebody who
    opens one to a scenario, `sim.connect()`."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.texts: list[str] = []
        """Messages of the scenario's, in order; audio is not among them."""
        self.streams: list[StreamPlan] = []
        """How the audio was sent, each time it began."""
        self.request: SocketRequest | None = None
        """With secrets put into its headers; None before it came."""
        self.closed: SocketClosed | None = None
        self.refusal = ""
        self._stage = stage
        self._line: Line | None = None
        self._signal = Signal()
        self._listened: dict[SimLane, int] = {}
        stage.watch(self._signal)

    # --- what happened ---

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the request, by lower-case name."""
        pairs = self.request.headers if self.request else ()
        return {name.lower(): value for name, value in pairs}

    @property
    def heard(self) -> list[Heard]:
        """Everything that was heard while audio was being sent, in all streams."""
        found = [one for lane in self._lanes() for one in lane.media.ear.heard]
        return sorted(found, key=lambda one: one.start)

    def json(self) -> list[Any]:
        """Messages that are JSON."""
        return [json.loads(text) for text in self.texts]

    # --- waiting ---

    async def opened(self, *, within: float = WAIT_S) -> None:
        """Wait until the socket is open."""
        __tracebackhide__ = True
        await self._until(lambda: self._line, within, "to be connected to")

    async def refused(self, *, within: float = WAIT_S) -> str:
        """Wait until the socket is refused; says why."""
        __tracebackhide__ = True
        await self._until(lambda: self.refusal or None, within, "to be refused")
        return self.refusal

    async def gets(self, text: str, *, within: float = WAIT_S) -> None:
        """Wait until a message that holds this text has come."""
        __tracebackhide__ = True
        await self._until(
            lambda: any(text in each for each in self.texts) or None, within, f"for {text!r}"
        )

    async def hears(
        self, what: str | re.Pattern[str], *, tag: str | None = None, within: float = WAIT_S
    ) -> Heard:
        """Wait until this begins to be heard, after the last thing that was waited for; with `tag`
        in a stream that has it."""
        __tracebackhide__ = True
        purpose = f"to hear {what!r}" + ("" if tag is None else f" in a stream tagged {tag!r}")
        lane, found = await self._until(lambda: self._find(what, tag), within, purpose)
        self._listened[lane] = found.number
        return found

    async def ended(self, *, within: float = WAIT_S) -> SocketClosed:
        """Wait until the socket is closed."""
        __tracebackhide__ = True
        return await self._until(lambda: self.closed, within, "for the end of the socket")

    # --- acting ---

    def refuse(self, why: str = "it answers 403") -> None:
        """The socket cannot be opened."""
        self.refusal = why

    def sends(self, text: str) -> None:
        """A message of no audio."""
        self._open_line.tell(SocketText(text))

    def says(
        self, text: str, *, seconds: float | None = None, encoding: str = "PCM16", tag: str = ""
    ) -> Act:
        """Send audio: heard by whoever the scenario sends the socket to, after what is being said;
        `await` it to its end."""
        length = speech_seconds(text) if seconds is None else seconds
        return self._open_line.says(text, length, encoding, tag)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; a second time does nothing."""
        self._open_line.over(SocketClosed(code=code, reason=reason, clean=True))

    def vanish(self) -> None:
        """Be gone without a goodbye."""
        end = SocketClosed(code=1006, reason="the connection broke", clean=False)
        self._open_line.over(end)

    # --- inside ---

    @property
    def _open_line(self) -> Line:
        if self._line is None:
            raise NotHeard(f"{self.name} was not connected to; wait for it: await server.opened()")
        return self._line

    def _connect(self, request: SocketRequest | None, line: Line) -> None:
        self.request, self._line = request, line
        self._signal.notify()

    def _is_refused(self, why: str) -> None:
        self.refusal = why
        self._changed(f"is refused ({why})")

    def _changed(self, what: str = "") -> None:
        if what:
            self._stage.note(self.name, what)
        self._signal.notify()

    def _lanes(self, tag: str | None = None) -> list[SimLane]:
        lanes = self._line.lanes if self._line else []
        return [lane for lane in lanes if tag is None or tag in lane.tags]

    def _find(self, what: str | re.Pattern[str], tag: str | None) -> tuple[SimLane, Heard] | None:
        found = [
            (lane, one)
            for lane in self._lanes(tag)
            for one in lane.media.ear.since(self._listened.get(lane, 0))
            if one.matches(what)
        ]
        return min(found, key=lambda each: each[1].start, default=None)

    async def _until(self, look: Callable[[], T | None], within: float, purpose: str) -> T:
        """Look again at every change, when everything of one instant has happened."""
        __tracebackhide__ = True
        start = trio.current_time()
        with trio.move_on_after(within):
            while True:
                await trio.testing.wait_all_tasks_blocked()
                self._stage.check()
                found = look()
                if found is not None:
                    return found
                if self.closed is not None or (self.refusal and self._line is None):
                    break
                await self._signal.wait()
        self._stage.check()
        raise NotHeard(
            f"{self.name} waited {purpose} from {start:.2f} s to {trio.current_time():.2f} s, in "
            f"vain. {self.refusal} Messages: {self.texts}. Heard:\n{transcript(self.heard)}"
        )

    def __repr__(self) -> str:
        return f"<{self.name}>"


class SimLane:
    """A stream from the session to a server (SocketLane of runtime/sockets/port.py)."""

    def __init__(self, server: SimSocket, media: SymbolicLeg) -> None:
        self._server = server
        self._media = media
        self.tags: set[str] = set()
        """Of all streams that it was used for."""
        media.name, media.signal = server.name, server._signal
        media.listen(lambda _: None)
        self._configure(sending=False)

    @property
    def media(self) -> SymbolicLeg:
        return self._media

    def begin(self, plan: StreamPlan) -> None:
        self.tags.add(plan.tag)
        self._server.streams.append(plan)
        self._configure(sending=True)

    def end(self) -> None:
        self._configure(sending=False)

    def _configure(self, *, sending: bool) -> None:
        stream = stream_of(ENCODINGS["PCM16"], "127.0.0.1", PORT, sending=sending)
        self._media.configure(stream)


class Line:
    """The session's side of a simulated socket (runtime/sockets/port.py)."""

    def __init__(self, server: SimSocket, legs: SymbolicMedia, listener: SocketListener) -> None:
        """Raises MediaUnavailable."""
        self._server = server
        self._legs = legs
        self._first = SimLane(server, legs.open_leg_now())
        self._leg = self._first.media
        self.lanes = [self._first]
        self.tell = listener
        self._end = trio.Event()
        self._speeches: list[Speech] = []
        self._silence: Appointment | None = None
        self._spoken_s = 0.0
        self._tag = ""
        self._began = False

    @property
    def media(self) -> SymbolicLeg:
        return self._leg

    async def open_lane(self) -> SimLane:
        await trio.lowlevel.checkpoint()
        if self._end.is_set():
            raise trio.ClosedResourceError
        lane = SimLane(self._server, self._legs.open_leg_now())
        self.lanes.append(lane)
        return lane

    async def run(self, turn: Turn) -> None:
        try:
            await self._end.wait()
        finally:
            for lane in self.lanes:
                lane.media.close()
            if self._server.closed is None:
                self._server.closed = SocketClosed(code=1001, reason="", clean=True)
                self._server._changed("is told goodbye (1001)")
        self.tell(self._server.closed)

    def over(self, end: SocketClosed) -> None:
        if self._server.closed is None:
            self._server.closed = end
            self._server._changed(f"closes ({end.code})")
            self._end.set()

    def send(self, text: str) -> None:
        self._server.texts.append(text)
        self._server._changed()

    def close(self) -> None:
        self.over(SocketClosed(code=1000, reason="", clean=True))

    def begin(self, plan: StreamPlan) -> None:
        self._first.begin(plan)

    def end(self) -> None:
        self._first.end()

    def clear(self) -> None:
        for speech in self._speeches:
            speech.dropped = True
            self._leg.stops(speech.audio)
            speech.over.set()
        self._speeches.clear()
        self._tell_end()

    # --- what the server says ---

    def says(self, text: str, seconds: float, encoding: str, tag: str) -> Act:
        audio = Audio(what=text, kind="voice", source=self._server.name)
        speech = Speech(audio, seconds)
        self._speeches.append(speech)
        begin, end = self._leg.take_turn("voice", seconds)
        self._leg.at(begin, partial(self._begins, speech, encoding, tag))
        self._leg.at(end, partial(self._stops, speech))
        return Act(speech.over)

    def _begins(self, speech: Speech, encoding: str, tag: str) -> None:
        if speech.dropped or self._leg.closed:
            return
        if self._silence is not None:
            self._silence.cancel()
        self._server._changed(f"says {speech.audio.what!r}")
        self._leg.begins(speech.audio)
        if not self._began:
            self._began, self._tag = True, tag
            self.tell(SocketBegan(tag=tag, encoding=encoding, custom=""))

    def _stops(self, speech: Speech) -> None:
        if speech.dropped:
            return
        self._speeches.remove(speech)
        self._leg.stops(speech.audio)
        self._spoken_s += speech.seconds
        self._silence = self._leg.later(SILENCE_S, self._tell_end)
        speech.over.set()

    def _tell_end(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if self._began and not self._end.is_set():
            self._began = False
            self.tell(SocketEnded(tag=self._tag, duration_s=self._spoken_s))
