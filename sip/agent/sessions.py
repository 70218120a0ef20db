"""The sessions of one endpoint, found by Call-ID and local tag."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sip.dialog import InviteSession, Session
from sip.message import Request
from sip.transaction import ServerKey


@attrs.frozen(eq=False)
class Held:
    """A session and the facade its owner holds."""

    core: Session
    facade: InviteSession
    invites: set[ServerKey] = attrs.field(factory=set)
    """The peer's INVITEs whose transactions are still there."""


class SessionTable:
    """All sessions that still have something to do."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Held] = {}
        self._ended: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    @property
    def active(self) -> int:
        """Sessions whose owner has not been told Ended."""
        return len(self._held) - len(self._ended)

    def add(self, held: Held) -> None:
        self._held[_key(held.core)] = held

    def of(self, core: Session) -> Held | None:
        return self._held.get(_key(core))

    def find(self, request: Request) -> Held | None:
        """The session whose dialog a request with this To tag belongs to."""
        return self._held.get((request.call_id, request.to.tag or ""))

    def named(self, call_id: str, local_tag: str) -> Held | None:
        """The session with this Call-ID and this tag of ours."""
        return self._held.get((call_id, local_tag))

    def mark_ended(self, core: Session) -> None:
        if _key(core) in self._held:
            self._ended.add(_key(core))

    def remove(self, core: Session) -> Held | None:
        self._ended.discard(_key(core))
        return self._held.pop(_key(core), None)


def _key(core: Session) -> tuple[str, str]:
    return core.call.call_id, core.call.local_tag
