"""What a session may ask of a WebSocket, and what it is told.

Two adapters: sockets/client.py (the network, and the audio engine) and the test kit's. Everything
runs on the core's trio thread; events come through the listener, in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Protocol

import attrs

from runtime.decisions.media_stream import StreamPlan
from runtime.media.port import MediaLeg
from runtime.net import Dress

MAX_QUEUED_BYTES: Final = 1024 * 1024
"""Of messages that the peer has not taken yet: half a minute of audio."""


MAX_STREAMS: Final = 4
"""That go to one peer at once, each with a tag and a leg of the engine: two people, a mix of them,
and one to spare."""


class SocketFull(Exception):
    """The peer does not take what it is sent; str() is for the script."""


class SocketGone(Exception):
    """Who has come is gone before the socket was open; str() says how."""


@attrs.frozen(kw_only=True)
class SocketRequest:
    """A ws:// or wss:// URL, and what is said when it is opened."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    protocols: tuple[str, ...] = ()
    connect_s: float
    """For everything until it is open."""
    owner: Hashable = None
    """On whose behalf; None is the operator's."""


@attrs.frozen
class SocketText:
    """A message of the peer's that is no audio."""

    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class SocketBegan:
    """The peer's audio begins to be heard."""

    tag: str
    encoding: str
    custom: str


@attrs.frozen(kw_only=True)
class SocketEnded:
    """The peer's audio has ended."""

    tag: str
    duration_s: float


@attrs.frozen
class SocketNote:
    """Something for the timeline."""

    text: str


@attrs.frozen(kw_only=True)
class SocketClosed:
    """The last event. `code` as in RFC 6455 7.4.1; `clean`: both sides said goodbye."""

    code: int
    reason: str
    clean: bool


SocketEvent = SocketText | SocketBegan | SocketEnded | SocketNote | SocketClosed
SocketListener = Callable[[SocketEvent], None]
Turn = Callable[[], Awaitable[None]]
"""Returns when one more message of the peer's may be told."""


class SocketLane(Protocol):
    """One of several streams that go to the peer at once; gone with its socket."""

    @property
    def media(self) -> MediaLeg:
        """Sink of what is sent."""

    def begin(self, plan: StreamPlan) -> None:
        """Send what the leg hears, from now on, as a new stream."""

    def end(self) -> None:
        """End the stream. Safe twice."""


class Socket(Protocol):
    """An open WebSocket. Nothing happens in it but while `run` runs."""

    @property
    def media(self) -> MediaLeg:
        """Source of the peer's audio, and sink of what is sent to it."""

    async def run(self, turn: Turn) -> None:
        """Until it is closed, by either side; SocketClosed has been told then. When cancelled it
        says goodbye, for a moment. What the peer says waits for its `turn`, and with it what it
        says next: a peer that talks too much is read later."""

    def send(self, text: str) -> None:
        """Raises SocketFull."""

    def close(self) -> None:
        """Say goodbye (1000); `run` ends soon. Safe twice."""

    def begin(self, plan: StreamPlan) -> None:
        """Send what the leg hears, from now on, as a new stream."""

    def end(self) -> None:
        """End the stream. Safe twice."""

    async def open_lane(self) -> SocketLane:
        """The way for one stream more, MAX_STREAMS in all. Raises MediaUnavailable, and
        trio.ClosedResourceError when the socket has ended."""

    def clear(self) -> None:
        """Drop the peer's audio that was not heard yet."""


class SocketArrival(Protocol):
    """Somebody outside who wants to open a WebSocket, and waits for an answer."""

    async def accept(self, listener: SocketListener) -> Socket:
        """Whoever accepts it runs it. Raises SocketGone, MediaUnavailable."""


class SocketPort(Protocol):
    """Opens WebSockets."""

    async def open(self, request: SocketRequest, dress: Dress, listener: SocketListener) -> Socket:
        """Whoever asked runs it. Raises FetchError, MediaUnavailable."""
