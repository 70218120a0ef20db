"""One connection: a task that reads, one that writes, and bounds on both.

A connection is made by a peer or by us; afterwards both are alike and carry requests and responses
in either direction. Its end is reported once, and fails the requests that waited on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import trio

from sip.address import Flow
from sip.transaction import ClientKey, Transmit

from .arrivals import Answer, Damaged, Framing, Lost, Pong, Whole
from .limits import FLUSH_S, MAX_QUEUE_BYTES, SEND_S
from .opening import Opened, OpenError, Stream
from .patience import GiveUp, Patience, SendPing, WaitUntil
from .receiver import Receiver

_READ_BYTES = 65_536


class Connection:
    """One connection; `run` ends when it is closed."""

    def __init__(self, flow_id: int, receiver: Receiver, framing: Framing, *, pings: bool) -> None:
        """`pings`: it is our side that keeps it alive."""
        self.id = flow_id
        self._pings = pings
        self._patience: Patience | None = None
        self.flow: Flow | None = None
        """Known once it is up."""
        self._receiver = receiver
        self._framing = framing
        self._queue: deque[bytes | Transmit] = deque()
        self._queued_bytes = 0
        self._wake = trio.Event()
        self._drained = trio.Event()
        self._drained.set()
        self._scope = trio.CancelScope()
        self._reason = "closed"

    def __repr__(self) -> str:
        return f"<Connection {self.id} {self.flow.peer if self.flow else 'opening'}>"

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

    async def run(self, opened: Callable[[], Awaitable[Opened]]) -> OpenError | None:
        """Open the connection and serve it until it ends; why it could not be opened."""
        fault: OpenError | None = None
        try:
            with self._scope:
                try:
                    ready = await opened()
                except OpenError as exc:
                    fault, self._reason = exc, str(exc)
                else:
                    self.flow = ready.flow
                    async with ready.stream:
                        await self._serve(ready.stream, ready.flow)
        finally:
            self._fail_unsent()
            peer = None if self.flow is None else self.flow.peer
            self._receiver.flow_closed(self.id, self._reason, peer)
        return fault

    async def _serve(self, stream: Stream, flow: Flow) -> None:
        self._receiver.flow_opened(flow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream, flow)
            await self._read(stream, flow)
            if farewell := self._framing.farewell(self._reason):
                self._put(farewell, len(farewell))
            # the answer to what made us close should still get out
            with trio.move_on_after(FLUSH_S):
                await self._drained.wait()
            nursery.cancel_scope.cancel()

    # --- writing ---

    def _put(self, item: bytes | Transmit, size: int) -> None:
        if self._queued_bytes + size > MAX_QUEUE_BYTES:
            self.close("the peer does not read what we send")
            return
        self._queue.append(item)
        self._queued_bytes += size
        if self._drained.is_set():
            self._drained = trio.Event()
        self._wake.set()

    async def _write(self, stream: Stream, flow: Flow) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                item = self._queue[0]
                if isinstance(item, Transmit):
                    # before the writing: the answer may be read before that returns
                    self._receiver.sent(item, flow.local, flow.peer)
                    size, data = len(item.data), self._framing.wrap(item.data)
                else:
                    size, data = len(item), item
                try:
                    with trio.fail_after(SEND_S):
                        await stream.send_all(data)
                except (trio.TooSlowError, trio.BrokenResourceError, OSError) as exc:
                    self.close(f"cannot write: {_plain(exc)}")
                    return
                self._queue.popleft()
                self._queued_bytes -= size
            self._wake = trio.Event()
            self._drained.set()

    def _fail_unsent(self) -> None:
        for item in self._queue:
            if isinstance(item, Transmit):
                self._receiver.undelivered(item, self._reason)
        self._queue.clear()

    # --- reading ---

    async def _read(self, stream: Stream, flow: Flow) -> None:
        patience = self._patience = Patience(
            trio.current_time(), pings=self._pings, must_answer=self._framing.answers_pings
        )
        self._take(b"", flow)  # what came together with a handshake
        while (data := await self._receive(stream, patience)) is not None:
            complete = self._take(data, flow)
            if complete is None:
                return
            patience.heard(trio.current_time(), complete=complete)

    async def _receive(self, stream: Stream, patience: Patience) -> bytes | None:
        """The next bytes; None when the connection is to be closed."""
        while True:
            match patience.next(trio.current_time(), lambda: self._receiver.needs_flow(self.id)):
                case GiveUp(reason):
                    self._reason = reason
                    return None
                case SendPing():
                    ping = self._framing.ping()
                    self._put(ping, len(ping))
                    continue
                case WaitUntil(at):
                    with trio.move_on_at(at):
                        return await self._read_some(stream)

    async def _read_some(self, stream: Stream) -> bytes | None:
        try:
            data = await stream.receive_some(_READ_BYTES)
        except (trio.BrokenResourceError, OSError) as exc:
            self._reason = f"cannot read: {_plain(exc)}"
            return None
        if not data:
            self._reason = "the peer closed the connection"
            return None
        return bytes(data)

    def _take(self, data: bytes, flow: Flow) -> bool | None:
        """Hand on what is complete; True when something was, None when there is no going on."""
        arrivals = self._framing.feed(data)
        for arrival in arrivals:
            match arrival:
                case Whole(message):
                    self._receiver.message(message, flow)
                case Damaged(error, raw):
                    self._receiver.fault(error, raw, flow)
                case Answer(reply):
                    self._put(reply, len(reply))
                case Pong():
                    if self._patience is not None:
                        self._patience.ponged()
                case Lost(reason):
                    self._reason = reason
                    return None
        return bool(arrivals)


def _plain(exc: BaseException) -> str:
    cause = exc.__cause__ if isinstance(exc.__cause__, OSError) else exc
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    return str(exc) or type(exc).__name__
