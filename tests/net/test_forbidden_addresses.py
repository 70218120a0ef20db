"""However it is written: a script does not reach what only this machine or its network may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import trio

from runtime.net import Direct, Failure, Fetcher, FetchError, FetchRefused, Request, parse_networks

pytestmark = pytest.mark.loopback

PATIENCE_S = 60


class Door:
    """A listener on loopback that counts who knocks."""

    def __init__(self) -> None:
        self.knocks = 0
        self.port = 0

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._open, [listener])

    async def _open(self, stream: trio.SocketStream) -> None:
        self.knocks += 1
        await stream.aclose()


@pytest.fixture
async def door(nursery: trio.Nursery) -> AsyncIterator[Door]:
    made = Door()
    await nursery.start(made.run)
    with trio.fail_after(PATIENCE_S):
        yield made
    nursery.cancel_scope.cancel()


async def ask(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        async with fetcher.request(Request(url=url, timeout_s=20)):
            pass
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "public.example@127.0.0.1",
        "public.example:80@127.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "100.64.0.1",
        "255.255.255.255",
        "224.0.0.1",
    ],
)
async def test_every_spelling_of_a_forbidden_address_is_refused(door: Door, host: str) -> None:
    refusal = await ask(Fetcher(Direct()), f"http://{host}:{door.port}/")
    known = (Failure.CONNECTION, Failure.HOST_NOT_FOUND, Failure.MALFORMED_URL)
    assert refusal.failure in known
    # A name that this system's resolver does not take for an address leads nowhere either.
    assert isinstance(refusal, FetchRefused) or refusal.failure is not Failure.CONNECTION
    assert door.knocks == 0


async def test_what_stands_behind_the_host_does_not_count(door: Door) -> None:
    for url in (
        f"http://127.0.0.1:{door.port}#@public.example/",
        f"http://127.0.0.1:{door.port}?@public.example/",
        f"http://127.0.0.1:{door.port}\\@public.example/",
    ):
        assert (await ask(Fetcher(Direct()), url)).failure is not Failure.NETWORK
    assert door.knocks == 0


class Fickle:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        await trio.lowlevel.checkpoint()
        return self.answers.pop(0)


async def test_a_name_that_is_public_first_and_loopback_then_leads_to_no_loopback(
    door: Door,
) -> None:
    names = Fickle(["192.0.2.1"], ["127.0.0.1"])
    refusal = await ask(Fetcher(Direct(resolver=names.resolve)), f"http://a.example:{door.port}/")
    assert isinstance(refusal, FetchRefused)  # judged by the one answer that was asked for
    assert names.answers == [["127.0.0.1"]]
    assert door.knocks == 0


async def test_of_several_addresses_only_allowed_ones_are_used(door: Door) -> None:
    names = Fickle(["127.0.0.1", "10.0.0.1", "::1"])
    refusal = await ask(Fetcher(Direct(resolver=names.resolve)), f"http://a.example:{door.port}/")
    assert isinstance(refusal, FetchRefused)
    assert door.knocks == 0


async def test_every_hop_is_judged_anew(nursery: trio.Nursery) -> None:
    async def redirect(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(
            b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
        )
        await stream.aclose()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, redirect, [listener])
    port = listener.socket.getsockname()[1]
    names = Fickle(["127.0.0.1"], ["10.0.0.1"])
    fetcher = Fetcher(Direct(parse_networks(["127.0.0.0/8"]), resolver=names.resolve))
    with trio.fail_after(PATIENCE_S):
        refusal = await ask(fetcher, f"http://a.example:{port}/")
    assert "a.example is 10.0.0.1, which is private" in str(refusal)
    nursery.cancel_scope.cancel()


async def test_redirects_to_the_own_network_and_to_other_schemes_are_refused(
    nursery: trio.Nursery,
) -> None:
    targets = {
        "http://10.0.0.1/": Failure.CONNECTION,
        "http://[::1]/": Failure.CONNECTION,
        "//169.254.169.254/latest": Failure.CONNECTION,
        "http://u:p@10.0.0.1/": Failure.CONNECTION,
        "file:///etc/passwd": Failure.MALFORMED_URL,
        "gopher://a.example/": Failure.MALFORMED_URL,
    }

    async def redirect(stream: trio.SocketStream) -> None:
        number = int((await stream.receive_some()).split(b" ")[1][1:])
        head = f"HTTP/1.1 307 X\r\nLocation: {list(targets)[number]}\r\nContent-Length: 0\r\n\r\n"
        await stream.send_all(head.encode())
        await stream.aclose()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, redirect, [listener])
    port = listener.socket.getsockname()[1]
    fetcher = Fetcher(Direct(parse_networks(["127.0.0.1/32"])))
    with trio.fail_after(PATIENCE_S):
        for number, (target, expected) in enumerate(targets.items()):
            refusal = await ask(fetcher, f"http://127.0.0.1:{port}/{number}")
            assert refusal.failure is expected, target
    nursery.cancel_scope.cancel()
