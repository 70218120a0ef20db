"""What is sent to one WebSocket: a stream for each tag, and to each stream one source.

The first stream has the socket's own leg of the engine; each one more has a leg of its own, from
when it is needed to the end of the socket. Source: voxengine.md M1, "WebSocket(tag)".
"""

from __future__ import annotations

from functools import partial

import attrs
import trio

from runtime.decisions.media_stream import StreamPlan
from runtime.decisions.problems import Commands
from runtime.decisions.routing import SOCKET, Node
from runtime.media.port import MediaUnavailable
from runtime.sandbox.frames import call_id
from runtime.session.context import SessionContext
from runtime.sockets import MAX_STREAMS, Socket, SocketLane


class SocketRefused(Exception):
    """Nothing was sent; str() says why."""

    def __init__(self, kind: Commands, why: str) -> None:
        super().__init__(why)
        self.kind = kind


@attrs.frozen
class StreamNode:
    """A stream beside the first one."""

    unit: int
    number: int

    def __str__(self) -> str:
        return f"stream {self.number} of {self.unit}"


@attrs.define(eq=False)
class _Stream:
    node: Node
    plan: StreamPlan | None = None
    """How audio is to be sent, while something is."""
    lane: Socket | SocketLane | None = None
    """None until it is open."""
    opening: bool = False


class Streams:
    """All streams to one socket."""

    def __init__(self, session: SessionContext, unit: int) -> None:
        self._session = session
        self._unit = unit
        self._socket: Socket | None = None
        self._streams: list[_Stream] = []
        self._add(unit)

    @property
    def nodes(self) -> list[Node]:
        return [stream.node for stream in self._streams]

    def node_of(self, tag: str) -> Node:
        """Where the source of this tag goes: into its stream, or an idle one. Raises
        SocketRefused."""
        busy = next((each for each in self._streams if each.plan and each.plan.tag == tag), None)
        found = busy or next((each for each in self._streams if each.plan is None), None)
        if found is None and len(self._streams) >= MAX_STREAMS:
            raise SocketRefused(
                Commands.TOO_MANY,
                f"{MAX_STREAMS} streams with other tags go to this socket already; stop one with "
                "stopMediaTo(), or open another socket",
            )
        found = found or self._add(StreamNode(self._unit, len(self._streams) + 1))
        return found.node

    def _add(self, node: Node) -> _Stream:
        stream = _Stream(node)
        self._streams.append(stream)
        self._session.routes.add(node, SOCKET, on_emptied=partial(self._emptied, stream))
        return stream

    def begin(self, node: Node, plan: StreamPlan) -> None:
        """Something is sent to it: a stream of its own begins."""
        stream = next(each for each in self._streams if each.node == node)
        stream.plan = plan
        if stream.lane is not None:
            stream.lane.begin(plan)
        else:
            self._open(stream)

    def _emptied(self, stream: _Stream) -> None:
        """Nothing is sent to it any more."""
        stream.plan = None
        if stream.lane is not None:
            stream.lane.end()

    def opened(self, socket: Socket) -> None:
        """The socket is there."""
        self._socket = socket
        first, *others = self._streams
        self._ready(first, socket, can_be_heard=True)
        for stream in others:
            self._open(stream)

    def _open(self, stream: _Stream) -> None:
        if self._socket is not None and not stream.opening:
            stream.opening = True
            self._session.tasks.start(partial(self._open_lane, self._socket, stream))

    async def _open_lane(self, socket: Socket, stream: _Stream) -> None:
        try:
            lane = await socket.open_lane()
        except trio.ClosedResourceError:
            return
        except MediaUnavailable as exc:
            leg = call_id(self._session.id, self._unit)
            why = f"no way for another stream: {exc}"
            self._session.timeline.refuse(Commands.NO_WAY_FOR_AUDIO, why, leg=leg)
            self._streams.remove(stream)
            self._session.routes.remove(stream.node)
            return
        if stream.node in self._session.routes:
            self._ready(stream, lane, can_be_heard=False)

    def _ready(self, stream: _Stream, lane: Socket | SocketLane, *, can_be_heard: bool) -> None:
        stream.lane = lane
        self._session.routes.bind(stream.node, lane.media)
        self._session.routes.update(stream.node, can_hear=True, can_be_heard=can_be_heard)
        if stream.plan is not None:
            lane.begin(stream.plan)

    def remove(self) -> None:
        """Safe twice."""
        for node in self.nodes:
            self._session.routes.remove(node)
