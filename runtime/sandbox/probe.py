"""How well a process is locked, found by trying: its forks put its own locks on, then misbehave."""

from __future__ import annotations

import os
from functools import partial

from runtime.processes.confine import Confinement, Locks
from runtime.sandbox.acts import acts, lethal_acts
from runtime.sandbox.levels import SandboxReport
from runtime.sandbox.trial import tried


def probe(confinement: Confinement) -> SandboxReport:
    """Try these locks, before anybody is served; leaves this process unlocked."""
    locks = Locks.prepared(confinement)
    return tried(partial(locks.apply, os.getpid()), acts(confinement), lethal_acts())
