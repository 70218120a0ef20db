"""Who hears whom: the edges of one session, stored and effective. Runs in the core.

A leg, or a stream to a WebSocket, has one inbound edge, and a new one replaces it for good;
conferences and recorders take many. An edge is effective while its source can be heard and its sink
can hear (voxengine.md M1-M10); until then it is only stored. Every change returns the actions that
bring the engine up to date.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Final

import attrs

from runtime.decisions.problems import Commands

Node = Hashable
"""A unit's handle, or a playback of a leg."""


@attrs.frozen
class Connect:
    source: Node
    sink: Node


@attrs.frozen
class Disconnect:
    source: Node
    sink: Node


@attrs.frozen
class Replaced:
    """The stored edge is gone for good because the sink has a new one."""

    source: Node
    sink: Node


Action = Connect | Disconnect | Replaced


class RoutingRefused(Exception):
    """The edge makes no sense; says why."""

    kind: ClassVar[Commands] = Commands.WRONG_THING


class NodeGone(RoutingRefused):
    """One end of the edge is no more."""

    kind = Commands.ENDED


class ConferenceFull(RoutingRefused):
    """As many calls as a conference may have are in it; `conference` is the one."""

    kind = Commands.TOO_MANY

    def __init__(self, conference: Node, most: int) -> None:
        super().__init__(
            f"the conference is full: it has {most} calls already (limit conference_members); "
            "let one leave first, or send the call to another conference"
        )
        self.conference = conference


@attrs.frozen(kw_only=True)
class Role:
    """What a node can be; `name` is for refusals."""

    name: str
    is_source: bool
    is_sink: bool
    one_inbound: bool = False


LEG: Final = Role(name="a call", is_source=True, is_sink=True, one_inbound=True)
DIRECT: Final = Role(
    name="a call whose audio passes directly between its peers", is_source=False, is_sink=False
)
SOCKET: Final = Role(name="a WebSocket", is_source=True, is_sink=True, one_inbound=True)
ASR: Final = Role(name="an ASR", is_source=False, is_sink=True, one_inbound=True)
CONFERENCE: Final = Role(name="a conference", is_source=True, is_sink=True)
PLAYER: Final = Role(name="a player", is_source=True, is_sink=False)
RECORDER: Final = Role(name="a recorder", is_source=False, is_sink=True)


@attrs.define
class _Known:
    role: Role
    can_hear: bool = False
    can_be_heard: bool = False
    sources: dict[Node, None] = attrs.field(factory=dict)
    sinks: dict[Node, None] = attrs.field(factory=dict)


class Routing:
    """All edges of one session."""

    def __init__(self, conference_members: int) -> None:
        self._nodes: dict[Node, _Known] = {}
        self._conference_members = conference_members
        """Calls that may speak or listen in one conference."""

    def __contains__(self, node: Node) -> bool:
        return node in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def add(
        self, node: Node, role: Role, *, can_hear: bool = False, can_be_heard: bool = False
    ) -> None:
        """A new node without edges."""
        self._nodes[node] = _Known(role, can_hear, can_be_heard)

    def connect(self, source: Node, sink: Node) -> list[Action]:
        """Install source -> sink; on a leg it replaces what was there. Raises RoutingRefused.

        Raises ConferenceFull when a call would be one too many for a conference.
        """
        from_, to = self._node(source), self._node(sink)
        self._check(source, from_.role, sink, to.role)
        if source in to.sources:
            return []
        self._make_room(source, sink)
        self._make_room(sink, source)
        actions: list[Action] = []
        effective = from_.can_be_heard and to.can_hear
        if to.role.one_inbound:
            for old in list(to.sources):
                # The engine replaces a leg's source by itself, so only a gap needs a Disconnect.
                if not effective and self._effective(old, sink):
                    actions.append(Disconnect(old, sink))
                self._unlink(old, sink)
                actions.append(Replaced(old, sink))
        to.sources[source] = None
        from_.sinks[sink] = None
        if effective:
            actions.append(Connect(source, sink))
        return actions

    def disconnect(self, source: Node, sink: Node) -> list[Action]:
        """Remove exactly this edge; nothing happens when it was replaced already (M9)."""
        to = self._nodes.get(sink)
        if to is None or source not in to.sources:
            return []
        effective = self._effective(source, sink)
        self._unlink(source, sink)
        return [Disconnect(source, sink)] if effective else []

    def update(self, node: Node, *, can_hear: bool, can_be_heard: bool) -> list[Action]:
        """The node's own state has changed; stored edges become effective or stop being so."""
        known = self._node(node)
        before = self._effective_edges(node)
        known.can_hear, known.can_be_heard = can_hear, can_be_heard
        after = self._effective_edges(node)
        lost: list[Action] = [Disconnect(*edge) for edge in before if edge not in after]
        won: list[Action] = [Connect(*edge) for edge in after if edge not in before]
        return lost + won

    def remove(self, node: Node) -> list[Action]:
        """The node is gone, and its edges with it; nothing comes back in their place."""
        if node not in self._nodes:
            return []
        edges = self._edges(node)
        actions: list[Action] = [Disconnect(*edge) for edge in edges if self._effective(*edge)]
        for edge in edges:
            self._unlink(*edge)
        del self._nodes[node]
        return actions

    def source_of(self, sink: Node) -> Node | None:
        """The one inbound edge of a leg, stored or effective."""
        known = self._nodes.get(sink)
        return next(iter(known.sources), None) if known else None

    def heard_by(self, source: Node) -> list[Node]:
        """Who hears `source` right now."""
        known = self._nodes.get(source)
        return [sink for sink in known.sinks if self._effective(source, sink)] if known else []

    def _node(self, node: Node) -> _Known:
        known = self._nodes.get(node)
        if known is None:
            raise NodeGone("one of the two has ended; nothing was done")
        return known

    @staticmethod
    def _check(source: Node, from_: Role, sink: Node, to: Role) -> None:
        if not from_.is_source:
            raise RoutingRefused(f"{from_.name} has no audio to send")
        if not to.is_sink:
            raise RoutingRefused(f"{to.name} cannot be sent audio")
        if source == sink and not to.one_inbound:
            raise RoutingRefused(f"{to.name} cannot be sent its own audio")

    def _make_room(self, member: Node, conference: Node) -> None:
        """Players and other conferences are no members: announcements are always heard."""
        mixer = self._nodes[conference]
        if mixer.role is not CONFERENCE or self._nodes[member].role is not LEG:
            return
        members = {n for n in (*mixer.sources, *mixer.sinks) if self._nodes[n].role is LEG}
        if member not in members and len(members) >= self._conference_members:
            raise ConferenceFull(conference, self._conference_members)

    def _effective(self, source: Node, sink: Node) -> bool:
        return self._nodes[source].can_be_heard and self._nodes[sink].can_hear

    def _edges(self, node: Node) -> list[tuple[Node, Node]]:
        known = self._nodes[node]
        inbound = [(source, node) for source in known.sources]
        return inbound + [(node, sink) for sink in known.sinks if sink != node]

    def _effective_edges(self, node: Node) -> list[tuple[Node, Node]]:
        return [edge for edge in self._edges(node) if self._effective(*edge)]

    def _unlink(self, source: Node, sink: Node) -> None:
        self._nodes[sink].sources.pop(source, None)
        self._nodes[source].sinks.pop(sink, None)
