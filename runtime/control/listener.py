"""The HTTP listener: bound before anything needs its address.

WebSocket handshakes at access URLs are recognised at the first octets of a connection and go to
their own door; everything else is served by Hypercorn (docs/design/incoming-websockets.md).
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import attrs
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.control.heads import MAX_HEAD, Kind, kind_of
from runtime.control.places import Places
from runtime.control.unreadable import explain

BACKLOG: Final = 128
KEEP_ALIVE_S: Final = 20.0
GRACE_S: Final = 3.0
"""How long running responses may take to end when the server stops."""
READ: Final = 64 * 1024
WRITE: Final = 16 * 1024
"""Octets that a client must take in PATIENCE_S: any line that carries a call is faster."""
PATIENCE_S: Final = 30.0
"""For a client that has asked and does not read: it would hold its connection for ever."""

Door = Callable[[trio.SocketStream, bytes], Awaitable[None]]
"""Takes a connection that begins with a WebSocket handshake; it is closed when the door returns."""


class ListenError(Exception):
    """The address cannot be bound; str() says which and why."""


class Reread:
    """A stream whose first octets were looked at before it is served, for Hypercorn's server, which
    shields what it sends from being cancelled, for however long."""

    def __init__(self, stream: trio.SocketStream, first: bytes) -> None:
        self._stream = stream
        self._first = first
        self.socket = stream.socket
        self.send_eof = stream.send_eof
        self.aclose = stream.aclose

    async def send_all(self, data: bytes) -> None:
        """Raises BrokenResourceError when the client takes nothing."""
        for start in range(0, len(data), WRITE):
            with trio.move_on_after(PATIENCE_S) as patience:
                await self._stream.send_all(data[start : start + WRITE])
            if patience.cancelled_caught:
                await trio.aclose_forcefully(self._stream)
                raise trio.BrokenResourceError("the client does not read")

    async def receive_some(self, most: int) -> bytes:
        first, self._first = self._first, b""
        if first:
            await trio.lowlevel.checkpoint()
            return first
        return bytes(await self._stream.receive_some(most))


class Serving(TCPServer):
    """Hypercorn's server of one connection, which ends when the client has gone, and says what it
    does not understand."""

    async def _read_data(self) -> None:
        """Hypercorn would wait for the next request of a client that has closed, as long as for
        one that is there: some clients a second that ask once would take up all places."""
        explain(self.protocol)
        await super()._read_data()
        await self.idle_task.stop()


class Connections:
    """Serves accepted connections; what goes wrong in one is told, and ends no other."""

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        on_fault: Callable[[str], object] = lambda _: None,
        on_full: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`on_fault` is given a traceback, at the first fault and at each doubling: what a stranger
        can bring about must not fill the log. `on_full` is told likewise of connections that are
        closed at once."""
        self._config = _hypercorn()
        self._served = app
        self._app = wrap_app(self._telling, self._config.wsgi_max_body_size, "asgi")  # type: ignore[arg-type]
        self._door = door
        self._context = WorkerContext(None)
        self._on_fault = on_fault
        self._on_full = on_full
        self._places = Places()
        self._faults = 0
        self._open: set[trio.SocketStream] = set()
        self._left = trio.lowlevel.ParkingLot()

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection, to its end."""
        address = _address_of(stream)
        if not self._places.take(address):
            if what := self._places.worth_telling:
                self._on_full(what)
            return
        self._open.add(stream)
        try:
            await self._serve(stream)
        except* Exception as group:  # noqa: BLE001 - whatever odd octets do to Hypercorn
            self._tell(group)
        finally:
            self._places.leave(address)
            self._open.discard(stream)
            self._left.unpark_all()

    async def _telling(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What a request met: the client is told that the log has it."""
        try:
            await self._served(scope, receive, send)
        except Exception as exc:
            self._tell(exc)
            raise

    def _tell(self, fault: BaseException) -> None:
        self._faults += 1
        if self._faults & (self._faults - 1) == 0:
            self._on_fault("".join(traceback.format_exception(fault)))

    async def _serve(self, stream: trio.SocketStream) -> None:
        first, kind = b"", Kind.NOT_CLEAR
        with trio.move_on_after(KEEP_ALIVE_S):
            first, kind = await _first_octets(stream)
        match kind:
            case Kind.SOCKET:
                await self._door(stream, first)
            case Kind.HTTP:
                server: Any = Reread(stream, first)
                await Serving(self._app, self._config, self._context, ConnectionState({}), server)
            case Kind.NOT_CLEAR:  # too slow, or gone
                pass

    async def end(self) -> None:
        """Connections without a request are closed, and no request follows a running one. Return
        when all are over, or after GRACE_S."""
        await self._context.terminated.set()
        with trio.move_on_after(GRACE_S):
            while self._open:
                await self._left.park()

    def cut(self) -> None:
        """What is left is closed: Hypercorn's sending cannot be cancelled."""
        for stream in self._open:
            stream.socket.close()


def _address_of(stream: trio.SocketStream) -> str:
    """Empty when the client has gone already."""
    try:
        return str(stream.socket.getpeername()[0])
    except (OSError, IndexError):
        return ""


async def _first_octets(stream: trio.SocketStream) -> tuple[bytes, Kind]:
    """As many as it takes to see what they begin."""
    first = b""
    while (kind := kind_of(first)) is Kind.NOT_CLEAR:
        try:
            data = await stream.receive_some(READ)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return first, Kind.NOT_CLEAR
        if not data:
            return first, Kind.NOT_CLEAR
        first += data
    return first, kind


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
        door: Door,
        until: Callable[[], Awaitable[None]],
        *,
        on_fault: Callable[[str], object] = lambda _: None,
        on_full: Callable[[str], object] = lambda _: None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `until` returns, then let running responses end within GRACE_S."""
        connections = Connections(app, door, on_fault, on_full)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self.socket))
        async with trio.open_nursery() as served:
            try:
                async with trio.open_nursery() as accepting:
                    accept = partial(
                        trio.serve_listeners, connections.serve, [listener], handler_nursery=served
                    )
                    await accepting.start(accept)
                    task_status.started()
                    await until()
                    accepting.cancel_scope.cancel()
                await connections.end()
            finally:
                connections.cut()
            served.cancel_scope.cancel()


def _hypercorn() -> HypercornConfig:
    config = HypercornConfig()
    config.accesslog = None
    config.errorlog = None
    config.keep_alive_timeout = KEEP_ALIVE_S
    # Heads have KEEP_ALIVE_S, bodies what arriving.py and access.py give them; a client that reads
    # a long response says nothing.
    config.read_timeout = None
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.h11_max_incomplete_size = MAX_HEAD
    config.include_server_header = False
    return config
