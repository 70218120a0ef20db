"""What a script may ask of its session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.failure import Cause, End
from runtime.sandbox.commands import HideTones, RequestHttp, SetSessionData, Terminate
from runtime.sandbox.storage_commands import Report
from runtime.session.commands.call import CALL_COMMANDS
from runtime.session.commands.http import HTTP_COMMANDS
from runtime.session.commands.listening import LISTENING_COMMANDS
from runtime.session.commands.mail import MAIL_COMMANDS
from runtime.session.commands.media import MEDIA_COMMANDS
from runtime.session.commands.recognition import RECOGNITION_COMMANDS
from runtime.session.commands.socket import SOCKET_COMMANDS
from runtime.session.commands.storage import STORAGE_COMMANDS
from runtime.session.commands.table import DONE, Handler, check_custom_data
from runtime.session.commands.transfer import TRANSFER_COMMANDS
from runtime.session.commands.units import UNIT_COMMANDS
from runtime.session.context import SessionContext


def custom_data(session: SessionContext, command: SetSessionData, _: int) -> bool:
    check_custom_data(session, command.value)
    session.custom_data = command.value
    return DONE


def hide_tones(session: SessionContext, command: HideTones, _: int) -> bool:
    session.timeline.hide_tones = command.hide
    return DONE


def terminate(session: SessionContext, _: Terminate, __: int) -> bool:
    session.end(End(Cause.TERMINATED))
    return DONE


SESSION_COMMANDS: Final[Mapping[str, Handler]] = {
    SetSessionData.op: custom_data,
    HideTones.op: hide_tones,
    Terminate.op: terminate,
}

ALLOWED_LATE: Final = frozenset({SetSessionData.op, HideTones.op, RequestHttp.op, Report.op})
"""What Terminating may still do: what is written down, and one HTTP request (session/http.py)
or report."""

ALL_COMMANDS: Final[Mapping[str, Handler]] = {
    **CALL_COMMANDS,
    **LISTENING_COMMANDS,
    **TRANSFER_COMMANDS,
    **MEDIA_COMMANDS,
    **UNIT_COMMANDS,
    **HTTP_COMMANDS,
    **MAIL_COMMANDS,
    **SOCKET_COMMANDS,
    **RECOGNITION_COMMANDS,
    **STORAGE_COMMANDS,
    **SESSION_COMMANDS,
}
"""Every operation of the wire."""
