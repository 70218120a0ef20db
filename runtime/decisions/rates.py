"""What calls, recordings and recognition cost by the operator's table of rates. Pure. [core]

Rules: of the rates for a kind of thing and a way, the one with the longest prefix of the dialled
number counts, of equal ones the first. Time is counted in whole increments, at least the minimum. A
number is compared without its leading +. Prices have no currency; without a rate all is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

import attrs

MAX_RATES: Final = 10_000
"""A carrier's price list of the world has some thousands of prefixes."""
MAX_PRICE: Final = 1_000_000.0
MAX_SECONDS: Final = 86_400
"""Of an increment or a minimum: no call lasts longer than a day."""
MAX_PREFIX: Final = 32
MAX_NAME: Final = 100
CENTS: Final = Decimal("0.000001")
"""What a cost is rounded to: a millionth of the price's unit."""

Kind = Literal["call", "recording", "recognition"]
Way = Literal["out", "in", "both"]
DIRECTIONS: Final = {("pstn", True): "PSTN to SIP", ("pstn", False): "SIP to PSTN"}
SIP_CALL: Final = "SIP Call"
"""`Disconnected.direction` of everything else, as VoxEngine reports it."""


def _within(low: float, high: float) -> Any:
    def check(_: Any, __: attrs.Attribute[Any], value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"must be from {low:g} to {high:,.10g}, not {value:g}")

    return check


def _short(most: int) -> Any:
    def check(_: Any, __: attrs.Attribute[Any], value: str) -> None:
        if len(value) > most:
            raise ValueError(f"has {len(value)} characters, the limit is {most}")

    return check


@attrs.frozen(kw_only=True)
class Rate:
    """One line of the table."""

    name: str = attrs.field(default="", validator=_short(MAX_NAME))
    """What calls of it show as their direction."""
    what: Kind = "call"
    prefix: str = attrs.field(default="", validator=_short(MAX_PREFIX))
    """Of the dialled number; empty for every number."""
    way: Way = "out"
    client: Literal["any", "pstn", "sip", "user"] = "any"
    per_minute: float = attrs.field(default=0.0, validator=_within(0, MAX_PRICE))
    per_use: float = attrs.field(default=0.0, validator=_within(0, MAX_PRICE))
    """For each connected call, recording or recogniser, whatever its length."""
    increment_s: int = attrs.field(default=1, validator=_within(1, MAX_SECONDS))
    minimum_s: int = attrs.field(default=0, validator=_within(0, MAX_SECONDS))

    def cost(self, seconds: float) -> Decimal:
        """Of a use that took so long; nothing that was no use costs nothing."""
        if seconds <= 0:
            return Decimal(0)
        exact = Decimal(str(round(seconds, 3)))  # what is shorter is the clock's noise
        increments = (exact / self.increment_s).to_integral_value(ROUND_CEILING)
        billed = max(increments * self.increment_s, Decimal(self.minimum_s))
        price = Decimal(str(self.per_minute)) * billed / 60 + Decimal(str(self.per_use))
        return price.quantize(CENTS, ROUND_HALF_UP)


@attrs.frozen(kw_only=True)
class Charge:
    """What a call cost, and the direction that it is billed as."""

    cost: float
    direction: str


def _indexed(rates: tuple[Rate, ...]) -> Mapping[str, tuple[Rate, ...]]:
    """Those of calls, by their prefix: a call is looked up a few times, however long the list."""
    found: dict[str, tuple[Rate, ...]] = {}
    for rate in rates:
        if rate.what == "call":
            prefix = _digits(rate.prefix)
            found[prefix] = (*found.get(prefix, ()), rate)
    return found


@attrs.frozen
class RateTable:
    """The operator's rates, in the order in which they are looked at."""

    rates: tuple[Rate, ...] = ()
    _calls: Mapping[str, tuple[Rate, ...]] = attrs.field(
        init=False, repr=False, default=attrs.Factory(lambda self: _indexed(self.rates), True)
    )

    def call(self, *, incoming: bool, client: str, number: str, seconds: float) -> Charge:
        """Of one leg; `seconds` since it was connected, 0 for one that never was."""
        rate = self._of_call("in" if incoming else "out", client, _digits(number)[:MAX_PREFIX])
        usual = DIRECTIONS.get((client, incoming), SIP_CALL)
        if rate is None:
            return Charge(cost=0.0, direction=usual)
        return Charge(cost=float(rate.cost(seconds)), direction=rate.name or usual)

    def _of_call(self, way: str, client: str, dialled: str) -> Rate | None:
        for length in range(len(dialled), -1, -1):
            for rate in self._calls.get(dialled[:length], ()):
                if rate.way in (way, "both") and rate.client in (client, "any"):
                    return rate
        return None

    def recording(self, seconds: float) -> str:
        """As text, which is how VoxEngine reports it: "0", "0.0125"."""
        return _text(self._of("recording", seconds))

    def recognition(self, seconds: float) -> str:
        """As text too."""
        return _text(self._of("recognition", seconds))

    def _of(self, what: Kind, seconds: float) -> Decimal:
        rate = next((each for each in self.rates if each.what == what), None)
        return Decimal(0) if rate is None else rate.cost(seconds)


def _digits(number: str) -> str:
    return number.strip().removeprefix("+")


def _text(cost: Decimal) -> str:
    """Without needless zeros, and never as 1E-6."""
    text = format(cost, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
