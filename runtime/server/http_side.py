"""The HTTP interface of a runtime: where it listens, and its serving from start to end."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any

import attrs
import trio
from starlette.types import ASGIApp

from runtime.config import Config
from runtime.config.http import parse_http_address
from runtime.control.listener import GRACE_S, HttpListener
from runtime.control.sockets import SocketDoor
from runtime.decisions.problems import Setup
from runtime.server.fault import StartError
from runtime.server.telling import Telling


def is_loopback(config: Config) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(parse_http_address(config.http.listen)[0]).is_loopback


@attrs.define(eq=False)
class HttpSide:
    """Bound at once; `serve` it, and `end` it."""

    listener: HttpListener
    _telling: Telling
    _ending: trio.Event = attrs.field(factory=trio.Event, init=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False)

    @classmethod
    def bind(cls, config: Config, telling: Telling) -> HttpSide:
        """Raises StartError when others could reach it without a token, ListenError."""
        host, port = parse_http_address(config.http.listen)
        if not is_loopback(config) and not config.http.has_tokens:
            raise StartError(
                Setup.OPEN_TO_OTHERS,
                f"HTTP on {host} is open to others: add a token to [http.tokens], or use 127.0.0.1",
            )
        return cls(HttpListener.bind(host, port), telling)

    async def serve(
        self, app: ASGIApp, door: SocketDoor, *, task_status: trio.TaskStatus[Any]
    ) -> None:
        telling = self._telling
        serve = partial(
            self.listener.serve, on_fault=telling.http_fault, on_full=telling.log.warning
        )
        await serve(app, door, self._ending.wait, task_status=task_status)
        self._ended.set()

    async def end(self) -> None:
        """Running answers have GRACE_S to come to their end."""
        self._ending.set()
        with trio.move_on_after(GRACE_S):
            await self._ended.wait()
