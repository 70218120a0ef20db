"""The answer of a script's handlers to a request at its session's access URL.

The first value that a handler returns, in time, is the answer; the other handlers run all the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Final

from runtime.api.handle import Handle
from runtime.api.names import StrictNames, shown_name
from runtime.decisions.access import BYTES, EMPTY, ENDING, FAILED, JSON, TEXT, UNHEARD
from runtime.sandbox.frames import WorkerFrame, answer_frames

NO_ANSWER: Final = (Handle, StrictNames)
"""What commands and calls return: `lambda: call.hangup()` is a handler that answers nothing."""


class Answer:
    """Of one request; `over` gives it, whatever happened before."""

    def __init__(
        self,
        request: int,
        send: Callable[[WorkerFrame], None],
        log: Callable[[str], None],
        most_bytes: int,
    ) -> None:
        self._request = request
        self._send = send
        self._log = log
        self._most = most_bytes
        self._given = False
        self._otherwise = EMPTY

    def take(self, value: object) -> None:
        """A handler has returned this."""
        if self._given or value is None or isinstance(value, NO_ANSWER):
            return
        kind, body = self._encoded(value)
        self._give(kind, body)

    def failed(self) -> None:
        """A handler has raised, or was cancelled."""
        self._otherwise = FAILED

    def over(self, *, heard: bool) -> None:
        """All handlers have returned."""
        self._give(self._otherwise if heard else UNHEARD)

    def ending(self) -> None:
        """The session ends, and no handler is called any more."""
        self._give(ENDING)

    def _give(self, kind: str, body: bytes = b"") -> None:
        if self._given:
            return
        self._given = True
        for frame in answer_frames(self._request, kind, body):
            self._send(frame)

    def _encoded(self, value: object) -> tuple[str, bytes]:
        try:
            kind, body = encoded(value)
        except (TypeError, ValueError, RecursionError) as exc:
            kind_of_value = shown_name(type(value))
            self._log(
                f"a handler of Application.HttpRequest returned a {kind_of_value}, which is no "
                f"answer ({exc}); give a text, a number, or something that JSON can say"
            )
            return FAILED, b""
        if len(body) > self._most:
            self._log(
                f"a handler of Application.HttpRequest answers with {len(body):,} bytes, the limit "
                f"is {self._most:,}; nothing was sent"
            )
            return FAILED, b""
        return kind, body


def encoded(value: object) -> tuple[str, bytes]:
    """Texts and numbers as they are, the rest as JSON. TypeError or ValueError when it is none."""
    if isinstance(value, str):
        return TEXT, value.encode("utf-8", "replace")
    if isinstance(value, bytes | bytearray):
        return BYTES, bytes(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("it is not finite")
        return TEXT, str(value).encode()
    return JSON, json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
