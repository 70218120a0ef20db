"""What an event is, and the name spaces that hold the event classes.

An event constant such as CallEvents.Connected *is* the class of the objects that handlers receive:
frozen, with exactly the payload fields of the VoxEngine reference. `name` is the string value that
may be used in its place.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard, cast

import attrs

from runtime.api.instead import INSTEAD
from runtime.api.names import NamespaceType, public_names, unknown


class EventType(type):
    """What event classes are: each equals its string value, as VoxEngine's constants do."""

    def __eq__(cls, other: object) -> bool:
        return cls is other or (isinstance(other, str) and getattr(cls, "name", None) == other)

    def __hash__(cls) -> int:
        name = getattr(cls, "name", None)
        return hash(name) if isinstance(name, str) else type.__hash__(cls)


@attrs.frozen(kw_only=True)
class Event(metaclass=EventType):
    """Something that happened in the session."""

    name: ClassVar[str]
    """The event's string value, "Call.Connected"."""

    if not TYPE_CHECKING:  # a visible __getattr__ would make every field look valid to editors

        def __getattr__(self, field: str) -> Any:
            if field.startswith("_"):
                raise AttributeError(f"{self.name} has no field {field[:40]!r}")
            known = public_names(type(self))
            raise AttributeError(unknown(f"{self.name} has no field", field, known))


@cache
def _payload_names(event: Hashable) -> frozenset[str]:
    return frozenset(attrs.fields_dict(cast("type[Event]", event)))


def build(event: type[Event], source: Mapping[str, Any], fields: Mapping[str, Any]) -> Event:
    """An event object from its payload; what the class does not have is left out."""
    known = _payload_names(cast("Any", event))
    return event(**source, **{name: value for name, value in fields.items() if name in known})


@cache
def by_name(namespace: NamespaceType) -> Mapping[str, type[Event]]:
    """String value -> class of every event in a name space."""
    members = [getattr(namespace, name) for name in dir(namespace) if not name.startswith("_")]
    return MappingProxyType({event.name: event for event in members if _is_event(event)})


def _is_event(value: object) -> TypeGuard[type[Event]]:
    return isinstance(value, type) and issubclass(cast("type[object]", value), Event)


def resolve(namespace: NamespaceType, event: object) -> type[Event]:
    """The class that was meant by a class or a string; TypeError or ValueError when none was."""
    known = by_name(namespace)
    if isinstance(event, str):
        found = known.get(event)
        instead = INSTEAD.get(f"{namespace.__name__}.{event.rpartition('.')[2]}")
        if found is None and instead is not None:
            raise ValueError(f"{event[:60]!r} does not exist here: {instead}")
        if found is None:
            raise ValueError(unknown(f"{namespace.__name__} has no event", event, known))
        return found
    if not _is_event(event):
        raise TypeError(
            f"an event must be one of {namespace.__name__} or its string value, not "
            f"{type(event).__name__}"
        )
    if known.get(event.name) is not event:
        raise TypeError(f"{event.name} is not fired here; this object fires {namespace.__name__}")
    return event
