"""What one row of the table of limits is: default, range, meaning, and who keeps it."""

from __future__ import annotations

import enum
import math
from typing import Any, Final

import attrs

_FACTS: Final = "facts"


class Keeper(enum.Enum):
    """Who keeps a limit. What a script's process alone keeps is bounded by its memory and CPU time,
    which others keep: a hostile one that goes beyond it harms only itself."""

    CORE = "core"
    KERNEL = "kernel"
    SCRIPT = "script's process"
    BOTH = "script's process, then core"
    CORE_AND_KERNEL = "core, then kernel"
    LOADING = "core, at loading"


_IN_WORKER: Final = frozenset({Keeper.KERNEL, Keeper.SCRIPT, Keeper.BOTH})


@attrs.frozen(kw_only=True)
class Facts:
    """What is known of a limit beside its value."""

    least: float
    most: float
    what: str
    beyond: str
    """What happens beyond it; empty for a number that another limit is made of."""
    keeper: Keeper
    zero: str
    """What 0 means where it is allowed beside the range; then it is the highest value."""
    operator_only: bool
    """Lowering it would loosen the limit that it belongs to; or it is the machine's."""

    @property
    def allowed(self) -> str:
        """The range, as people write it."""
        text = f"{shown(self.least)} to {shown(self.most)}"
        return f"{text}, or 0 = {self.zero}" if self.zero else text

    @property
    def in_worker(self) -> bool:
        """Whether the script's process is told."""
        return self.keeper in _IN_WORKER

    def height(self, value: float) -> float:
        """For comparisons: which of two values allows more."""
        return math.inf if self.zero and value == 0 else value

    def check(self, _: object, attribute: attrs.Attribute[Any], value: float) -> None:
        """attrs validator."""
        if self.zero and value == 0:
            return
        if not self.least <= value <= self.most:
            raise ValueError(f"must be from {self.allowed}, not {shown(value)}")


def limit(
    default: float,
    allowed: tuple[float, float],
    what: str,
    *,
    beyond: str,
    keeper: Keeper = Keeper.CORE,
    zero: str = "",
    operator_only: bool = False,
) -> Any:
    """A field of the table."""
    known = Facts(
        least=allowed[0],
        most=allowed[1],
        what=what,
        beyond=beyond,
        keeper=keeper,
        zero=zero,
        operator_only=operator_only,
    )
    return attrs.field(default=default, validator=known.check, metadata={_FACTS: known})


def facts(table: type[Any], name: str) -> Facts:
    """Of the field `name`."""
    known = attrs.fields_dict(table)[name].metadata[_FACTS]
    assert isinstance(known, Facts)
    return known


def shown(value: float) -> str:
    """As people read it: 1,024, 0.2."""
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"
