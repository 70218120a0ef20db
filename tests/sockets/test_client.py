"""WebSockets of scripts: a real server, real connections, and the real audio engine."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import av
import numpy as np
import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.media_stream import StreamPlan
from runtime.media.client import MediaClient
from runtime.media.codecs.table import CodecTable
from runtime.media.pcm import Samples
from runtime.net import Direct, Failure, FetchError, parse_networks
from runtime.net.fetch import as_it_is
from runtime.sockets import (
    Socket,
    SocketBegan,
    SocketClient,
    SocketClosed,
    SocketEnded,
    SocketEvent,
    SocketFull,
    SocketNote,
    SocketRequest,
    SocketText,
)
from tests.media.packets import decoded, sine
from tests.media.test_engine_loopback import calls, running_engine, tones
from tests.sockets.server import PATIENCE_S, SocketServer, serving

pytestmark = pytest.mark.loopback


@attrs.define
class Told:
    """What a session is told."""

    events: list[SocketEvent] = attrs.field(factory=list)
    news: trio.Event = attrs.field(factory=trio.Event)

    def __call__(self, event: SocketEvent) -> None:
        self.events.append(event)
        self.news.set()
        self.news = trio.Event()

    async def until(self, enough: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not enough():
                await self.news.wait()

    async def hears(self, kind: type[Any]) -> Any:
        with trio.fail_after(PATIENCE_S):
            while True:
                found = [event for event in self.events if isinstance(event, kind)]
                if found:
                    return found[-1]
                await self.news.wait()


def client_of(engine: MediaClient, allow: tuple[str, ...] = ("127.0.0.0/8",)) -> SocketClient:
    return SocketClient(Direct(parse_networks(allow)), engine, lambda: 7)


async def at_once() -> None:
    """A session that has time."""
    await trio.lowlevel.checkpoint()


@contextlib.asynccontextmanager
async def opened(
    engine: MediaClient, server: SocketServer, told: Told, **more: Any
) -> AsyncIterator[Socket]:
    """A socket that runs."""
    request = SocketRequest(url=server.url, connect_s=PATIENCE_S, **more)
    socket = await client_of(engine).open(request, as_it_is, told)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket.run, at_once)
        yield socket
        nursery.cancel_scope.cancel()


def audio(texts: list[Any], codec: str) -> Samples:
    """What a server heard."""
    payloads = [message["media"]["payload"] for message in texts if message["event"] == "media"]
    return samples_of(payloads, codec)


def samples_of(payloads: list[str], codec: str) -> Samples:
    octets = [base64.b64decode(payload) for payload in payloads]
    if codec in ("PCMU", "PCMA"):
        return np.array([s for each in octets for s in decoded(each, codec)], dtype=np.int16)
    return np.frombuffer(b"".join(octets), dtype="<i2")


async def test_texts_go_both_ways_and_the_goodbye_is_clean() -> None:
    told = Told()
    async with (
        running_engine() as engine,
        serving() as server,
        opened(
            engine, server, told, headers=(("X-Token", "t"),), protocols=("chat", "other")
        ) as socket,
    ):
        assert server.request is not None
        assert server.request.target == "/room?a=1"
        assert server.request.subprotocols == ["chat", "other"]
        assert (b"x-token", b"t") in server.request.extra_headers
        socket.send("hello")
        socket.send("größe")
        await server.until(lambda: server.texts == ["hello", "größe"])
        await server.says("welcome")
        assert await told.hears(SocketText) == SocketText("welcome")
        await server.send(Ping())
        socket.close()
        closed = await told.hears(SocketClosed)
        assert closed == SocketClosed(code=1000, reason="", clean=True)
        assert server.closed is not None
        assert server.closed.code == 1000


@pytest.mark.parametrize("name", ["PCM8", "PCM16", "ULAW", "ALAW"])
async def test_a_server_hears_a_call_in_the_encoding_that_was_asked_for(name: str) -> None:
    encoding, told = ENCODINGS[name], Told()
    async with (
        running_engine() as engine,
        calls(engine, 440) as [(_, leg)],
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        engine.connect(leg, socket.media)
        socket.begin(StreamPlan(encoding=encoding, tag="call"))
        await server.until(lambda: len(server.texts) > 100)
        socket.end()
        await server.until(lambda: server.messages[-1]["event"] == "stop")
        first, *media, last = server.messages
        assert first["start"] == {
            "mediaFormat": {"encoding": name, "sampleRate": encoding.rate_hz, "channels": 1},
            "tag": "call",
        }
        chunks = [message["media"]["chunk"] for message in media]
        assert chunks == list(range(len(chunks)))
        assert last["stop"]["mediaInfo"]["duration"] == 20 * len(chunks)
        heard = audio(media, encoding.codec)[20 * encoding.tick_bytes // encoding.sample_bytes :]
        assert tones(heard[:: encoding.rate_hz // 8000]) == {440}


async def test_a_server_hears_two_calls_apart_in_streams_with_their_tags() -> None:
    told = Told()
    async with (
        running_engine() as engine,
        calls(engine, 440, 1000) as [(_, low), (_, high)],
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        engine.connect(low, socket.media)
        socket.begin(StreamPlan(encoding=ENCODINGS["ULAW"], tag="low"))
        lane = await socket.open_lane()
        engine.connect(high, lane.media)
        lane.begin(StreamPlan(encoding=ENCODINGS["PCM8"], tag="high"))
        await server.until(lambda: len(server.texts) > 200)
        lane.end()
        await server.until(lambda: server.messages[-1]["event"] == "stop")
        ended = server.messages[-1]
        await server.until(lambda: server.messages[-1] is not ended)
        by_tag: dict[str, list[Any]] = {"low": [], "high": []}
        for message in server.messages:
            by_tag[message[message["event"]]["tag"]].append(message)
        assert [each["sequenceNumber"] for each in by_tag["high"]] == [*range(len(by_tag["high"]))]
        assert by_tag["high"][-1]["event"] == "stop"
        assert tones(audio(by_tag["low"][10:], "PCMU")) == {440}
        assert tones(audio(by_tag["high"][10:-1], "L16/8000")) == {1000}
        socket.close()
        await told.hears(SocketClosed)
        with pytest.raises(trio.ClosedResourceError):
            await socket.open_lane()


@pytest.mark.parametrize(("name", "swap"), [("PCM8", True), ("ULAW", False), ("PCM16", True)])
async def test_a_call_hears_what_a_server_sends_however_fast_it_comes(
    name: str, swap: bool
) -> None:
    encoding, told = ENCODINGS[name], Told()
    count = 2 * encoding.rate_hz
    wave = (8000 * np.sin(2 * np.pi * 600 * np.arange(count) / encoding.rate_hz)).astype("<i2")
    sent = wave.tobytes() if swap else b"".join(sine(600, at) for at in range(0, count, 160))
    async with (
        running_engine() as engine,
        calls(engine, 0) as [(line, leg)],
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        engine.connect(socket.media, leg)
        await server.starts(name, encoding.rate_hz, tag="voice", customParameters={"a": 1})
        await server.plays(sent)
        assert await told.hears(SocketBegan) == SocketBegan(
            tag="voice", encoding=name, custom='{"a": 1}'
        )
        begun = len(line.heard)
        ended = await told.hears(SocketEnded)
        assert ended == SocketEnded(tag="voice", duration_s=2.0)
        heard = line.samples[begun * 160 :]
        assert tones(heard) == {600}
        loud = np.count_nonzero(np.abs(heard.astype(int)) > 400)
        assert 0.8 < loud / 16000 < 1.1


async def test_clearing_the_buffer_ends_the_peers_audio_at_once() -> None:
    told = Told()
    async with (
        running_engine() as engine,
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        await server.starts("ULAW", 8000)
        await server.plays(bytes(8000 * 9))
        await told.hears(SocketBegan)
        socket.clear()
        ended = await told.hears(SocketEnded)
        assert ended.duration_s < 9


async def test_what_is_wrong_with_a_peers_audio_is_noted_and_changes_nothing() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server, opened(engine, server, told):
        await server.plays(b"audio")
        assert await told.hears(SocketNote) == SocketNote(
            "the peer's audio is refused: media came without a start"
        )
        for _ in range(20):
            await server.plays(b"audio")
        await server.says("still here")
        await told.hears(SocketText)
        assert sum(isinstance(event, SocketNote) for event in told.events) == 8


async def test_the_peers_goodbye_is_told_with_its_code() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server, opened(engine, server, told):
        await server.send(CloseConnection(code=4001, reason="enough"))
        assert await told.hears(SocketClosed) == SocketClosed(
            code=4001, reason="enough", clean=True
        )


async def test_a_connection_that_breaks_is_told_as_1006() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server, opened(engine, server, told):
        await server.vanishes()
        closed = await told.hears(SocketClosed)
        assert (closed.code, closed.clean) == (1006, False)


async def test_a_peer_that_does_not_answer_the_goodbye_is_left() -> None:
    told = Told()
    async with (
        running_engine() as engine,
        serving(answers_goodbye=False) as server,
        opened(engine, server, told) as socket,
    ):
        socket.close()
        closed = await told.hears(SocketClosed)
        assert closed == SocketClosed(
            code=1000, reason="the peer did not answer the goodbye", clean=False
        )


async def test_a_message_that_is_too_long_ends_the_connection() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server, opened(engine, server, told):
        with contextlib.suppress(trio.BrokenResourceError):
            await server.says("x" * 530_000)
        assert (await told.hears(SocketClosed)).code == 1009


async def test_a_peer_that_breaks_the_protocol_is_left() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server, opened(engine, server, told):
        await server.send_bytes(b"\xff" * 100)
        assert (await told.hears(SocketClosed)).code == 1002


async def test_a_peer_that_takes_nothing_costs_a_refusal_and_no_memory() -> None:
    told = Told()
    async with (
        running_engine() as engine,
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        for _ in range(10):
            socket.send("x" * 100_000)
        with pytest.raises(SocketFull, match="characters wait already"):
            socket.send("x" * 100_000)


@pytest.mark.parametrize(
    ("url", "failure", "why"),
    [
        ("http://127.0.0.1:1/", Failure.MALFORMED_URL, "is not a ws:// or wss:// URL"),
        ("ws://", Failure.MALFORMED_URL, "is not"),
        ("ws://127.0.0.1:1/", Failure.CONNECTION, "does not accept the connection"),
        ("ws://10.0.0.1/", Failure.CONNECTION, "which is private"),
    ],
)
async def test_what_cannot_be_opened_says_why_and_leaves_no_leg(
    url: str, failure: Failure, why: str
) -> None:
    async with running_engine(legs=1, spare_legs=0) as engine:
        for _ in range(3):
            with pytest.raises(FetchError, match=why) as caught:
                await client_of(engine).open(SocketRequest(url=url, connect_s=9), as_it_is, Told())
            assert caught.value.failure is failure


async def test_a_server_that_refuses_says_its_status() -> None:
    async with running_engine() as engine, serving(status=403) as server:
        request = SocketRequest(url=server.url, connect_s=PATIENCE_S)
        with pytest.raises(FetchError, match=r"opens no WebSocket: it answers 403"):
            await client_of(engine).open(request, as_it_is, Told())


async def test_a_private_address_needs_the_operators_leave() -> None:
    async with running_engine() as engine, serving() as server:
        request = SocketRequest(url=server.url, connect_s=PATIENCE_S)
        with pytest.raises(FetchError, match="which is loopback"):
            await client_of(engine, allow=()).open(request, as_it_is, Told())


async def test_a_session_that_ends_says_goodbye() -> None:
    told = Told()
    async with running_engine() as engine, serving() as server:
        async with opened(engine, server, told):
            pass
        await server.until(lambda: server.closed is not None)
        assert server.closed is not None
        assert server.closed.code == 1001


async def test_what_a_server_says_right_behind_its_handshake_is_heard() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        wire = WSConnection(ConnectionType.SERVER)
        wire.receive_data(bytes(await stream.receive_some()))
        assert isinstance(next(iter(wire.events())), Request)
        hello = wire.send(AcceptConnection()) + wire.send(TextMessage(data="hello"))
        await stream.send_all(hello)
        await trio.sleep_forever()

    told = Told()
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server = SocketServer(port=listener.socket.getsockname()[1])
    async with running_engine() as engine, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        async with opened(engine, server, told):
            assert await told.hears(SocketText) == SocketText("hello")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("milliseconds", [20, 60])
async def test_opus_goes_both_ways_in_packets_of_any_length(milliseconds: int) -> None:
    table, told = CodecTable(), Told()
    table.load(["opus"])
    decoder = table.decoder("opus")
    wave = (8000 * np.sin(2 * np.pi * 600 * np.arange(48000) / 48000)).astype(np.int16)
    async with (
        running_engine() as engine,
        calls(engine, 440) as [(line, leg)],
        serving() as server,
        opened(engine, server, told) as socket,
    ):
        engine.connect(leg, socket.media)
        engine.connect(socket.media, leg)
        socket.begin(StreamPlan(encoding=ENCODINGS["OPUS"]))
        await server.until(lambda: len(server.texts) > 60)
        await server.starts("OPUS", 48000)
        for packet in opus_packets_of(wave, milliseconds):
            await server.plays(packet)
        began = await told.hears(SocketBegan)
        assert began.encoding == "OPUS"
        ended = await told.hears(SocketEnded)
        assert ended.duration_s == pytest.approx(1.0, abs=0.1)
        first, *sent = server.messages
        assert first["start"]["mediaFormat"] == {
            "encoding": "OPUS",
            "sampleRate": 48000,
            "channels": 1,
        }
        assert [each["media"]["timestamp"] for each in sent[:3]] == [0, 960, 1920]
        heard = [decoder.decode(base64.b64decode(each["media"]["payload"])) for each in sent]
        assert tones(np.concatenate([part for part in heard if part is not None])[::2]) == {440}
        assert tones(line.samples) == {600}
    assert not [event for event in told.events if isinstance(event, SocketNote)]


def opus_packets_of(wave: Samples, milliseconds: int) -> list[bytes]:
    """As a browser or a bot would make them: by FFmpeg, not by our encoder."""
    made = av.CodecContext.create("libopus", "w")
    assert isinstance(made, av.AudioCodecContext)
    made.sample_rate, made.layout, made.format = 48000, "mono", "s16"
    made.options = {"frame_duration": str(milliseconds), "application": "voip"}
    size = 48 * milliseconds
    packets: list[bytes] = []
    for piece in wave[: len(wave) // size * size].reshape(-1, size):
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48000
        packets += [bytes(packet) for packet in made.encode(frame)]
    return packets
