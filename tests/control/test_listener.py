"""The HTTP listener on a real socket: who gets a connection, and what slow or broken ones cost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import h11
import httpx
import pytest
import trio
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send
from trio.testing import MockClock

from runtime.control.heads import MAX_HEAD, Kind, kind_of
from runtime.control.listener import (
    GRACE_S,
    KEEP_ALIVE_S,
    PATIENCE_S,
    Connections,
    HttpListener,
)

pytestmark = pytest.mark.loopback

HANDSHAKE = (
    b"GET /request/abc/x?y=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Kind.NOT_CLEAR),
        (b"GE", Kind.NOT_CLEAR),
        (b"GET /req", Kind.NOT_CLEAR),
        (b"GET /api/v1/sessions HTTP/1.1\r\n", Kind.HTTP),
        (b"POST /request/", Kind.HTTP),
        (b"get /request/", Kind.HTTP),
        (b"\x16\x03\x01", Kind.HTTP),
        (b"PRI * HTTP/2.0", Kind.HTTP),
        (HANDSHAKE[:-1], Kind.NOT_CLEAR),
        (HANDSHAKE, Kind.SOCKET),
        (HANDSHAKE + b"\x81\x00", Kind.SOCKET),
        (HANDSHAKE.replace(b"Upgrade: websocket", b"UPGRADE:WebSocket "), Kind.SOCKET),
        (HANDSHAKE.replace(b"Upgrade: websocket", b"Upgrade: h2c"), Kind.HTTP),
        (HANDSHAKE.replace(b"\r\nUpgrade: websocket", b""), Kind.HTTP),
        (b"GET /request/abc HTTP/1.1\r\n\r\nupgrade: websocket\r\n", Kind.HTTP),
        (b"GET /request/" + b"x" * MAX_HEAD, Kind.HTTP),
    ],
)
def test_what_a_connection_begins_is_seen_at_its_first_octets(data: bytes, kind: Kind) -> None:
    assert kind_of(data) is kind


def test_a_handshake_is_not_clear_before_it_is_whole() -> None:
    assert {kind_of(HANDSHAKE[:end]) for end in range(len(HANDSHAKE))} == {Kind.NOT_CLEAR}


@attrs.define
class Doors:
    """What came where."""

    handshakes: list[bytes] = attrs.field(factory=list)
    requests: list[str] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)

    async def sockets(self, stream: trio.SocketStream, first: bytes) -> None:
        self.handshakes.append(first)
        await stream.send_all(b"taken")

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self.requests.append(f"{scope['method']} {scope['path']} {body.decode()}")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})


@asynccontextmanager
async def listening(doors: Doors | None = None) -> AsyncIterator[tuple[Doors, str, int]]:
    listener, doors, end = HttpListener.bind("127.0.0.1", 0), doors or Doors(), trio.Event()
    serve = partial(listener.serve, on_fault=doors.faults.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, doors.http, doors.sockets, end.wait)
        yield doors, listener.url, listener.socket.getsockname()[1]
        end.set()


async def test_requests_and_handshakes_come_by_the_same_port() -> None:
    async with listening() as (doors, url, port):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/api")).text == "served"
            assert (await client.post("/request/abc/x", content="hello")).text == "served"
            assert (await client.get("/request/abc/x")).text == "served"
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            for octet in HANDSHAKE:
                await stream.send_all(bytes([octet]))
            assert await stream.receive_some() == b"taken"
            assert await stream.receive_some() == b""
    assert doors.handshakes == [HANDSHAKE]
    assert doors.requests == ["GET /api ", "POST /request/abc/x hello", "GET /request/abc/x "]


async def test_a_connection_that_says_too_little_is_left(autojump_clock: MockClock) -> None:
    doors = Doors()
    ours, theirs = trio.socket.socketpair()
    with ours, theirs:
        await ours.send(b"GET /request/ab")
        began = trio.current_time()
        await Connections(doors.http, doors.sockets).serve(trio.SocketStream(theirs))
        assert trio.current_time() - began == 20
    assert doors.handshakes == doors.requests == []


async def test_a_stream_whose_reader_says_nothing_goes_on(autojump_clock: MockClock) -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "early"
        await trio.sleep(90)
        yield "late"

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(pieces())(scope, receive, send)

    ours, theirs = trio.socket.socketpair()
    connections = Connections(stream, Doors().sockets)
    async with (
        trio.SocketStream(ours) as client,
        trio.SocketStream(theirs) as served,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(connections.serve, served)
        await client.send_all(b"GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
        said = b""
        while b"late" not in said:
            more = await client.receive_some()
            assert more, "the connection was closed"
            said += bytes(more)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("request_line", [b"GET /api HTTP/1.1", b"POST /api HTTP/1.1"])
async def test_a_client_that_leaves_after_its_answer_leaves_no_connection_behind(
    request_line: bytes, autojump_clock: MockClock
) -> None:
    doors = Doors()
    ours, theirs = trio.socket.socketpair()
    connections = Connections(doors.http, doors.sockets)
    async with trio.SocketStream(ours) as client, trio.open_nursery() as nursery:
        nursery.start_soon(connections.serve, trio.SocketStream(theirs))
        for _ in range(2):
            await client.send_all(request_line + b"\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            said = b""
            while not said.endswith(b"0\r\n\r\n"):
                said += bytes(await client.receive_some())
        left = trio.current_time()
        await client.aclose()
    assert trio.current_time() - left < 1
    assert len(doors.requests) == 2


class Zeros:
    """Without end."""

    def __aiter__(self) -> Zeros:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return bytes(100_000)


class Endless(Doors):
    """Answers with them."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(Zeros())(scope, receive, send)


