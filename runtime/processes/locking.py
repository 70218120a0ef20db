"""A worker's own locking: tried in forked children first, then done for good and told to the core.

Every kind of process that meets what strangers made calls `lock_for_good` once, when everything is
loaded and before its first request. (Session workers are locked by the zygote: runtime/sandbox.)
"""

from __future__ import annotations

import os
from collections.abc import Callable

from runtime.sandbox.levels import SandboxReport
from runtime.sandbox.probe import probe

from .confine import Confinement, Locks, check_held, held


def lock_for_good(
    confinement: Confinement, *, before_filter: Callable[[], object] | None = None
) -> SandboxReport:
    """Lock this process; what its children found when they tried the same locks.

    `before_filter`: see `Locks.apply`. Raises LockLost, upon which the process must end, when a
    lock that held in the trial does not hold here.
    """
    report = probe(confinement)
    locks = Locks.prepared(confinement).apply(os.getppid(), before_filter=before_filter)
    check_held(held(report.locks), locks)
    return report
