"""What the worker says: each frame in its turn, with the checks that need the session's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import trio

from runtime.decisions.allowances import LogAllowance, LogVerdict
from runtime.decisions.failure import EndLeg, EndSession, Errors, Owner, RecordOnly, one_line
from runtime.decisions.problems import Calls, Commands
from runtime.decisions.session_state import TAKES_COMMANDS
from runtime.sandbox.clip import shorten
from runtime.sandbox.frames import (
    SESSION_ENDING,
    AnswerFrame,
    BodyFrame,
    CodeFrame,
    CommandFrame,
    ErrorFrame,
    LogFrame,
    PongFrame,
    ReadyFrame,
    ReplyFrame,
    WorkerFrame,
    call_id,
)
from runtime.sandbox.wire import ProtocolError
from runtime.session.call_leg import CallLeg
from runtime.session.commands.session import ALL_COMMANDS, ALLOWED_LATE
from runtime.session.commands.table import carry_out, refuse
from runtime.session.lifecycle import script_ready

if TYPE_CHECKING:
    from runtime.session.supervisor import SessionHost


class Inbound:
    """Takes the frames of one session's worker."""

    def __init__(self, host: SessionHost) -> None:
        settings = host.around.settings
        self._host = host
        self._session = host.context
        self._timeline = host.timeline
        self._last_req = -1
        self._errors = Errors(settings.limits, settings.on_error)
        self._log = LogAllowance(settings.limits)
        self._harmless = LogAllowance(settings.limits)
        """For errors that end nothing, which may come without end."""

    def take(self, frame: WorkerFrame) -> None:
        """One checked frame; ProtocolError when it does not belong here."""
        match frame:
            case CommandFrame():
                self._on_command(frame)
            case ReadyFrame():
                script_ready(self._host)
            case LogFrame():
                self._on_log(frame)
            case ErrorFrame():
                self._on_error(frame)
            case ReplyFrame():
                self._session.events.replied(frame.seq, frame.handled)
            case AnswerFrame():
                self._session.access.answer(frame)
            case BodyFrame():
                self._session.http.piece(frame)
                self._session.mail.piece(frame)
            case PongFrame():
                self._host.watch.pong(frame.nonce)
            case CodeFrame():
                raise ProtocolError("code from a session that runs")
            case _:
                assert_never(frame)

    def _on_command(self, frame: CommandFrame) -> None:
        if frame.req <= self._last_req:
            raise ProtocolError(f"command number {frame.req} after {self._last_req}")
        self._last_req = frame.req
        ending = self._host.state not in TAKES_COMMANDS
        if not ending or frame.command.op in ALLOWED_LATE:
            carry_out(self._session, ALL_COMMANDS, frame)
        else:
            error = "the session is ending; nothing was done"
            refuse(self._session, frame, Commands.ENDED, error, value=SESSION_ENDING)

    def _on_log(self, frame: LogFrame) -> None:
        text = shorten(frame.text, self._log.limits.log_line_chars)
        size = len(text.encode("utf-8", "replace"))
        shown = self._log_line(self._log.admit(trio.current_time(), size), text)
        if shown is not None:
            self._timeline.record("log", shown, where=frame.where or None)

    def _log_line(self, verdict: LogVerdict, text: str) -> str | None:
        """What the log shows for a line of the script."""
        limits = self._log.limits
        match verdict:
            case LogVerdict.WRITE:
                return text
            case LogVerdict.TOO_FAST:
                rate = limits.log_bytes_per_s / 1024
                return f"(log truncated: the script writes more than {rate:g} KiB/s)"
            case LogVerdict.TOO_MUCH:
                total = limits.log_total_bytes
                return f"(log truncated: {total:,} bytes a session is the limit; nothing follows)"
            case LogVerdict.DROP:
                return None
            case _:
                assert_never(verdict)

    def _on_error(self, frame: ErrorFrame) -> None:
        if frame.kind == "import":
            self._host.top_level_over.set()
        owner, call = self._owner(frame.unit)
        verdict = self._errors.judge(
            kind=frame.kind,
            owner=owner,
            message=frame.message,
            where=frame.where,
            now=trio.current_time(),
        )
        whole = not isinstance(verdict, RecordOnly) or self._has_room(frame)
        self._timeline.record(
            "error",
            frame.message if whole else one_line(frame.message),
            leg=None if owner is Owner.NOBODY else call_id(self._session.id, frame.unit or 0),
            where=frame.where or None,
            traceback=(frame.traceback or None) if whole else None,
            source=frame.kind,
        )
        match verdict:
            case EndLeg(reason):
                if call is not None:
                    call.refuse(Calls.SCENARIO_FAILED, reason)
            case EndSession(end):
                self._host.end(end)
            case RecordOnly():
                pass
            case _:
                assert_never(verdict)

    def _has_room(self, frame: ErrorFrame) -> bool:
        """Whether one that ends nothing is written with all that it says."""
        size = len(frame.message) + len(frame.traceback)
        return self._harmless.admit(trio.current_time(), size) is LogVerdict.WRITE

    def _owner(self, unit: int | None) -> tuple[Owner, CallLeg | None]:
        found = self._session.units.get(unit) if unit is not None else None
        if isinstance(found, CallLeg):
            return (Owner.LIVE_LEG if found.alive else Owner.ENDED_LEG), found
        # A handle that is not in the table any more belonged to a call that has ended.
        gone = unit is not None and found is None
        return (Owner.ENDED_LEG if gone else Owner.NOBODY), None
