"""What a command hands back: an awaitable that is not a coroutine and never warns when dropped.

A command is under way when its function returns; awaiting only waits for the outcome. Ending the
wait (a cancelled task, a time-out around it) leaves the command itself alone. Any number of tasks
may await one handle, also after it has settled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, ClassVar, Generic, TypeVar

import trio

from runtime.api.errors import CommandFailed
from runtime.api.names import StrictNames
from runtime.api.values import Answered, PlaybackOutcome

T = TypeVar("T")


class Handle(StrictNames, Generic[T]):
    """The outcome of a command, to be awaited or not.

    `done` tells whether there is an outcome yet; `error` is the reason when the command was
    refused.
    """

    __slots__ = ("__weakref__", "_error", "_event", "_settled", "_then", "_value", "_what")
    _told_when_ignored: ClassVar[bool] = True
    """Whether the log says that it came too late."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._settled = False
        self._value: Any = None
        self._error: str | None = None
        self._event: trio.Event | None = None
        self._then: list[Callable[[], None]] = []

    @property
    def done(self) -> bool:
        """Whether there is an outcome yet."""
        return self._settled

    @property
    def error(self) -> str | None:
        """Why the command was refused or the sound could not be played; None otherwise."""
        return self._error

    def __await__(self) -> Generator[Any, Any, T]:
        return self._wait().__await__()

    def __repr__(self) -> str:
        state = "pending" if not self._settled else self._error or repr(self._value)
        return f"<{self._what} {state}>"

    async def _wait(self) -> T:
        if self._settled:
            await trio.lowlevel.checkpoint()
        else:
            if self._event is None:
                self._event = trio.Event()
            await self._event.wait()
        return self._outcome()

    def _outcome(self) -> T:
        value: T = self._value
        return value

    def _is_awaited(self) -> bool:
        return self._event is not None and self._event.statistics().tasks_waiting > 0

    def _is_followed(self) -> bool:
        """Whether its outcome wakes a task, here or by way of another handle."""
        return self._is_awaited() or bool(self._then)

    def _settle(self, value: Any, error: str | None = None) -> None:
        """The first outcome counts."""
        if self._settled:
            return
        self._settled, self._value, self._error = True, value, error
        if self._event is not None:
            self._event.set()
        for notice in self._then:
            notice()
        self._then.clear()

    def _receive(self, value: str | None, error: str | None) -> None:
        """The core's answer."""
        self._settle(value, error)

    def _leg_ended(self) -> None:
        """The command was for a leg that is over: nothing was sent."""
        self._settle(None)


def without_name(error: str) -> str:
    """A refusal of the core without the command that it begins with ("ring(): the call ...")."""
    return _COMMAND.sub("", error, count=1)


class CommandHandle(Handle[None]):
    """Awaiting a refused command raises CommandFailed."""

    __slots__ = ()

    def _outcome(self) -> None:
        if self._error is not None:
            raise CommandFailed(f"{self._what}(): {without_name(self._error)}")

    def _receive(self, value: str | None, error: str | None) -> None:
        self._settle(None, error)


class HangUpHandle(CommandHandle):
    """On a call that has ended there is nothing left to do, and nothing to tell."""

    __slots__ = ()
    _told_when_ignored = False


class PlaybackHandle(Handle[PlaybackOutcome]):
    """Awaiting it gives the PlaybackOutcome and does not raise for any of them."""

    __slots__ = ("_superseded",)

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self._superseded: PlaybackOutcome | None = None

    def _supersede(self, outcome: PlaybackOutcome) -> None:
        """The script replaced or stopped it; a natural end that was under way does not count."""
        if self._superseded is None:
            self._superseded = outcome

    def _receive(self, value: str | None, error: str | None) -> None:
        if error is not None or value not in _OUTCOMES:
            self._settle(PlaybackOutcome.ERROR, error or f"unknown outcome {value}")
            return
        outcome = PlaybackOutcome(value)
        if outcome is PlaybackOutcome.FINISHED and self._superseded is not None:
            outcome = self._superseded
        self._settle(outcome)

    def _leg_ended(self) -> None:
        self._settle(PlaybackOutcome.CALL_ENDED)


class AnswerHandle(Handle[Answered]):
    """Awaiting it gives Answered: true once Connected, false when the call ended before.

    `first` is what became of an answer that was given before: a second one gives the same.
    """

    __slots__ = ("_first",)

    def __init__(self, what: str, first: Handle[Answered] | None = None) -> None:
        super().__init__(what)
        self._first = first

    def _receive(self, value: str | None, error: str | None) -> None:
        if error is None:
            self._settle(Answered(connected=True, code=200, reason="connected"))
        elif self._first is None:
            self._settle(Answered(connected=False, code=0, reason=without_name(error)), error)
        elif self._first.done:
            self._settle(self._first._outcome())
        else:
            self._first._then.append(self._follow)

    def _follow(self) -> None:
        if self._first is not None:
            self._settle(self._first._outcome())

    def _leg_ended(self) -> None:
        self._settle(Answered(connected=False, code=0, reason="the call has ended"))


_OUTCOMES = frozenset(PlaybackOutcome)
_COMMAND = re.compile(r"\w+\(\): ")
