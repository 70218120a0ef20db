"""CallList: what a session that was started for one task of a list tells of it.

Lists of calls belong to the vendor's cloud. Here a report is a line of the session's timeline, for
whoever started the session with its task as customData.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from runtime.api.http import HttpRequestResult
from runtime.api.listeners import wanted_arguments
from runtime.api.names import StrictNames
from runtime.api.requests import HttpHandle
from runtime.api.running import current
from runtime.sandbox.storage_commands import Report

Callback = Callable[[HttpRequestResult], object] | Callable[[], object]


class TaskReports(StrictNames):
    """Reports on the task of this session, for its timeline (kind "report"); nothing else comes of
    them: who dials a list reads them there and decides about another attempt. A report is a dict, a
    list or a text, of up to 8,192 characters of JSON. VoxEngine reference: CallList."""

    __slots__ = ()
    _shown_as = "CallList"

    def __repr__(self) -> str:
        return "CallList"

    def reportResult(self, result: object, callback: Callback | None = None) -> None:
        """The task is done; `callback` is called with an HttpRequestResult, code 200. VoxEngine
        reference: CallList.reportResult."""
        _report("reportResult", "result", result, callback)

    def reportError(self, result: object, callback: Callback | None = None) -> None:
        """This attempt has failed. VoxEngine reference: CallList.reportError."""
        _report("reportError", "error", result, callback)

    def reportProgress(self, progress: object, callback: Callback | None = None) -> None:
        """How far the task is. VoxEngine reference: CallList.reportProgress."""
        _report("reportProgress", "progress", progress, callback)

    def requestNextAttempt(self, options: object, callback: Callback | None = None) -> None:
        """Another attempt is wanted, with these changes. VoxEngine reference:
        CallList.requestNextAttempt."""
        _report("requestNextAttempt", "next_attempt", options, callback)

    def reportResultAsync(self, result: object) -> HttpHandle:
        """As reportResult; await what is returned. VoxEngine reference:
        CallList.reportResultAsync."""
        return _report("reportResultAsync", "result", result, None)

    def reportErrorAsync(self, result: object) -> HttpHandle:
        """As reportError; await what is returned. VoxEngine reference:
        CallList.reportErrorAsync."""
        return _report("reportErrorAsync", "error", result, None)

    def reportProgressAsync(self, progress: object) -> HttpHandle:
        """As reportProgress; await what is returned. VoxEngine reference:
        CallList.reportProgressAsync."""
        return _report("reportProgressAsync", "progress", progress, None)

    def requestNextAttemptAsync(self, options: object) -> HttpHandle:
        """As requestNextAttempt; await what is returned. VoxEngine reference:
        CallList.requestNextAttemptAsync."""
        return _report("requestNextAttemptAsync", "next_attempt", options, None)


CallList: Final = TaskReports()


def _report(what: str, kind: str, data: object, callback: Callback | None) -> HttpHandle:
    name = f"CallList.{what}"
    session = current()
    told: Any = callback
    if callback is not None and not wanted_arguments(callback, 1, f"{name}()"):
        told = _without_result(callback)
    try:
        encoded = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{name}(): the report cannot be JSON: {exc}") from None
    command = session.build(name, Report, {"data": "the report"}, kind=kind, data=encoded)
    handle = HttpHandle(name)
    session.requests.begin(command, b"", handle, told, raw=False)
    return handle


def _without_result(callback: Any) -> Callable[[HttpRequestResult], object]:
    return lambda _: callback()
