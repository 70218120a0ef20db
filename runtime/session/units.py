"""The handle table of one session: which number is which call, player, recorder or conference.

A handle means something in its own session only. The worker numbers what it creates oddly and
never reuses a number; whatever else it names is an error for the script and has no effect.
"""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from runtime.decisions.problems import Commands
from runtime.sandbox.schema import MAX_UNIT
from runtime.sandbox.wire import ProtocolError

FIRST_OWN: Final = 2
"""The core numbers evenly."""

T = TypeVar("T")


class UnitRefused(Exception):
    """The script named a handle that it cannot use so; str() says why."""

    kind: ClassVar[Commands] = Commands.WRONG_THING


class UnitEnded(UnitRefused):
    """What the script named has ended; it may not have heard of that yet."""

    kind = Commands.ENDED


class TooManyUnits(UnitRefused):
    """There are as many of these as there may be."""

    kind = Commands.TOO_MANY


class UnitTable:
    """Live units by handle."""

    def __init__(self) -> None:
        self._units: dict[int, object] = {}
        self._next_own = FIRST_OWN
        self._last_claimed = -1

    def __len__(self) -> int:
        return len(self._units)

    def own(self, thing: object) -> int:
        """A handle of the core's own choice for `thing`."""
        unit = self._next_own
        if unit > MAX_UNIT:
            raise TooManyUnits("this session has used up its handles")
        self._next_own += 2
        self._units[unit] = thing
        return unit

    def claim(self, unit: int, thing: object) -> None:
        """A handle that the worker chose. ProtocolError when it is not its to choose."""
        if unit % 2 == 0 or unit <= self._last_claimed:
            raise ProtocolError(f"unit {unit} is not free to choose")
        self._last_claimed = unit
        self._units[unit] = thing

    def find(self, unit: int, kind: type[T]) -> T:
        """The thing behind a handle. Raises UnitRefused."""
        thing = self._units.get(unit)
        if thing is None:
            raise UnitEnded(f"the {_word(kind)} has ended; nothing was done")
        if not isinstance(thing, kind):
            raise UnitRefused(
                f"this is a {_word(type(thing))}, not a {_word(kind)}; nothing was done"
            )
        return thing

    def get(self, unit: int) -> object | None:
        return self._units.get(unit)

    def of(self, kind: type[T]) -> list[T]:
        return [thing for thing in self._units.values() if isinstance(thing, kind)]

    def drop(self, unit: int) -> None:
        self._units.pop(unit, None)


def _word(kind: type[object]) -> str:
    """As a script calls it: call, player, recorder, conference."""
    return kind.__name__.removesuffix("Leg").lower()
