"""All hostile scripts."""

from __future__ import annotations

from typing import Final

from tests.hostile import crashes, frames, kernel, loops, memory, objects
from tests.hostile.case import Hostile

CORPUS: Final[dict[str, Hostile]] = {
    case.name: case
    for module in (loops, memory, crashes, frames, kernel, objects)
    for case in module.CASES
}
