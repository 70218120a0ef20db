"""All hostile scripts."""

from __future__ import annotations

from typing import Final

from tests.hostile import (
    arguments,
    costs,
    crashes,
    endings,
    files,
    floods,
    forgery,
    frames,
    hoarding,
    injection,
    interpreter,
    kernel,
    loops,
    memory,
    network,
    objects,
    privileges,
    stubborn,
)
from tests.hostile.case import Hostile

GROUPS: Final = (
    loops,
    endings,
    floods,
    stubborn,
    arguments,
    interpreter,
    memory,
    hoarding,
    costs,
    crashes,
    objects,
    frames,
    forgery,
    files,
    injection,
    network,
    kernel,
    privileges,
)
"""Those that take longest come first."""
UNPROVED: Final = {
    interpreter: "it rewrites the worker's own objects, which no other process has",
    files: "a name of a sound means something to the core alone",
    injection: "SIP is written by the core",
    network: "requests are made by the core",
    arguments: "the API's own checks are what it attacks",
    objects: "the API and the end of a session are what it attacks",
    endings: "only a session has such an end",
}
"""Why scripts of these groups have no control run, unless they claim a proof all the same."""
CORPUS: Final[dict[str, Hostile]] = {case.name: case for group in GROUPS for case in group.CASES}
