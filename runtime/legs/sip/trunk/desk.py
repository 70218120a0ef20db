"""Who gets a line: the one door for calls of trunks, both ways. Knows their load and their health.

A call that is let in has a `Line`, which is given back when its INVITE session is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from runtime.decisions.problems import Calls, Dials
from runtime.decisions.trunk_health import TrunkHealth, TrunkState
from runtime.decisions.trunk_load import TrunkLoad, Way
from runtime.legs.sip.trunk.arriving import TrunkRefusal, refuse_direction, refuse_placing
from runtime.legs.sip.trunks import Trunk


@attrs.define
class Line:
    """A call's place among those of its trunk; `leave` may be called twice."""

    _load: TrunkLoad | None = None
    _way: Way = "in"

    def leave(self) -> None:
        load, self._load = self._load, None
        if load is not None:
            load.leave(self._way)


class TrunkDesk:
    """All trunks of one runtime, by name; a peer that is no trunk gets a line for the asking."""

    def __init__(self, trunks: Sequence[Trunk], now: Callable[[], float]) -> None:
        self._now = now
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._loads = {trunk.name: TrunkLoad(trunk.policy.limits) for trunk in trunks}
        self.health: dict[str, TrunkHealth] = {}
        """Of the trunks that are pinged."""
        self.suspected: Callable[[str], object] = lambda _: None
        """Told of a trunk over which a call failed."""

    def enter(self, name: str, way: Way) -> Line | TrunkRefusal:
        """A line for a call of this trunk ("" for none), or why there is none."""
        trunk = self._trunks.get(name)
        if trunk is None:
            return Line()
        refusal = refuse_direction(trunk) if way == "in" else refuse_placing(trunk)
        if refusal is None and way == "out":
            refusal = self.refuse_down(name)
        if refusal is not None:
            return refusal
        excess = self._loads[name].enter(way, self._now())
        if excess is not None:
            return TrunkRefusal(
                kind=Calls.TRUNK_FULL if way == "in" else Dials.TRUNK_UNAVAILABLE,
                reason=f"trunk {name} {excess.reason}",
                retry_after_s=excess.retry_after_s,
            )
        return Line(self._loads[name], way)

    def refuse_down(self, name: str) -> TrunkRefusal | None:
        """A trunk that does not answer gets no calls until it does."""
        health = self.health.get(name)
        if health is None or health.state is not TrunkState.DOWN:
            return None
        down_s = self._now() - health.since
        return TrunkRefusal(
            kind=Dials.TRUNK_UNAVAILABLE,
            reason=f"trunk {name} has been down for {down_s:.0f} s: {health.reason}",
        )

    def failed(self, name: str) -> None:
        """A call over this trunk failed for the trunk's own fault."""
        self.suspected(name)

    def as_json(self, name: str) -> dict[str, object]:
        """For probes: state, since when, latency, calls."""
        health, load = self.health.get(name), self._loads[name]
        shown: dict[str, object] = {"state": TrunkState.UNKNOWN.value}
        if health is not None:
            latency = health.latency_s
            shown = {
                "state": health.state.value,
                "since_s": round(self._now() - health.since, 1),
                "latency_ms": None if latency is None else round(latency * 1000, 1),
                "reason": health.reason,
            }
        return {**shown, "calls_in": load.calls("in"), "calls_out": load.calls("out")}
