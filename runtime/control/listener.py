"""The HTTP listener: bound before anything needs its address, served by Hypercorn."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve
from starlette.types import ASGIApp

BACKLOG: Final = 128
KEEP_ALIVE_S: Final = 20.0
READ_TIMEOUT_S: Final = 30
"""A request that takes longer to arrive holds a connection for nothing."""
GRACE_S: Final = 3.0
"""How long running responses may take to end when the server stops."""
MAX_REQUEST_HEAD: Final = 32 * 1024


class ListenError(Exception):
    """The address cannot be bound; str() says which and why."""


@attrs.frozen
class HttpListener:
    """A bound, listening socket and the URL it is reached at."""

    socket: socket.socket
    url: str

    @classmethod
    def bind(cls, host: str, port: int) -> HttpListener:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as exc:
            listener.close()
            raise ListenError(
                f"HTTP cannot listen on {host}:{port}: {exc.strerror}; choose another --http"
            ) from exc
        listener.setblocking(False)
        bound = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        return cls(listener, f"http://{shown}:{bound}")

    async def serve(
        self,
        app: ASGIApp,
        until: Callable[[], Awaitable[None]],
        *,
        task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `until` returns, then let running responses end within GRACE_S."""
        config = HypercornConfig()
        config.bind = [f"fd://{self.socket.fileno()}"]
        config.accesslog = None
        config.errorlog = None
        config.keep_alive_timeout = KEEP_ALIVE_S
        config.read_timeout = READ_TIMEOUT_S
        config.graceful_timeout = GRACE_S
        config.shutdown_timeout = GRACE_S
        config.h11_max_incomplete_size = MAX_REQUEST_HEAD
        config.include_server_header = False
        await serve(app, config, shutdown_trigger=until, task_status=task_status)  # type: ignore[arg-type]
