"""Everything that is refused has a number: the one table of them, a file for each kind."""

from runtime.decisions.problems.calls import Calls as Calls
from runtime.decisions.problems.calls import of_status as of_status
from runtime.decisions.problems.commands import Commands as Commands
from runtime.decisions.problems.dials import Dials as Dials
from runtime.decisions.problems.every import EVERY as EVERY
from runtime.decisions.problems.http import Http as Http
from runtime.decisions.problems.known import KnownProblem as KnownProblem
from runtime.decisions.problems.setup import Setup as Setup
from runtime.decisions.problems.unreadable import Unreadable as Unreadable
