"""The calls of a script that calls itself, counted together. Runs in the core.

Rule: a session that somebody called, and all that come of it by calls to this runtime itself, share
their call attempts. Otherwise a script that dials its own number would be a bomb: each session of
it dials ten more.
"""

from __future__ import annotations

import attrs

from runtime.decisions.limits import Limits


@attrs.define
class Family:
    """Sessions that come of one call."""

    attempts: int = 0

    def refuse(self, limits: Limits) -> str | None:
        """Why a call to ourselves begins no further session; None when it may."""
        if self.attempts < limits.call_attempts:
            return None
        return (
            f"the scenario calls itself: {self.attempts} call attempts came of one call, the limit"
        )
