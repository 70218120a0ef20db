"""What no worker of a zygote exceeds, whichever application it will serve.

The zygote gets these as its arguments, because a worker is locked before it is known whose session
it serves. Memory can be lowered once more when the session starts (lock.py, `lower_memory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from runtime.decisions.limits import Limits

DEFAULTS: Final = Limits()


@attrs.frozen(kw_only=True)
class Ceilings:
    memory_bytes: int = DEFAULTS.memory_mib << 20
    """Address space beyond what the zygote has mapped."""
    cpu_s: int = DEFAULTS.total_cpu_s
    """CPU time in a worker's life."""

    @classmethod
    def of(cls, operator: Limits) -> Ceilings:
        return cls(memory_bytes=operator.memory_mib << 20, cpu_s=operator.total_cpu_s)

    def to_arguments(self) -> tuple[str, str]:
        return str(self.memory_bytes), str(self.cpu_s)

    @classmethod
    def from_arguments(cls, words: Sequence[str]) -> Ceilings:
        memory, cpu = words
        return cls(memory_bytes=int(memory), cpu_s=int(cpu))
