"""Everything that is refused has a number: the one table of them, in two files."""

from runtime.decisions.problems.calls import Calls as Calls
from runtime.decisions.problems.calls import of_status as of_status
from runtime.decisions.problems.http import Http as Http
from runtime.decisions.problems.known import KnownProblem as KnownProblem
