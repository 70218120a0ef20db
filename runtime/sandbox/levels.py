"""How well session workers are locked on this machine, judged by forbidden acts that were tried.

Full: the kernel filter, Landlock and the user change (when root) hold, and every act was refused.
Partial: something is missing. None: neither filter nor Landlock, so that only crashes, loops and
memory are contained. Version numbers decide nothing; they are shown for people.
"""

from __future__ import annotations

import enum
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
    """One lock of a worker, and whether it holds."""

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
    """What the probe found."""

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
            faults.append(f"a script can: {', '.join(allowed)}")
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
