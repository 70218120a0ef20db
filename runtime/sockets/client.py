"""WebSockets over the network, with their audio carried by the audio engine.

The engine knows nothing of WebSockets: each has a leg of its own there, whose peer is a socket of
the core on the same host. What the peer sends ahead of time is kept here and goes on in steps of
20 ms; what the leg hears goes out as it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final

import trio

from runtime.decisions.encodings import TICK_S, Encoding
from runtime.decisions.media_stream import (
    Began,
    Ended,
    Inbound,
    Output,
    Play,
    Refused,
    StreamPlan,
    Text,
)
from runtime.media.port import MediaLeg, MediaPort
from runtime.net import Direct, Dress, Failure, FetchError, Hop
from runtime.sockets.connection import NOT_SAID, Connection, Gone
from runtime.sockets.handshake import connect
from runtime.sockets.lane import Lane
from runtime.sockets.port import (
    MAX_QUEUED_BYTES,
    MAX_STREAMS,
    SocketBegan,
    SocketClosed,
    SocketEnded,
    SocketFull,
    SocketListener,
    SocketNote,
    SocketRequest,
    SocketText,
    Turn,
)
from runtime.sockets.rtp import Sender

GOODBYE_S: Final = 2.0
"""A peer that was told goodbye answers within this, or is left."""
MAX_NOTES: Final = 8
"""Faults of one peer that a timeline is told of."""
SCHEMES: Final = {"ws": "http", "wss": "https"}


class SocketClient:
    """Opens WebSockets, under the address rules of HTTP requests."""

    def __init__(self, network: Direct, media: MediaPort, new_ssrc: Callable[[], int]) -> None:
        self._network = network
        self._media = media
        self._new_ssrc = new_ssrc

    async def open(
        self, request: SocketRequest, dress: Dress, listener: SocketListener
    ) -> LiveSocket:
        hop = dress(first_hop(request))
        try:
            with trio.fail_after(request.connect_s):
                connection = await self._connected(hop, request)
        except trio.TooSlowError:
            why = f"Timeout is reached: no WebSocket at {hop.shown} in time"
            raise FetchError(Failure.TIMEOUT, why) from None
        try:
            return await self.speak(connection, listener)
        except BaseException:  # cancelled, or no leg is free: raised again
            await connection.aclose()
            raise

    async def speak(self, connection: Connection, listener: SocketListener) -> LiveSocket:
        """What an open connection says is heard from now on. Raises MediaUnavailable."""
        leg = await self._media.open_leg()
        sender = Sender(self._new_ssrc())
        socket = LiveSocket(connection, leg, sender, listener, self._media)
        try:
            await socket.prepare()
        except BaseException:  # cancelled, or no port is free: raised again
            await socket.give_up()
            raise
        return socket

    async def _connected(self, hop: Hop, request: SocketRequest) -> Connection:
        stream = await self._network.connect(hop, request.connect_s, request.owner)
        try:
            return await connect(stream, hop, request.protocols)
        except BaseException:  # refused, or cancelled: raised again
            await trio.aclose_forcefully(stream)
            raise


def first_hop(request: SocketRequest) -> Hop:
    """The handshake as an HTTP request. Raises FetchError."""
    scheme, colon, rest = request.url.partition(":")
    http = SCHEMES.get(scheme.lower())
    if http is None or not colon:
        shown = request.url.partition("?")[0][:200]
        raise FetchError(Failure.MALFORMED_URL, f"{shown!r} is not a ws:// or wss:// URL")
    hop = Hop.first("GET", f"{http}:{rest}", request.headers, b"")
    names = {name.lower() for name, _ in request.headers}
    kept = tuple(h for h in hop.headers if h[0].lower() in (*names, "user-agent", "authorization"))
    return Hop(hop.method, hop.url, kept, b"")


class LiveSocket:
    """One open WebSocket."""

    def __init__(
        self,
        connection: Connection,
        leg: MediaLeg,
        sender: Sender,
        listener: SocketListener,
        legs: MediaPort,
    ) -> None:
        self._connection = connection
        self._sender = sender
        self._tell = listener
        self._legs = legs
        self._inbound = Inbound()
        self._queue: deque[str] = deque()
        self._queued = 0
        self._lane = self._lane_of(leg)
        self._lanes = [self._lane]
        self._new_lanes, self._lanes_to_run = trio.open_memory_channel[Lane](MAX_STREAMS)
        self._more, self._audio, self._sent = trio.Event(), trio.Event(), trio.Event()
        self._closing = trio.Event()
        self._notes = 0

    def _lane_of(self, leg: MediaLeg) -> Lane:
        return Lane(leg, self._put, lambda: self._queued)

    @property
    def media(self) -> MediaLeg:
        return self._lane.media

    # --- what the session asks ------------------------------------------------------------------

    def send(self, text: str) -> None:
        if self._queued + len(text) > MAX_QUEUED_BYTES:
            raise SocketFull(
                f"{self._queued:,} characters wait already, because the peer does not take them; "
                "nothing was sent"
            )
        self._put([text])

    def close(self) -> None:
        self._closing.set()

    def begin(self, plan: StreamPlan) -> None:
        self._lane.begin(plan)

    def end(self) -> None:
        self._lane.end()

    async def open_lane(self) -> Lane:
        lane = self._lane_of(await self._legs.open_leg())
        try:
            await lane.prepare()
            self._new_lanes.send_nowait(lane)
        except BaseException:  # cancelled, no port is free, or the socket has ended: raised again
            lane.close()
            raise
        self._lanes.append(lane)
        return lane

    def clear(self) -> None:
        self._told(self._inbound.clear())

    def _put(self, messages: list[str]) -> None:
        for text in messages:
            self._queue.append(text)
            self._queued += len(text)
        self._more.set()

    # --- life -----------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """The way to the engine: before anything is sent or heard."""
        await self._lane.prepare()

    async def run(self, turn: Turn) -> None:
        end = SocketClosed(code=NOT_SAID, reason="it was given up", clean=False)
        try:
            end = await self._until_the_end(turn)
        finally:
            await self.give_up()
        self._tell(end)

    async def give_up(self) -> None:
        """Say goodbye, and give everything back."""
        self._new_lanes.close()
        for lane in self._lanes:
            lane.close()
        with trio.move_on_after(GOODBYE_S, shield=True):
            await self._connection.close(1001)
            await self._connection.aclose()

    async def _until_the_end(self, turn: Turn) -> SocketClosed:
        ends: list[SocketClosed] = []
        async with trio.open_nursery() as nursery:

            async def until_gone(run: Callable[[], Awaitable[None]]) -> None:
                try:
                    await run()
                except Gone as gone:
                    ends.append(
                        SocketClosed(code=gone.code, reason=gone.reason[:200], clean=gone.clean)
                    )
                    nursery.cancel_scope.cancel()

            for run in (
                partial(self._read, turn),
                self._write,
                self._connection.keep_alive,
                self._say_goodbye,
                self._play,
                self._listen,
            ):
                nursery.start_soon(until_gone, run)
        return ends[0]

    async def _say_goodbye(self) -> None:
        """What was sent before goes first; then the peer has a moment to answer."""
        await self._closing.wait()
        for lane in self._lanes:
            lane.say_goodbye()
        with trio.move_on_after(GOODBYE_S):
            while self._queued:
                self._sent = trio.Event()
                await self._sent.wait()
            await self._connection.close()
            await trio.sleep_forever()
        raise Gone(1000, "the peer did not answer the goodbye", clean=False)

    async def _read(self, turn: Turn) -> None:
        async with aclosing(self._connection.texts()) as texts:
            async for text in texts:
                outputs = self._inbound.on_text(text)
                if outputs:  # audio has none
                    await turn()
                self._told(outputs)
                if self._inbound.running:
                    self._audio.set()

    async def _write(self) -> None:
        while True:
            while self._queue:
                text = self._queue.popleft()
                await self._connection.send(text)
                self._queued -= len(text)
            self._sent.set()
            self._more = trio.Event()
            await self._more.wait()

    # --- audio ----------------------------------------------------------------------------------

    async def _play(self) -> None:
        """What the peer sent, to the engine, 20 ms at a time."""
        while True:
            await self._audio.wait()
            self._audio = trio.Event()
            due = trio.current_time()
            while self._inbound.running:
                await trio.sleep_until(due)
                due += TICK_S
                await self._step()

    async def _step(self) -> None:
        outputs = self._inbound.tick()
        plays = [each for each in outputs if isinstance(each, Play)]
        self._told([each for each in outputs if not isinstance(each, Play)])
        for play in plays:
            await self._to_engine(self._sender.packet(play.encoding, play.payload))
        if not plays and not self._inbound.busy:
            self._sender.pause(self._encoding_of_peer)

    @property
    def _encoding_of_peer(self) -> Encoding:
        return self._inbound.encoding or self._lane.encoding

    async def _to_engine(self, packet: bytes) -> None:
        try:
            await self._lane.to_engine(packet)
        except OSError as exc:
            self._note(f"audio for the engine is lost: {exc}")

    async def _listen(self) -> None:
        """What the legs hear, to the peer: of the first one, and of those that come later."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lane.listen)
            async for lane in self._lanes_to_run:
                nursery.start_soon(lane.listen)

    def _told(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Text(text):
                    self._tell(SocketText(text))
                case Began(tag=tag, encoding=encoding, custom=custom):
                    self._tell(SocketBegan(tag=tag, encoding=encoding, custom=custom))
                case Ended(tag=tag, duration_s=duration_s):
                    self._tell(SocketEnded(tag=tag, duration_s=duration_s))
                case Refused(why):
                    self._note(f"the peer's audio is refused: {why}")
                case Play():
                    pass

    def _note(self, text: str) -> None:
        self._notes += 1
        if self._notes <= MAX_NOTES:
            self._tell(SocketNote(text))
