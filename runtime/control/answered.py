"""Counts what the HTTP interface answers."""

from __future__ import annotations

from collections import Counter

import attrs
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@attrs.define(eq=False)
class Answered:
    """By the first digit of the status. Made before the application, which shows it."""

    counts: Counter[int] = attrs.field(factory=Counter)


class Counting:
    """ASGI middleware; the outermost, so that refusals count too."""

    def __init__(self, app: ASGIApp, answered: Answered) -> None:
        self._app = app
        self._counts = answered.counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[message["status"] // 100] += 1
            await send(message)

        await self._app(scope, receive, seen if scope["type"] == "http" else send)
