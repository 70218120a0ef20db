"""Whether a runtime may take calls with the locks that this machine gives its processes.

All kinds count that meet what strangers made, the weakest first: scripts, sound files, texts and
packets are all theirs.

Below the required level: `dev` serves with a banner, `run` serves loopback with a banner and
refuses to listen to anybody else. Runs in the core, once, before anything listens.
"""

from __future__ import annotations

from typing import Final

import attrs

from runtime.sandbox.levels import Isolation, Level, Required

CONTAINED: Final = {
    Level.FULL: "what strangers made reaches its own process and nothing else",
    Level.PARTIAL: "a lock is missing",
    Level.NONE: "only crashes, loops and memory are contained; a script can do what its user can",
}


@attrs.frozen
class Serve:
    """Go on; `banner` is to be shown when the level is below the required one."""

    banner: str | None = None


@attrs.frozen
class Refuse:
    """Do not start; `why` says what to do."""

    why: str


def decide(
    found: Isolation, required: Required, *, loopback: bool, dev: bool = False
) -> Serve | Refuse:
    """`loopback`: every listener is on loopback."""
    if found.level.satisfies(required):
        return Serve()
    fault = (
        f"the sandbox is {found.level.value}, {required} is required "
        f"([sandbox] require): {CONTAINED[found.level]} ({found.missing})"
    )
    if dev:
        return Serve(f"{fault}; run only scripts that you trust")
    if loopback:
        return Serve(f"{fault}; run only scripts that you trust, and only loopback is served")
    return Refuse(
        f"{fault}; this address is open to others. `callstage doctor` shows what is missing; "
        "listen on 127.0.0.1 only, or lower [sandbox] require if every script is yours"
    )
