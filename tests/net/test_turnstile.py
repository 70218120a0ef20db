"""The machine's cap of scripts' requests: no more at once, in order, and every place comes back."""

from __future__ import annotations

from collections.abc import Hashable

import attrs
import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.net import Failure, Fetcher, FetchError, Hop, Reply, Request
from runtime.net.turnstile import Turnstile


@attrs.define
class SlowServers:
    """Each answers after ten seconds, those called "broken" with nothing."""

    running: int = 0
    most: int = 0
    order: list[str] = attrs.field(factory=list)

    async def send(self, hop: Hop, connect_s: float, owner: Hashable = None) -> Reply:
        self.running += 1
        self.most = max(self.most, self.running)
        self.order.append(hop.host)
        try:
            await trio.sleep(10)
            if hop.host == "broken":
                raise FetchError(Failure.NETWORK, "it broke")
        except BaseException:
            self.running -= 1
            raise
        return Answer(self)


@attrs.define
class Answer:
    server: SlowServers
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    declared: int | None = None

    async def piece(self) -> bytes | None:
        await trio.sleep(1)
        return None

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        self.server.running -= 1


async def ask(fetcher: Fetcher, host: str, timeout_s: float = 1_000) -> None:
    async with fetcher.request(Request(url=f"http://{host}/", timeout_s=timeout_s)) as reply:
        assert await reply.piece() is None


async def test_no_more_than_so_many_run_at_once_and_the_others_come_in_order(
    autojump_clock: MockClock,
) -> None:
    servers = SlowServers()
    fetcher = Fetcher(Turnstile(servers, Limits(http_machine_active=2).http_machine_active))
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(ask, fetcher, f"h{number}")
            await trio.testing.wait_all_tasks_blocked()
    assert servers.most == 2
    pairs = [set(servers.order[at : at + 2]) for at in (0, 2, 4)]
    assert pairs == [{"h0", "h1"}, {"h2", "h3"}, {"h4", "h5"}]
    assert (servers.running, trio.current_time()) == (0, 33)


async def test_a_place_comes_back_after_an_error_and_after_a_cancellation(
    autojump_clock: MockClock,
) -> None:
    fetcher = Fetcher(Turnstile(SlowServers(), 1))
    with pytest.raises(FetchError, match="it broke"):
        await ask(fetcher, "broken")
    with trio.move_on_after(10.5):
        await ask(fetcher, "left")
    with trio.move_on_after(1):
        await ask(fetcher, "left")
    with trio.fail_after(12):
        await ask(fetcher, "good")


async def test_who_waits_too_long_is_told_within_its_own_time(autojump_clock: MockClock) -> None:
    servers = SlowServers()
    fetcher = Fetcher(Turnstile(servers, 1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, fetcher, "first")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(FetchError) as told:
            await ask(fetcher, "second", timeout_s=3)
    assert (told.value.failure, servers.order) == (Failure.TIMEOUT, ["first"])


async def test_one_scenario_leaves_places_to_the_next(autojump_clock: MockClock) -> None:
    """However many sounds and requests it asks for, of servers that take their time."""
    servers = SlowServers()
    fetcher = Fetcher(Turnstile(servers, 8))
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(ask, fetcher.of("hostile"), f"h{number}")
        await trio.testing.wait_all_tasks_blocked()
        assert servers.running == 2
        for number in range(2):
            nursery.start_soon(ask, fetcher.of(f"other {number}"), f"o{number}")
        await trio.testing.wait_all_tasks_blocked()
        assert servers.order[2:] == ["o0", "o1"] or servers.order[2:] == ["o1", "o0"]
    assert (servers.running, trio.current_time()) == (0, 33)


async def test_who_gives_up_takes_no_place_with_him(autojump_clock: MockClock) -> None:
    servers = SlowServers()
    fetcher = Fetcher(Turnstile(servers, 1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, fetcher.of("a"), "first")
        await trio.testing.wait_all_tasks_blocked()
        for owner in ("a", "b", "a"):
            with trio.move_on_after(1):
                await ask(fetcher.of(owner), "impatient")
    with trio.fail_after(12):
        await ask(fetcher.of("a"), "good")
    assert servers.order == ["first", "good"]
