"""Who listens to what on one object, and with how many parameters a handler is called.

Rules (VoxEngine reference: addEventListener; the usual DOM rules): handlers run in the order of
registration, the same function registered twice counts once, one removed before its turn is
skipped, one added during a dispatch waits for the next event.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

import attrs

from runtime.api.event_constants import NEVER_FIRED
from runtime.api.events import Event, resolve
from runtime.api.names import NamespaceType, StrictNames, shown_name
from runtime.api.options import function
from runtime.api.running import current_run

if TYPE_CHECKING:
    from runtime.api.session import Session

E = TypeVar("E", bound=Event)
H = TypeVar("H")
R = TypeVar("R")

_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


@attrs.define(eq=False)
class Listener:
    table: Listeners
    callback: Callable[..., object]
    takes_event: bool
    once: bool
    where: str
    leg: int | None
    removed: bool = False


def takes_event(callback: object, what: str) -> bool:
    """Whether a handler wants the event; parameters with defaults do not count."""
    return wanted_arguments(callback, 1, what) > 0


def wanted_arguments(callback: object, most: int, what: str) -> int:
    """How many of `most` arguments a callback is to be given. Raises TypeError when it needs more,
    or could not be run."""
    if not callable(callback):
        hint = "; give its name without ()" if callback is None else ""
        kind = type(callback).__name__
        raise TypeError(f"{what}: a handler must be a function, not {kind}{hint}")
    if inspect.isasyncgenfunction(callback) or inspect.isgeneratorfunction(callback):
        raise TypeError(f"{what}: a handler must not contain yield; its body would never run")
    try:
        parameters = list(inspect.signature(callback).parameters.values())
    except ValueError:  # a builtin that does not tell: they take what they are given
        return most
    required = [p for p in parameters if p.kind in _POSITIONAL and p.default is p.empty]
    named = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(required) > most or named:
        raise TypeError(_too_many([p.name for p in required + named], most, what))
    if most > 1:  # of several arguments, optional parameters take theirs too
        required = [p for p in parameters if p.kind in _POSITIONAL][:most]
    return most if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(required)


def _too_many(names: list[str], most: int, what: str) -> str:
    given = "no or one parameter" if most == 1 else f"at most {most} parameters"
    rule = f"a handler takes {given}" if most else "the callback is called without arguments"
    hint = "; give the method of an object" if names[0] == "self" else ""
    return f"{what}: {rule}, this one needs ({', '.join(names)}){hint}"


class Listeners:
    """The table of one object: event name -> handlers in order."""

    __slots__ = ("_by_name", "_closed", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_name: dict[str, list[Listener]] = {}
        self._closed = ""

    def add(
        self, name: str, callback: Callable[..., object], *, once: bool, first: bool = False
    ) -> None:
        """`first`: before those that are there."""
        wants_event = takes_event(callback, f"listener for {name}")
        if self._closed:
            self._session.log(f"listener for {name} ignored: {self._closed}")
            return
        entries = self._by_name.setdefault(name, [])
        if any(entry.callback == callback for entry in entries):
            return
        self._session.count_listener(+1)
        where = self._session.where()
        entry = Listener(self, callback, wants_event, once, where, current_run().leg)
        entries.insert(0 if first else len(entries), entry)
        if name in NEVER_FIRED:
            self._session.log(f"{name} is never fired here: {NEVER_FIRED[name]}")

    def remove(self, name: str, callback: object = None) -> None:
        """Remove one handler of an event, or all of them; unknown ones are ignored."""
        for entry in list(self._by_name.get(name, ())):
            if callback is None or entry.callback == callback:
                self.drop(name, entry)

    def drop(self, name: str, entry: Listener) -> None:
        entry.removed = True
        self._by_name[name].remove(entry)
        self._session.count_listener(-1)

    def close(self, why: str) -> None:
        """Nothing fires here any more: give everything back, and take nothing new."""
        self._closed = why
        for name in self._by_name:
            self.remove(name)

    def of(self, name: str) -> tuple[Listener, ...]:
        """The handlers of an event as they stand now."""
        return tuple(self._by_name.get(name, ()))


class Registrar(Protocol[H]):
    """What `on(event)` gives: a decorator that registers and returns the function."""

    @overload
    def __call__(self, callback: Callable[[H], R], /) -> Callable[[H], R]: ...
    @overload
    def __call__(self, callback: Callable[[], R], /) -> Callable[[], R]: ...


class _Registration:
    def __init__(self, source: EventSource, event: object, *, once: bool) -> None:
        self._table, self._once = source._listeners, once
        self._name = resolve(source._namespace, event).name

    def __call__(self, callback: Callable[..., Any], /) -> Any:
        self._table.add(self._name, callback, once=self._once)
        return callback


class EventSource(StrictNames):
    """addEventListener and its kin, on everything that fires events."""

    __slots__ = ()
    _namespace: NamespaceType

    @property
    def _listeners(self) -> Listeners:
        raise AssertionError("an event source has its own table of listeners")

    @overload
    def addEventListener(
        self, event: type[E], callback: Callable[[E], object] | Callable[[], object]
    ) -> None: ...
    @overload
    def addEventListener(
        self, event: str, callback: Callable[[Any], object] | Callable[[], object]
    ) -> None: ...
    def addEventListener(self, event: object, callback: Callable[..., object]) -> None:
        """Call `callback` at every such event, with the event or with nothing.

        `event` is the constant or its string value. The callback may be plain (it runs alone, in
        the order of registration) or async (it starts in order and runs to its first await before
        the next event is delivered). The same function counts once. Raises TypeError for something
        that cannot be a handler, ValueError or AttributeError with close matches for an unknown
        event, LimitReached above 1,000 listeners. Past events are not replayed.
        VoxEngine reference: Call.addEventListener.
        """
        name = resolve(self._namespace, event).name
        self._listeners.add(name, callback, once=False)

    def removeEventListener(
        self, event: type[Event] | str, callback: Callable[..., object] | None = None
    ) -> None:
        """Take back one handler of an event, or without `callback` all of them.

        One that was to run for the event in progress is skipped. What was never registered is
        ignored. VoxEngine reference: Call.removeEventListener.
        """
        if callback is not None:
            function(f"{shown_name(type(self))}.removeEventListener", "callback", callback)
        self._listeners.remove(resolve(self._namespace, event).name, callback)

    @overload
    def on(self, event: type[E]) -> Registrar[E]: ...
    @overload
    def on(self, event: str) -> Registrar[Any]: ...
    def on(self, event: object) -> Any:
        """Decorator, `@call.on(CallEvents.Connected)`: register the function as addEventListener
        does, and return it unchanged."""
        return _Registration(self, event, once=False)

    @overload
    def once(self, event: type[E]) -> Registrar[E]: ...
    @overload
    def once(self, event: str) -> Registrar[Any]: ...
    def once(self, event: object) -> Any:
        """Decorator: as `on`, for the next such event only."""
        return _Registration(self, event, once=True)
