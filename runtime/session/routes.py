"""Carries out the routing decisions of one session on the media engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import attrs

from runtime.decisions.routing import (
    Action,
    Connect,
    Disconnect,
    Node,
    Replaced,
    Role,
    Routing,
)
from runtime.media.port import MediaPort, MediaSink, MediaSource
from runtime.session.timeline import Timeline


@attrs.frozen
class PlaybackNode:
    """The source that a playback of a leg is; numbered by the leg, never by the script."""

    unit: int
    number: int

    def __str__(self) -> str:
        return f"playback {self.number} of {self.unit}"


class Routes:
    """Nodes with the engine's things behind them."""

    def __init__(self, media: MediaPort, timeline: Timeline, conference_members: int) -> None:
        self._media = media
        self._timeline = timeline
        self._routing = Routing(conference_members)
        self._things: dict[Node, object] = {}
        self._on_replaced: dict[Node, Callable[[], None]] = {}
        self._on_emptied: dict[Node, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._routing)

    def __contains__(self, node: Node) -> bool:
        return node in self._routing

    def add(
        self,
        node: Node,
        role: Role,
        *,
        on_replaced: Callable[[], None] | None = None,
        on_emptied: Callable[[], None] | None = None,
    ) -> None:
        """A node that neither hears nor is heard yet. `on_emptied`: nothing is sent to it now."""
        self._routing.add(node, role)
        if on_emptied is not None:
            self._on_emptied[node] = on_emptied
        if on_replaced is not None:
            self._on_replaced[node] = on_replaced

    def bind(self, node: Node, thing: object) -> None:
        """The engine's thing for a node; before the node can hear or be heard."""
        self._things[node] = thing

    def connect(self, source: Node, sink: Node) -> None:
        """Raises RoutingRefused."""
        self._carry_out(self._routing.connect(source, sink))

    def disconnect(self, source: Node, sink: Node) -> None:
        self._carry_out(self._routing.disconnect(source, sink))
        self._tell_emptied()

    def update(self, node: Node, *, can_hear: bool, can_be_heard: bool) -> None:
        self._carry_out(self._routing.update(node, can_hear=can_hear, can_be_heard=can_be_heard))

    def remove(self, node: Node) -> None:
        """Safe twice."""
        self._carry_out(self._routing.remove(node))
        self._things.pop(node, None)
        self._on_replaced.pop(node, None)
        self._on_emptied.pop(node, None)
        self._tell_emptied()

    def _tell_emptied(self) -> None:
        for node, told in list(self._on_emptied.items()):
            if self._routing.source_of(node) is None:
                told()

    def source_of(self, sink: Node) -> Node | None:
        return self._routing.source_of(sink)

    def heard_by(self, source: Node) -> list[Node]:
        return self._routing.heard_by(source)

    def effective_edges(self) -> list[tuple[Node, Node]]:
        return [(node, sink) for node in self._things for sink in self.heard_by(node)]

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Connect(source, sink):
                    self._timeline.record("media", f"{sink} hears {source}")
                    self._media.connect(self._source(source), self._sink(sink))
                case Disconnect(source, sink):
                    self._timeline.record("media", f"{sink} no longer hears {source}")
                    self._media.disconnect(self._source(source), self._sink(sink))
                case Replaced(source, _):
                    on_replaced = self._on_replaced.get(source)
                    if on_replaced is not None:
                        on_replaced()

    def _source(self, node: Node) -> MediaSource:
        return cast(MediaSource, self._things[node])

    def _sink(self, node: Node) -> MediaSink:
        return cast(MediaSink, self._things[node])
