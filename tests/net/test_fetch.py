"""Downloads for scripts, against a real server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import trio

from runtime.net import Body, Direct, Failure, Fetcher, FetchError, Request, parse_networks
from tests.net.web import Answer, Web, client_context

pytestmark = pytest.mark.loopback

LOOPBACK = parse_networks(["127.0.0.0/8"])
PATIENCE_S = 60


@pytest.fixture
async def web(nursery: trio.Nursery) -> AsyncIterator[Web]:
    server = Web()
    await nursery.start(server.run)
    with trio.fail_after(PATIENCE_S):
        yield server
    nursery.cancel_scope.cancel()


class Names:
    """A name server; it counts how often it was asked."""

    def __init__(self, **hosts: Sequence[str]) -> None:
        self.hosts = {name.replace("_", "."): addresses for name, addresses in hosts.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        await trio.lowlevel.checkpoint()
        self.asked.append(host)
        if host == "127.0.0.1":
            return [host]
        if host not in self.hosts:
            raise OSError("unknown host")
        return self.hosts[host]


def _fetcher(names: Names | None = None) -> Fetcher:
    known = names or Names(sounds_example=["127.0.0.1"], other_example=["127.0.0.1"])
    return Fetcher(Direct(LOOPBACK, resolver=known.resolve, tls=client_context()))


async def _get(fetcher: Fetcher, url: str, limit: int = 1000, timeout_s: float = 20) -> bytes:
    body = bytearray()
    async with fetcher.request(Request(url=url, timeout_s=timeout_s)) as reply:
        read = Body(reply, limit=limit)
        while (piece := await read.piece()) is not None:
            body += piece
    return bytes(body)


async def _ask(fetcher: Fetcher, request: Request, limit: int = 1000) -> bytes:
    async with fetcher.request(request) as reply:
        body = Body(reply, limit=limit)
        pieces = []
        while (piece := await body.piece()) is not None:
            pieces.append(piece)
        return b"".join(pieces)


async def test_a_file_is_downloaded_from_the_resolved_address(web: Web) -> None:
    web.pages["/a.wav"] = Answer(b"sound")
    names = Names(sounds_example=["127.0.0.1"])
    url = f"http://sounds.example:{web.port}/a.wav"
    assert await _get(_fetcher(names), url) == b"sound"
    (request,) = web.requests
    assert f"host: sounds.example:{web.port}" in request.decode().lower()
    assert b"accept-encoding: identity" in request.lower()
    assert names.asked == ["sounds.example"]  # once: the checked address is the one connected to


async def test_a_chunked_body_is_downloaded(web: Web) -> None:
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    web.pages["/"] = Answer(chunks, headers=(("Transfer-Encoding", "chunked"),))
    assert await _get(_fetcher(), f"http://127.0.0.1:{web.port}/") == b"hello world"


async def test_redirects_are_followed_hop_by_hop(web: Web) -> None:
    web.pages["/1"] = Answer(status=302, headers=(("Location", "/2"),))
    web.pages["/2"] = Answer(
        status=307, headers=(("Location", f"http://other.example:{web.port}/3#part"),)
    )
    web.pages["/3"] = Answer(b"there")
    names = Names(sounds_example=["127.0.0.1"], other_example=["127.0.0.1"])
    assert await _get(_fetcher(names), f"http://sounds.example:{web.port}/1") == b"there"
    assert names.asked == ["sounds.example", "sounds.example", "other.example"]


async def test_a_redirect_to_a_forbidden_address_is_refused(web: Web) -> None:
    location = ("Location", "http://metadata.example/latest")
    web.pages["/"] = Answer(status=302, headers=(location,))
    names = Names(sounds_example=["127.0.0.1"], metadata_example=["169.254.169.254"])
    with pytest.raises(FetchError, match=r"169\.254\.169\.254, which is link-local"):
        await _get(_fetcher(names), f"http://sounds.example:{web.port}/")


async def test_more_than_five_redirects_are_refused(web: Web) -> None:
    web.pages["/"] = Answer(status=302, headers=(("Location", "/"),))
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        await _get(_fetcher(), f"http://sounds.example:{web.port}/")
    assert len(web.requests) == 6


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://[::1]/", "loopback"),
        ("http://10.0.0.1/", "private"),
        ("http://unknown.example/", "is not known"),
        ("ftp://sounds.example/", "is not an http"),
        ("file:///etc/passwd", "is not an http"),
        ("http://", "is not"),
        ("http://sounds.example:99999/", "is not a URL"),
        ("http://sounds.example/" + "a" * 9000, "the limit is 8000"),
    ],
)
async def test_urls_that_scripts_may_not_use(url: str, reason: str) -> None:
    names = Names(**{"10_0_0_1": ["10.0.0.1"]})
    names.hosts["::1"] = ["::1"]
    with pytest.raises(FetchError, match=reason):
        await _get(_fetcher(names), url)


async def test_numbers_that_mean_loopback_are_refused_by_their_meaning() -> None:
    for host in ("localhost", "2130706433", "0x7f.1", "127.1"):
        with pytest.raises(FetchError, match=r"loopback|is not known"):
            await _get(Fetcher(Direct()), f"http://{host}/")


async def test_only_the_allowed_addresses_of_a_name_are_tried(web: Web) -> None:
    web.pages["/"] = Answer(b"right")
    names = Names(sounds_example=["10.0.0.1", "127.0.0.9", "127.0.0.1"])
    # Nothing listens on 127.0.0.9; the next address is tried.
    assert await _get(_fetcher(names), f"http://sounds.example:{web.port}/") == b"right"


async def test_nothing_listens_there(web: Web) -> None:
    with pytest.raises(FetchError, match="does not accept the connection"):
        await _get(_fetcher(), "http://sounds.example:1/")


async def test_a_dead_server_costs_the_deadline_and_no_more(web: Web) -> None:
    web.pages["/"] = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    with pytest.raises(FetchError, match=r"^Timeout is reached$") as caught:
        await _get(_fetcher(), f"http://sounds.example:{web.port}/", timeout_s=0.3)
    assert caught.value.failure is Failure.TIMEOUT


@pytest.mark.parametrize("declared", [True, False])
async def test_too_large_a_file_is_refused(web: Web, declared: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    head += b"Content-Length: 5000\r\n\r\n" if declared else b"\r\n"
    web.pages["/"] = Answer(raw=head + bytes(5000))
    with pytest.raises(FetchError, match=r"limit is 1,000|more than 1,000 bytes"):
        await _get(_fetcher(), f"http://sounds.example:{web.port}/")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"x", headers=(("Content-Encoding", "gzip"),)), "compress"),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), "cannot be fetched"),
        (Answer(raw=b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\n\r\n"), "no URL|is not"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000), "cannot be fetched"),
    ],
    ids=["compressed", "not http", "bad redirect", "endless head"],
)
async def test_odd_answers_are_errors(web: Web, answer: Answer, reason: str) -> None:
    web.pages["/"] = answer
    with pytest.raises(FetchError, match=reason):
        await _get(_fetcher(), f"http://sounds.example:{web.port}/")


async def test_tls_is_verified_for_the_name_although_an_address_is_connected_to(web: Web) -> None:
    web.tls = True
    web.pages["/"] = Answer(b"secret")
    assert await _get(_fetcher(), f"https://sounds.example:{web.port}/") == b"secret"
    with pytest.raises(FetchError, match=r"(?i)certificate"):
        await _get(_fetcher(), f"https://other.example:{web.port}/")


async def test_a_post_becomes_get_after_303_and_keeps_its_body_after_307(web: Web) -> None:
    web.pages["/303"] = Answer(status=303, headers=(("Location", "/end"),))
    web.pages["/307"] = Answer(
        status=307, headers=(("Location", f"http://other.example:{web.port}/end"),)
    )
    web.pages["/end"] = Answer(b"ok")
    for path in ("/303", "/307"):
        request = Request(
            url=f"http://sounds.example:{web.port}{path}",
            method="POST",
            headers=(("Authorization", "Bearer key"), ("Content-Type", "text/plain")),
            content=b"data",
            timeout_s=20,
        )
        assert await _ask(_fetcher(), request) == b"ok"
    methods = [request.split(b" ")[0] for request in web.requests]
    assert methods == [b"POST", b"GET", b"POST", b"POST"]
    assert web.requests[1].endswith(b"\r\n\r\n")
    assert b"Bearer" in web.requests[1]  # the same origin
    assert web.requests[3].endswith(b"data")
    assert b"Bearer" not in web.requests[3]  # another origin
