"""The scenario API: everything a scenario may import, here and inside the sandbox.

The names are those of `runtime.scenario_api`, loaded when the first is asked for: the processes
that decode, record, speak and carry audio are parts of this package too, and need none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.scenario_api import *  # noqa: F403 - its __all__ says which
    from runtime.scenario_api import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        return getattr(import_module("runtime.scenario_api"), name)
