"""One TCP connection: a task that reads, one that writes, and bounds on both.

A connection is made by a peer or by us; afterwards both are alike and carry requests and responses
in either direction. Its end is reported once, and fails the requests that waited on it.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from sip.address import BoundAddress, Flow, PeerAddress
from sip.message import KeepAlive, MessageError, StreamFramer
from sip.transaction import ClientKey, Transmit

from .limits import (
    CONNECT_S,
    FLUSH_S,
    IDLE_S,
    LOOK_AGAIN_S,
    MAX_TCP_QUEUE_BYTES,
    MESSAGE_S,
    SEND_S,
)
from .receiver import Receiver

_PONG = b"\r\n"
_READ_BYTES = 65_536


class TcpConnection:
    """One connection; `run` ends when it is closed."""

    def __init__(self, flow_id: int, receiver: Receiver) -> None:
        self.id = flow_id
        self.flow: Flow | None = None
        """Known once it is up."""
        self._receiver = receiver
        self._queue: deque[bytes | Transmit] = deque()
        self._queued_bytes = 0
        self._wake = trio.Event()
        self._drained = trio.Event()
        self._drained.set()
        self._scope = trio.CancelScope()
        self._reason = "closed"
        self._framer = StreamFramer()

    def __repr__(self) -> str:
        return f"<TCP {self.id} {self.flow.peer if self.flow else 'connecting'}>"

    @property
    def is_closing(self) -> bool:
        return self._scope.cancel_called

    def send(self, output: Transmit) -> None:
        """Queue a message; a queue that is full closes the connection."""
        if isinstance(output.transaction, ClientKey):
            self._receiver.sent_on(output.transaction, self.id)
        self._put(output, len(output.data))

    def close(self, reason: str) -> None:
        if not self._scope.cancel_called:
            self._reason = reason
        self._scope.cancel()

    async def accept(self, stream: trio.SocketStream) -> None:
        """Serve a connection that a peer opened, until it ends."""

        async def opened() -> trio.SocketStream | None:
            return stream

        await self._run(opened)

    async def connect(self, addresses: tuple[str, ...], port: int, otherwise: str) -> None:
        """Open the connection at the first address that answers, then serve it until it ends.

        `otherwise` is the reason to report when there is no address at all.
        """
        self._reason = otherwise or self._reason

        async def opened() -> trio.SocketStream | None:
            for address in addresses:
                stream = await self._try_address(address, port)
                if stream is not None:
                    return stream
            return None

        await self._run(opened)

    async def _run(self, opened: Callable[[], Awaitable[trio.SocketStream | None]]) -> None:
        try:
            with self._scope:
                stream = await opened()
                self.flow = None if stream is None else _flow_of(self.id, stream)
                if stream is not None:
                    async with stream:
                        await self._serve(stream)
        finally:
            self._fail_unsent()
            self._receiver.flow_closed(self.id, self._reason)

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self.flow is None:
            self._reason = "closed before it was served"
            return
        self._receiver.flow_opened(self.flow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream)
            await self._read(stream, self.flow)
            # the answer to what made us close should still get out
            with trio.move_on_after(FLUSH_S):
                await self._drained.wait()
            nursery.cancel_scope.cancel()

    async def _try_address(self, address: str, port: int) -> trio.SocketStream | None:
        try:
            with trio.fail_after(CONNECT_S):
                return await _open(address, port)
        except trio.TooSlowError:
            self._reason = f"tcp:{address}:{port}: no connection within {CONNECT_S:g} s"
        except OSError as exc:
            self._reason = f"tcp:{address}:{port}: {_plain(exc)}"
        return None

    # --- writing ---

    def _put(self, item: bytes | Transmit, size: int) -> None:
        if self._queued_bytes + size > MAX_TCP_QUEUE_BYTES:
            self.close("the peer does not read what we send")
            return
        self._queue.append(item)
        self._queued_bytes += size
        if self._drained.is_set():
            self._drained = trio.Event()
        self._wake.set()

    async def _write(self, stream: trio.SocketStream) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                item = self._queue[0]
                data = item if isinstance(item, bytes) else item.data
                if isinstance(item, Transmit) and self.flow is not None:
                    # before the writing: the answer may be read before that returns
                    self._receiver.sent(item, self.flow.local, self.flow.peer)
                try:
                    with trio.fail_after(SEND_S):
                        await stream.send_all(data)
                except (trio.TooSlowError, trio.BrokenResourceError, OSError) as exc:
                    self.close(f"cannot write: {_plain(exc)}")
                    return
                self._queue.popleft()
                self._queued_bytes -= len(data)
            self._wake = trio.Event()
            self._drained.set()

    def _fail_unsent(self) -> None:
        for item in self._queue:
            if isinstance(item, Transmit) and item.transaction is not None:
                self._receiver.undelivered(item.transaction, self._reason)
        self._queue.clear()

    # --- reading ---

    async def _read(self, stream: trio.SocketStream, flow: Flow) -> None:
        partial_since: float | None = trio.current_time()  # a message is due soon
        last_byte = trio.current_time()
        while True:
            data = await self._receive(stream, partial_since, last_byte)
            if data is None:
                return
            last_byte = trio.current_time()
            complete = self._take(data, flow)
            if complete is None:
                return
            if complete:
                partial_since = None
            elif partial_since is None:
                partial_since = last_byte

    async def _receive(
        self, stream: trio.SocketStream, partial_since: float | None, last_byte: float
    ) -> bytes | None:
        """The next bytes; None when the connection is to be closed."""
        while True:
            deadline = last_byte + IDLE_S if partial_since is None else partial_since + MESSAGE_S
            now = trio.current_time()
            if now >= deadline and not (
                partial_since is None and self._receiver.needs_flow(self.id)
            ):
                self._reason = "idle" if partial_since is None else "no whole message in time"
                return None
            with trio.move_on_at(max(deadline, now + LOOK_AGAIN_S * (now >= deadline))):
                try:
                    data = await stream.receive_some(_READ_BYTES)
                except (trio.BrokenResourceError, OSError) as exc:
                    self._reason = f"cannot read: {_plain(exc)}"
                    return None
                if not data:
                    self._reason = "the peer closed the connection"
                    return None
                return data

    def _take(self, data: bytes, flow: Flow) -> bool | None:
        """Feed the framer; True when something was complete, None when framing is lost."""
        complete = False
        while True:
            fault: MessageError | None = None
            try:
                items = self._framer.feed(data)
            except MessageError as exc:
                fault, items = exc, exc.before
            for item in items:
                complete = True
                if not isinstance(item, KeepAlive):
                    self._receiver.message(item, flow)
                elif item.double:
                    self._put(_PONG, len(_PONG))
            if fault is None:
                return complete
            self._receiver.fault(fault, data, flow)
            if fault.fatal:
                self._reason = f"the border of messages was lost: {fault.reason}"
                return None
            complete, data = True, b""


def _flow_of(flow_id: int, stream: trio.SocketStream) -> Flow | None:
    """The two ends; None when the connection is gone already."""
    try:
        local, peer = stream.socket.getsockname(), stream.socket.getpeername()
    except OSError:
        return None
    return Flow(
        id=flow_id,
        local=BoundAddress(transport="tcp", host=local[0], port=local[1]),
        peer=PeerAddress(transport="tcp", host=peer[0], port=peer[1]),
    )


async def _open(address: str, port: int) -> trio.SocketStream:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


def _plain(exc: BaseException) -> str:
    cause = exc.__cause__ if isinstance(exc.__cause__, OSError) else exc
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    return str(exc) or type(exc).__name__
