"""Names are looked up in threads that all scripts share."""

from __future__ import annotations

import socket
import threading

import attrs
import pytest
import trio

from runtime.net.direct import MAX_LOOKUPS, MAX_LOOKUPS_OF_OWNER, SystemResolver

PATIENCE_S = 60


@attrs.define
class NameServer:
    """Does not answer for hosts called "slow" until it is told to."""

    go_on: threading.Event = attrs.field(factory=threading.Event)
    asked: list[str] = attrs.field(factory=list)

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        if host == "slow":
            self.go_on.wait(PATIENCE_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    async def is_asked(self, times: int) -> None:
        with trio.fail_after(PATIENCE_S):
            while self.asked.count("slow") < times:  # noqa: ASYNC110 - a thread has no event here
                await trio.sleep(0.001)


async def test_a_scenario_whose_names_hang_leaves_look_ups_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when it has given up: the threads are still there."""
    server, resolver = NameServer(), SystemResolver()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    hostile = resolver.of("hostile")
    try:
        with trio.fail_after(PATIENCE_S):
            for _ in range(2):
                async with trio.open_nursery() as nursery:
                    for _ in range(MAX_LOOKUPS):
                        nursery.start_soon(hostile, "slow", 80)
                    await server.is_asked(MAX_LOOKUPS_OF_OWNER)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.cancel_scope.cancel()
            assert server.asked == ["slow"] * MAX_LOOKUPS_OF_OWNER
            assert await resolver.of("other")("quick", 80) == ["192.0.2.1"]
            assert await resolver.of(None)("quick", 80) == ["192.0.2.1"]
            server.go_on.set()
            assert await hostile("quick", 80) == ["192.0.2.1"]
    finally:
        server.go_on.set()