async def test_a_client_that_does_not_read_its_answer_is_left(autojump_clock: MockClock) -> None:
    doors = Endless()
    ours, theirs = trio.socket.socketpair()
    connections = Connections(doors.http, doors.sockets)
    async with trio.SocketStream(ours) as client:
        await client.send_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        await connections.serve(trio.SocketStream(theirs))
        assert trio.current_time() < PATIENCE_S + KEEP_ALIVE_S


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    autojump_clock: MockClock,
) -> None:
    async with listening(Endless()) as (_, _, port):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await stream.receive_some(15)).startswith(b"HTTP/1.1 200")
        ending = trio.current_time()
    assert trio.current_time() - ending < GRACE_S + 1
    await stream.aclose()


async def test_not_even_where_everything_is_cancelled(autojump_clock: MockClock) -> None:
    with trio.CancelScope() as everything:
        async with listening(Endless()) as (_, _, port):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await stream.receive_some(15)).startswith(b"HTTP/1.1 200")
            await trio.sleep(1)  # until nothing more fits into the sockets
            everything.cancel()
            ending = trio.current_time()
    assert trio.current_time() - ending < 1
    await stream.aclose()


class BrokenDoors(Doors):
    """Whoever comes with a handshake meets a fault of ours."""

    async def sockets(self, stream: trio.SocketStream, first: bytes) -> None:
        raise LookupError(f"nobody expected {len(first)} octets")


async def test_a_fault_in_one_connection_ends_no_other() -> None:
    async with (
        listening(BrokenDoors()) as (doors, url, port),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        assert (await client.get("/before")).text == "served"
        for _ in range(3):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(HANDSHAKE)
                assert await stream.receive_some() == b""
        assert (await client.get("/after")).text == "served"
    assert ["LookupError: nobody expected" in each for each in doors.faults] == [True, True]


async def test_a_fault_in_a_request_is_in_the_log() -> None:
    class Faulty(Doors):
        async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise LookupError("nobody expected it")

    async with (
        listening(Faulty()) as (doors, url, _),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        assert (await client.get("/x")).status_code == 500
    assert ["LookupError: nobody expected it" in each for each in doors.faults] == [True]


UPGRADES = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
PRIORITIES = b"".join(
    b"\0\0\x05\x02\0" + number.to_bytes(4, "big") + b"\0\0\0\0\x10" for number in range(1, 3_001, 2)
)


@pytest.mark.parametrize(
    "breaking",
    [
        UPGRADES + b"Upgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n",
        UPGRADES + b"Upgrade: websocket\r\nSec-WebSocket-Protocol: \xff\r\n\r\n",
        HTTP_2 + PRIORITIES,
    ],
)
async def test_what_breaks_the_http_library_breaks_one_connection(breaking: bytes) -> None:
    async with listening() as (doors, url, port):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(breaking)
                while await stream.receive_some():
                    pass
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/after")).text == "served"
    assert doors.requests[-1] == "GET /after "
    assert len(doors.faults) == 1


async def answers(port: int, sent: bytes) -> list[tuple[int, str, bytes]]:
    """Status, type and body of all that comes back, to the end of the connection."""
    found = list[tuple[int, str, bytes]]()
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(sent)
        received = b""
        # What the server has not read when it closes resets the connection, after its answer.
        with contextlib.suppress(trio.BrokenResourceError):
            async for part in stream:
                received += part
    while received:
        reader = h11.Connection(h11.CLIENT)
        reader.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(received)
        body = b""
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status, kind = event.status_code, dict(event.headers)[b"content-type"].decode()
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            else:
                raise AssertionError(event)
        found.append((status, kind, body))
        received = reader.trailing_data[0]
    return found


@pytest.mark.parametrize(
    ("sent", "status", "code", "what"),
    [
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400, "E1006", "illegal header line"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "E1006", "Missing mandatory Host: header"),
        (b"what is this?\r\n\r\n", 400, "E1006", "illegal request line"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "E1006", "illegal request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000, 431, "E1007", "too long"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "E1008",
            "Transfer-Encoding",
        ),
    ],
)
async def test_what_is_no_request_is_refused_with_a_problem_body(
    sent: bytes, status: int, code: str, what: str
) -> None:
    async with listening() as (doors, _, port):
        [(answered, kind, body)] = await answers(port, sent)
    problem = json.loads(body)
    assert (answered, kind) == (status, "application/problem+json")
    assert (problem["status"], problem["code"]) == (status, code)
    assert what in problem["detail"]
    assert (doors.requests, doors.faults) == ([], [])


async def test_what_follows_a_request_on_its_connection_is_refused_in_the_same_way() -> None:
    first = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n"

    class Typed(Doors):
        async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
            await JSONResponse("one")(scope, receive, send)

    async with listening(Typed()) as (doors, _, port):
        served, refused = await answers(port, first + b"\0\0\r\n\r\n")
    assert served == (200, "application/json", b'"one"')
    assert (refused[0], json.loads(refused[2])["code"]) == (400, "E1006")
    assert doors.faults == []
