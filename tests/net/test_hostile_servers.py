"""Servers that want to fill our memory, hold our thread or keep us waiting."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from runtime.net import Body, Direct, Failure, Fetcher, FetchError, Request, parse_networks
from runtime.net.exchange import MAX_PIECES
from runtime.net.reply import MAX_PIECE

pytestmark = pytest.mark.loopback

PATIENCE_S = 60
LIMIT = 100_000
Server = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Server) -> AsyncIterator[str]:
    """The URL of a server, while the block runs."""

    async def one(stream: trio.SocketStream) -> None:
        try:
            await serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, one, [listener])
            yield f"http://127.0.0.1:{port}/"
            nursery.cancel_scope.cancel()


async def get(url: str, *, limit: int = LIMIT, **options: object) -> tuple[int, list[bytes]]:
    request = Request(url=url, **{"timeout_s": 30, **options})
    fetcher = Fetcher(Direct(parse_networks(["127.0.0.0/8"])))
    async with fetcher.request(request) as reply:
        body = Body(reply, limit=limit)
        pieces = []
        while (piece := await body.piece()) is not None:
            pieces.append(piece)
        return reply.status, pieces


async def failure(url: str, **options: object) -> tuple[Failure, str]:
    with pytest.raises(FetchError) as caught:
        await get(url, **options)
    return caught.value.failure, str(caught.value)


def says(*parts: bytes, again: bytes = b"", pause_s: float = 0.0) -> Server:
    """Sends the parts, then the last one over and over."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        for part in parts:
            await stream.send_all(part)
        while again:
            await stream.send_all(again)
            await trio.sleep(pause_s)
        await stream.aclose()

    return serve


OK = b"HTTP/1.1 200 OK\r\n"


async def test_an_endless_body_ends_at_the_limit() -> None:
    async with serving(says(OK + b"\r\n", again=b"x" * 5_000)) as url:
        kind, why = await failure(url)
    assert (kind, why) == (Failure.TOO_LARGE, "the answer has more than 100,000 bytes")


async def test_endless_chunks_end_at_the_limit() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    async with serving(says(head, again=b"1000\r\n" + b"x" * 4096 + b"\r\n")) as url:
        kind, _ = await failure(url)
    assert kind is Failure.TOO_LARGE


async def test_tiny_chunks_are_counted_and_others_get_their_turn() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await trio.lowlevel.checkpoint()

    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    async with (
        trio.open_nursery() as nursery,
        serving(says(head, again=b"1\r\nx\r\n" * 500)) as url,
    ):
        nursery.start_soon(beat)
        kind, why = await failure(url)
        nursery.cancel_scope.cancel()
    assert (kind, "50,000 pieces" in why) == (Failure.NETWORK, True)
    assert beats > MAX_PIECES


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compression_bomb_costs_no_more_than_the_limit(encoding: str) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else -15)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    head = OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with serving(says(head + bomb)) as url:
        kind, _ = await failure(url)
        assert kind is Failure.TOO_LARGE
        _, pieces = await get(url, limit=50_000_000)
    assert sum(map(len, pieces)) == 50_000_000
    assert max(map(len, pieces)) <= MAX_PIECE


@pytest.mark.parametrize("window", [31, 15, -15])
async def test_what_is_sent_compressed_is_unpacked(window: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    packed = packer.compress(b"hello " * 1000) + packer.flush()
    encoding = b"gzip" if window == 31 else b"deflate"
    head = OK + b"Content-Encoding: " + encoding + b"\r\n\r\n"
    async with serving(says(head, *(packed[n : n + 1] for n in range(len(packed))))) as url:
        _, pieces = await get(url)
    assert b"".join(pieces) == b"hello " * 1000


@pytest.mark.parametrize(
    "body", [b"not compressed at all", zlib.compress(bytes(range(256)))[:50], b"\x1f\x8b\x08"]
)
async def test_bad_compression_is_an_error(body: bytes) -> None:
    async with serving(says(OK + b"Content-Encoding: gzip\r\n\r\n" + body)) as url:
        kind, why = await failure(url)
    assert kind is Failure.NETWORK
    assert "compress" in why


async def test_an_endless_head_is_cut_off() -> None:
    async with serving(says(OK, again=b"X-Filler: " + b"x" * 1000 + b"\r\n")) as url:
        assert (await failure(url))[0] is Failure.NETWORK
    async with serving(says(OK + b"X-Filler: ", again=b"x" * 10_000)) as url:
        assert (await failure(url))[0] is Failure.NETWORK


async def test_informational_answers_are_counted() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    async with serving(says(early, early, OK + b"Content-Length: 2\r\n\r\nhi")) as url:
        assert await get(url) == (200, [b"hi"])
    async with serving(says(again=early)) as url:
        kind, why = await failure(url)
    assert (kind, "does not come to the point" in why) == (Failure.NETWORK, True)


async def test_a_head_that_comes_byte_by_byte_has_the_time_of_the_request() -> None:
    async with serving(says(OK, again=b"x", pause_s=0.02)) as url:
        kind, why = await failure(url, timeout_s=0.3)
    assert (kind, why) == (Failure.TIMEOUT, "Timeout is reached")


async def test_a_server_that_says_nothing_has_the_time_of_the_request() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with serving(serve) as url:
        assert (await failure(url, timeout_s=0.2))[0] is Failure.TIMEOUT


async def test_a_name_server_that_says_nothing_has_the_time_of_a_connection() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await trio.sleep_forever()
        raise AssertionError

    request = Request(url="http://slow.example/", timeout_s=30, connect_s=0.1)
    with pytest.raises(FetchError, match=r"no connection to slow\.example in time") as caught:
        async with Fetcher(Direct(resolver=resolve)).request(request):
            pass
    assert caught.value.failure is Failure.TIMEOUT


async def test_a_server_that_does_not_shake_hands_has_the_time_of_a_connection() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with serving(serve) as url:
        kind, why = await failure(url.replace("http:", "https:"), connect_s=0.2)
    assert (kind, "no connection to 127.0.0.1" in why) == (Failure.TIMEOUT, True)


async def test_an_answer_that_breaks_off_is_an_error() -> None:
    async with serving(says(OK + b"Content-Length: 10\r\n\r\nabc")) as url:
        assert (await failure(url))[0] is Failure.NETWORK
    async with serving(says(b"")) as url:
        assert (await failure(url))[0] is Failure.NETWORK


async def test_an_answer_that_comes_before_the_request_was_read_counts() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some(10)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await stream.send_eof()
        await trio.sleep(0.2)

    async with serving(serve) as url:
        status, _ = await get(url, method="POST", content=b"x" * 1_000_000)
    assert status == 413


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\x00" * 100,
    ],
)
async def test_what_is_no_http_is_an_error(answer: bytes) -> None:
    async with serving(says(answer)) as url:
        assert (await failure(url))[0] is Failure.NETWORK


async def test_the_head_of_an_answer_to_head_may_declare_any_length() -> None:
    async with serving(says(OK + b"Content-Length: 99999999\r\n\r\n")) as url:
        assert await get(url, method="HEAD") == (200, [])
