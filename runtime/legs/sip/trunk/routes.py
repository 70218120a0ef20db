"""Over which trunks a number is called: the first route that matches the whole number. Pure.

Without routes the first trunk that carries outgoing calls takes every number, so that a second one
is never used by surprise. One place for the real path and for `callstage explain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from runtime.decisions.patterns import MAX_SUBJECT, number_pattern
from runtime.decisions.problems import Dials
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunks import Trunk

MAX_TRIED: Final = 10
"""Routes that an explanation names; it must fit into a log line."""


@attrs.frozen(kw_only=True)
class Route:
    """Numbers, and the trunks that are tried for them, best first."""

    name: str
    pattern: re.Pattern[str]
    trunks: tuple[Trunk, ...]


@attrs.frozen(kw_only=True)
class Chosen:
    """Trunks in the order in which they are to be tried, and why these."""

    trunks: tuple[Trunk, ...]
    why: str


@attrs.frozen(kw_only=True)
class RouteTable:
    trunks: Sequence[Trunk]
    routes: tuple[Route, ...] = ()

    @classmethod
    def of(
        cls, trunks: Sequence[Trunk], rules: Iterable[tuple[str, str, tuple[str, ...]]]
    ) -> RouteTable:
        """From (name, pattern, names of trunks); ValueError names the route and its fault."""
        known = {trunk.name: trunk for trunk in trunks}
        routes: list[Route] = []
        for name, to, wanted in rules:
            for trunk in wanted:
                if trunk not in known:
                    there = ", ".join(known) or "none"
                    raise ValueError(f"route {name}: no trunk is called {trunk!r}, only: {there}")
                if not known[trunk].policy.places_calls:
                    raise ValueError(f"route {name}: trunk {trunk} is for incoming calls only")
            try:
                pattern = number_pattern(to)
            except ValueError as exc:
                raise ValueError(f"route {name}: {exc}") from exc
            listed = tuple(known[trunk] for trunk in wanted)
            routes.append(Route(name=name, pattern=pattern, trunks=listed))
        return cls(trunks=trunks, routes=tuple(routes))

    def choose(self, number: str) -> Chosen | TrunkRefusal:
        """The trunks for a number in our own form."""
        usable = [trunk for trunk in self.trunks if trunk.policy.places_calls]
        if not usable:
            why = "none is configured" if not self.trunks else 'none has calls = "out" or "both"'
            return TrunkRefusal(
                kind=Dials.NEEDS_TRUNK,
                reason=f"{number} needs a trunk and {why}; add a [[trunk]]",
            )
        if not self.routes:
            first = usable[0]
            return Chosen(
                trunks=(first,), why=f"no routes are set: trunk {first.name} is the first"
            )
        tried: list[str] = []
        for route in self.routes:
            if len(number) <= MAX_SUBJECT and route.pattern.fullmatch(number):
                return Chosen(trunks=route.trunks, why=f"route {route.name!r}")
            tried.append(f"{route.name} ({route.pattern.pattern}, no)")
        more = len(tried) - MAX_TRIED
        shown = ", ".join(tried[:MAX_TRIED]) + (f", and {more} more" if more > 0 else "")
        return TrunkRefusal(
            kind=Dials.NO_ROUTE,
            reason=f"no route leads to {number}: tried {shown}; add a [[route]], or see: "
            f"callstage explain {number}",
        )
