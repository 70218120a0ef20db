"""How well the processes that meet what strangers made are locked on this machine.

Judged by forbidden acts that were tried, kind by kind. Full: the kernel filter, Landlock and the
user change (when root) hold, and every act was refused. Partial: something is missing. None:
neither filter nor Landlock, so that only crashes, loops and memory are contained. The whole is as
good as its weakest kind. Version numbers decide nothing; they are shown for people.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

Required = Literal["full", "partial", "none"]

SECCOMP: Final = "seccomp"
LANDLOCK: Final = "landlock"
USER: Final = "user"
LIMITS: Final = "limits"
PROBE: Final = "probe"


class Level(enum.StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"

    @property
    def rank(self) -> int:
        return {"none": 0, "partial": 1, "full": 2}[self.value]

    def satisfies(self, required: Required) -> bool:
        return self.rank >= Level(required).rank


@attrs.frozen
class Lock:
    """One lock of a process, and whether it holds."""

    name: str
    held: bool
    detail: str = ""


@attrs.frozen
class Act:
    """One forbidden act that a locked process tried."""

    name: str
    refused: bool
    how: str = ""
    """EPERM, MemoryError, killed, or what it got."""


@attrs.frozen(kw_only=True)
class SandboxReport:
    """What the probe found about one kind of process."""

    locks: tuple[Lock, ...]
    acts: tuple[Act, ...]

    @property
    def level(self) -> Level:
        held = {lock.name for lock in self.locks if lock.held}
        if not {SECCOMP, LANDLOCK} & held or not self.acts:
            return Level.NONE
        whole = all(lock.held for lock in self.locks) and all(act.refused for act in self.acts)
        return Level.FULL if whole and {SECCOMP, LANDLOCK} <= held else Level.PARTIAL

    @property
    def missing(self) -> str:
        """What keeps the level from being full, for people; empty when it is."""
        faults = [f"{lock.name}: {lock.detail}" for lock in self.locks if not lock.held]
        allowed = [act.name for act in self.acts if not act.refused]
        if allowed:
            faults.append(f"it can {', '.join(allowed)}")
        return "; ".join(faults)

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level.value,
            "locks": [attrs.asdict(lock) for lock in self.locks],
            "acts": [attrs.asdict(act) for act in self.acts],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SandboxReport:
        return cls(
            locks=tuple(Lock(**lock) for lock in data["locks"]),
            acts=tuple(Act(**act) for act in data["acts"]),
        )


def unprobed(why: str) -> SandboxReport:
    """Nothing is known, so nothing is promised."""
    return SandboxReport(locks=(Lock(PROBE, False, why),), acts=())


class Weaker(Exception):
    """A process is locked less well than the one that it replaces, and must not take its place."""


def admitted(found: SandboxReport, before: SandboxReport) -> SandboxReport:
    """What a process that has just started says of its locks; raises Weaker.

    `before` is what the one before it said (`unprobed` for the first): what the machine can do
    does not change while it runs, so a weaker process is a fault and no compromise.
    """
    if found.level.rank < before.level.rank:
        raise Weaker(
            f"its locks are {found.level.value}, before they were {before.level.value} "
            f"({found.missing})"
        )
    return found


@attrs.frozen
class Isolation:
    """The reports of all kinds, by the name that people read."""

    kinds: Mapping[str, SandboxReport]

    @classmethod
    def of(
        cls,
        *,
        session: SandboxReport,
        decoder: SandboxReport,
        recorder: SandboxReport,
        voice: SandboxReport,
        engine: SandboxReport,
        recogniser: SandboxReport | None,
    ) -> Isolation:
        """Without a report of the recogniser, which starts when it is used for the first time."""
        kinds = {
            "session worker": session,
            "file decoder": decoder,
            "recorder": recorder,
            "voice": voice,
            "media engine": engine,
        }
        return cls(kinds if recogniser is None else {**kinds, "recogniser": recogniser})

    @property
    def level(self) -> Level:
        """That of the weakest kind."""
        return min((each.level for each in self.kinds.values()), key=lambda level: level.rank)

    @property
    def missing(self) -> str:
        """What keeps the level from being full, kind by kind; empty when it is."""
        faults = {name: each.missing for name, each in self.kinds.items() if each.missing}
        return "; ".join(f"{name}: {fault}" for name, fault in faults.items())

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level.value,
            "missing": self.missing,
            "processes": {name: each.to_json() for name, each in self.kinds.items()},
        }
