"""Bodies of requests as they come."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from runtime.control.arriving import PIECE_S, Arriving


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

    arriving = Arriving(receive)
    kinds = [(await arriving())["type"] for _ in range(3)]
    assert kinds == ["http.request", "http.request", "http.disconnect"]


async def test_after_the_body_the_client_may_say_nothing_for_ever(
    autojump_clock: MockClock,
) -> None:
    messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        await trio.sleep(0 if len(messages) == 2 else 3600)
        return messages.pop(0)

    arriving = Arriving(receive)
    assert (await arriving())["type"] == "http.request"
    assert (await arriving())["type"] == "http.disconnect"
    assert trio.current_time() == 3600
