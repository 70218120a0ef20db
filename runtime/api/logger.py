"""Logger: the scenario's own lines in the session log and timeline."""

from __future__ import annotations

from typing import Final

from runtime.api import options
from runtime.api.handle import CommandHandle
from runtime.api.names import StrictNames
from runtime.api.running import current
from runtime.sandbox.commands import HideTones


class SessionLogger(StrictNames):
    """The scenario's own lines in the session's log. VoxEngine reference: Logger."""

    __slots__ = ()
    _shown_as = "Logger"

    def __repr__(self) -> str:
        return "Logger"

    def write(self, message: object) -> None:
        """Write one line to the session log, within half a second and in order.

        Anything is turned into text; above 15,000 characters (or 48 KiB once encoded) it is cut,
        with a mark. Works in Terminating and Terminated too. VoxEngine reference: Logger.write.
        """
        current().log(str(message))

    def hideTones(self, flag: bool) -> None:
        """With True digits are masked in the log and the timeline from now on. VoxEngine
        reference: Logger.hideTones."""
        hide = options.flag("Logger.hideTones", "flag", flag)
        current().command(HideTones(hide=hide), CommandHandle("Logger.hideTones"), late=True)


Logger: Final = SessionLogger()
