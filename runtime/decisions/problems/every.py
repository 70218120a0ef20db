"""All numbered problems, in the order of their numbers."""

from __future__ import annotations

from typing import Final

from runtime.decisions.problems.calls import Calls
from runtime.decisions.problems.commands import Commands
from runtime.decisions.problems.dials import Dials
from runtime.decisions.problems.http import Http
from runtime.decisions.problems.known import KnownProblem
from runtime.decisions.problems.setup import Setup
from runtime.decisions.problems.unreadable import Unreadable

EVERY: Final[tuple[KnownProblem, ...]] = tuple(
    sorted((*Http, *Unreadable, *Calls, *Dials, *Commands, *Setup), key=lambda each: each.number)
)
