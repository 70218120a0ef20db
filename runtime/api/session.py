"""One running session as the scenario API sees it: commands out, units, phases, counts.

It decides nothing about calls: it numbers what the script creates, sends each command with the
script's own file and line, and keeps the few limits that the worker itself must keep.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import trio

from runtime.api.errors import LimitReached, SessionOver
from runtime.api.handle import Handle, without_name
from runtime.api.running import RUNNING, current_run
from runtime.sandbox.clip import clip
from runtime.sandbox.commands import Command, Terminate
from runtime.sandbox.frames import SESSION_ENDING, UNIT_ENDED, CommandFrame, LogFrame, WorkerFrame
from runtime.sandbox.schema import MAX_NAME, WrongType
from runtime.sandbox.wire import ProtocolError

if TYPE_CHECKING:
    from runtime.api.listeners import Listeners
    from runtime.api.requests import Requests
    from runtime.api.timers import Timers

SPELLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "headers": "extraHeaders",
        "offset_ms": "offset",
        "registration": "regId",
        "value": "customData",
    }
)
"""Fields of commands that methods call otherwise than the wire does."""

ENDING: Final = "the session is ending"

H = TypeVar("H", bound=Handle[Any])
C = TypeVar("C", bound=Command)


class Phase(IntEnum):
    RUNNING = 0
    LEAVING = 1
    """terminate() was called: commands are ignored, events are not delivered."""
    TERMINATING = 2
    TERMINATED = 3


class Unit(Protocol):
    """Something the core knows by a number: a call, a player, a recorder, a conference."""

    _unit: int


class Session:
    """The session behind the facade; nothing here is named by scenarios."""

    def __init__(
        self,
        *,
        files: Collection[str],
        send: Callable[[WorkerFrame], None],
        enter: Callable[[], None],
    ) -> None:
        self.id = self.application = self.custom_data = ""
        self.secrets: Mapping[str, str] = {}
        """Name -> what stands for its value."""
        self.phase = Phase.RUNNING
        self.units: dict[int, Any] = {}
        self.prompt_options: Mapping[str, str] = {}
        """IVR.ttsOptions."""
        self.listeners: Listeners
        self.timers: Timers
        self.requests: Requests
        self._files = files
        self.send = send
        self._enter = enter
        self._pending: dict[int, Handle[Any]] = {}
        self._request = 0
        self._next_unit = 1
        self._playback = 0
        self._listener_count = 0
        self._limits_told: set[str] = set()

    def begin(
        self,
        *,
        session_id: str,
        application: str,
        custom_data: str,
        settings: Mapping[str, float],
        secrets: Mapping[str, str],
    ) -> None:
        """What the core says of the session, before its script runs."""
        self.id = session_id
        self.application = application
        self.custom_data = custom_data
        self.secrets = secrets
        self.requests.limit(settings)
        self.max_timers = int(settings["timers"])
        self.max_custom_data = int(settings["custom_data_bytes"])
        self.most_answer_bytes = int(settings["access_reply_bytes"])
        self._max_listeners = int(settings["listeners"])
        self._max_line = int(settings["log_line_chars"])
        self._clock = (trio.current_time(), settings.get("epoch_s", time.time()))

    # --- commands -------------------------------------------------------------------------------

    def build(
        self, what: str, command: type[C], spelled: Mapping[str, str] = SPELLED, **fields: Any
    ) -> C:
        """A checked command; TypeError or ValueError in the scenario's own words when a value does
        not fit. `spelled` names the fields that the method calls otherwise."""
        try:
            return command(**fields)
        except ProtocolError as exc:
            field, _, why = str(exc).partition(": ")
            head, *rest = field.split("_")
            name = spelled.get(field) or head + "".join(part.capitalize() for part in rest)
            refusal = TypeError if isinstance(exc, WrongType) else ValueError
            raise refusal(f"{what}(): {name} {why}") from None

    def command(self, command: Command, handle: H, *, late: bool = False) -> H:
        """Send a command; `late` ones are still allowed while the session is terminating."""
        self._enter()
        if self.phase is Phase.RUNNING or (late and self.phase is Phase.TERMINATING):
            self._pending[self.post(command)] = handle
        elif not self.ignores(handle._what):
            self.refuse_late(handle._what)
        return handle

    def ignores(self, what: str) -> bool:
        """Whether a command has no effect and raises nothing, with a log line: after terminate(),
        and in code that the end of the session has overtaken."""
        if self.phase is Phase.LEAVING:
            self.log(f"{what}() ignored: VoxEngine.terminate() was called before")
        elif self.phase >= Phase.TERMINATING and not current_run().farewell:
            self.log(f"{what}() ignored: {ENDING}")
        else:
            return False
        return True

    def post(self, command: Command) -> int:
        """Send a command whose answer is somebody's to wait for; its number."""
        self._request += 1
        self.send(CommandFrame(req=self._request, command=command, where=self.where()))
        return self._request

    def refuse_late(self, what: str) -> None:
        """SessionOver inside Terminating and Terminated, where nothing can be begun."""
        if self.phase >= Phase.TERMINATING and current_run().farewell:
            raise SessionOver(
                f"{what}(): the session is ending; in Terminating and Terminated there are no "
                "calls, timers or media any more, only Logger.write; in Terminating also one HTTP "
                "request"
            )

    def settle(self, request: int, value: str | None, error: str | None) -> bool:
        """The core's answer to a command; whether a task was waiting for it."""
        handle = self._pending.pop(request, None)
        if handle is None:
            return False
        awaited = handle._is_awaited()
        if value == UNIT_ENDED:
            self.ignored(handle, error or "it has ended")
            return awaited
        if value == SESSION_ENDING:  # whoever waits is cancelled with the session
            self.log(f"{handle._what}() ignored: {ENDING}")
            return False
        handle._receive(value, error)
        if error is not None and not awaited:
            self.log(f"{handle._what}() failed: {without_name(error)}")
        return awaited

    def forget_commands(self) -> None:
        """Answers do not matter any more: whoever waits is cancelled with the session."""
        self._pending.clear()

    def terminate(self) -> None:
        if self.phase is Phase.RUNNING:
            self.phase = Phase.LEAVING
            self.timers.clear_all()
            self.forget_commands()
            self.post(Terminate())

    def ignored(self, handle: H, why: str) -> H:
        """Settle a command that has no effect, and say so in the log."""
        if handle._told_when_ignored:
            self.log(f"{handle._what}() ignored: {why}")
        handle._leg_ended()
        return handle

    def check_custom_data(self, what: str, value: str) -> None:
        size = len(value.encode("utf-8", "replace"))
        if size > self.max_custom_data:
            text = (
                f"{what}(): {size} bytes, the limit is {self.max_custom_data}; keep longer data in "
                "a variable"
            )
            self._tell_limit("custom_data_bytes", text)
            raise ValueError(text)

    # --- numbers --------------------------------------------------------------------------------

    def new_unit(self) -> int:
        """The worker numbers oddly, the core evenly."""
        unit = self._next_unit
        self._next_unit += 2
        return unit

    def new_playback(self) -> int:
        self._playback += 1
        return self._playback

    def count_listener(self, change: int) -> None:
        if change > 0 and self._listener_count >= self._max_listeners:
            raise self.limit_reached(
                "listeners",
                f"addEventListener(): {self._max_listeners} listeners are registered already; "
                "remove some, or register once instead of in a loop",
            )
        self._listener_count += change

    def limit_reached(self, name: str, text: str) -> LimitReached:
        """What to raise."""
        self._tell_limit(name, text)
        return LimitReached(text)

    def _tell_limit(self, name: str, text: str) -> None:
        """The first time it stands in the log, whatever the script makes of the exception."""
        if name not in self._limits_told:
            self._limits_told.add(name)
            self.log(f"limit:{name}: {text}")

    # --- log and clock --------------------------------------------------------------------------

    def log(self, text: str) -> None:
        self._enter()
        self.send(LogFrame(text=clip(text, self._max_line), where=self.where()))

    def where(self) -> str:
        """The script's own "file.py:line" that is running; else where it was registered."""
        frame = sys._getframe(1)
        files = self._files
        while frame is not None:
            if frame.f_code.co_filename in files:
                return f"{frame.f_code.co_filename[-MAX_NAME + 12 :]}:{frame.f_lineno}"
            frame = frame.f_back  # type: ignore[assignment]
        run = RUNNING.get(None)
        return run.where if run is not None else ""

    def now(self) -> datetime:
        """Wall-clock time in UTC, advanced by the trio clock since the session began."""
        began, epoch = self._clock
        passed = timedelta(seconds=trio.current_time() - began)
        return datetime.fromtimestamp(epoch, UTC) + passed
