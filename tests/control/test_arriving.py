"""Bodies of requests as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from runtime.control.arriving import PIECE_S, Arriving
from runtime.control.problem import Problem
from runtime.testing import Sim
from tests.control.test_app import client_of


async def test_a_body_that_stops_coming_is_a_client_that_left(autojump_clock: MockClock) -> None:
    pieces: list[tuple[float, dict[str, Any]]] = [
        (PIECE_S - 1, {"type": "http.request", "body": b"a", "more_body": True}),
        (PIECE_S - 1, {"type": "http.request", "body": b"b", "more_body": True}),
        (PIECE_S + 1, {"type": "http.request", "body": b"c", "more_body": False}),
    ]

    async def receive() -> dict[str, Any]:
        after, message = pieces.pop(0)
        await trio.sleep(after)
        return message

    arriving = Arriving(receive, 100)
    kinds = [(await arriving())["type"] for _ in range(3)]
    assert kinds == ["http.request", "http.request", "http.disconnect"]


async def test_after_the_body_the_client_may_say_nothing_for_ever(
    autojump_clock: MockClock,
) -> None:
    messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        await trio.sleep(0 if len(messages) == 2 else 3600)
        return messages.pop(0)

    arriving = Arriving(receive, 100)
    assert (await arriving())["type"] == "http.request"
    assert (await arriving())["type"] == "http.disconnect"
    assert trio.current_time() == 3600


async def test_a_body_that_nobody_announced_is_refused_where_it_becomes_too_long() -> None:
    async def receive() -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        return {"type": "http.request", "body": b"x" * 40, "more_body": True}

    arriving = Arriving(receive, 100)
    await arriving()
    await arriving()
    with pytest.raises(Problem) as refused:
        await arriving()
    assert refused.value.kind.status == 413


async def test_a_request_of_http_2_that_does_not_say_how_long_it_is_is_refused(
    sim: Sim, tmp_path: Path
) -> None:
    """RFC 9113 8.1.1: Content-Length is not needed, and 8.2.2: there are no chunks."""
    head = {
        "type": "http",
        "http_version": "2",
        "method": "POST",
        "path": "/api/v1/tokens",
        "raw_path": b"/api/v1/tokens",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }
    said: list[dict[str, Any]] = []
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        await trio.lowlevel.checkpoint()
        taken += 10_000
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        said.append(message)

    async with client_of(sim, tmp_path) as client:
        app: Any = client._transport.app  # type: ignore[attr-defined]
        await app(head, endless, send)
    assert (said[0]["status"], taken) == (413, 70_000)
    assert b"send a body of at most 65536 bytes" in said[1]["body"]
