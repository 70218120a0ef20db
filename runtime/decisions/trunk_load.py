"""How many calls a trunk may have at once and begin in a second, each way. Pure; core process."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import attrs

Way = Literal["in", "out"]
MOST_CALLS: Final = 100_000
MOST_PER_SECOND: Final = 10_000.0
"""More than one runtime can carry: what is above is a typing error."""


def _calls(_: Any, __: attrs.Attribute[Any], value: int) -> None:
    if not 0 <= value <= MOST_CALLS:
        raise ValueError(f"{value} must be 0 (no limit) to {MOST_CALLS}")


def _rate(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if not (value == 0 or 0.01 <= value <= MOST_PER_SECOND):
        raise ValueError(f"{value:g} must be 0 (no limit), or 0.01 to {MOST_PER_SECOND:g}")


@attrs.frozen(kw_only=True)
class TrunkLimits:
    """`[trunk.limits]`; 0 means no limit."""

    calls: int = attrs.field(default=0, validator=_calls)
    """At once, both ways together."""
    calls_in: int = attrs.field(default=0, validator=_calls)
    calls_out: int = attrs.field(default=0, validator=_calls)
    per_second_in: float = attrs.field(default=0.0, validator=_rate)
    """New calls; a second's worth may come at once."""
    per_second_out: float = attrs.field(default=0.0, validator=_rate)


@attrs.frozen(kw_only=True)
class Excess:
    """A call too many: why, and when it is worth trying again."""

    reason: str
    retry_after_s: int


CALL_ENDS_S: Final = 5
"""Retry-After when all lines are taken: long enough for calls to end, short for a caller."""


@attrs.define
class _Bucket:
    """Tokens for new calls: `rate` a second, a second's worth at most."""

    rate: float
    tokens: float = attrs.field(init=False)
    at: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.tokens = self.size

    @property
    def size(self) -> float:
        return max(1.0, float(math.ceil(self.rate)))

    def take(self, now: float) -> bool:
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True


class TrunkLoad:
    """The calls of one trunk."""

    def __init__(self, limits: TrunkLimits) -> None:
        self._limits = limits
        self._now: dict[Way, int] = {"in": 0, "out": 0}
        self._rates: dict[Way, _Bucket] = {
            "in": _Bucket(limits.per_second_in),
            "out": _Bucket(limits.per_second_out),
        }

    def calls(self, way: Way) -> int:
        return self._now[way]

    def enter(self, way: Way, now: float) -> Excess | None:
        """Count a call that begins; or say why it may not, and count nothing."""
        total = sum(self._now.values())
        of_way = {"in": self._limits.calls_in, "out": self._limits.calls_out}[way]
        if 0 < self._limits.calls <= total:
            return Excess(reason=f"has {total} calls, its limit", retry_after_s=CALL_ENDS_S)
        if 0 < of_way <= self._now[way]:
            named = {"in": "incoming", "out": "outgoing"}[way]
            return Excess(
                reason=f"has {of_way} {named} calls, its limit", retry_after_s=CALL_ENDS_S
            )
        bucket = self._rates[way]
        if bucket.rate and not bucket.take(now):
            return Excess(
                reason=f"begins {bucket.rate:g} {way}bound calls a second, its limit",
                retry_after_s=max(1, math.ceil(1 / bucket.rate)),
            )
        self._now[way] += 1
        return None

    def leave(self, way: Way) -> None:
        """A call that was counted is over."""
        assert self._now[way] > 0, "each call leaves once"
        self._now[way] -= 1
