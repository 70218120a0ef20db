"""What a token that is bound to an application reaches: the one place that decides it.

A request that names another application is refused (403), and so is what is about the machine. A
session of another one is not there (404), as one that never was. Of lists the caller gets its own:
their handlers ask `Caller.reaches`.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping

import attrs

from runtime.control.problem import Problem
from runtime.control.scopes import Caller
from runtime.decisions.problems import Http


class Reach(enum.Enum):
    """How far a request goes."""

    APPLICATION = "the application that its path names"
    SESSION = "the session that its path names"
    OWN = "what is the caller's, by its handler"
    MACHINE = "the machine"


def reach_of(path: str, *, is_own: bool) -> Reach:
    """Of an endpoint; what says nothing else is about the machine."""
    if "{app}" in path:
        return Reach.APPLICATION
    if "{session}" in path:
        return Reach.SESSION
    return Reach.OWN if is_own else Reach.MACHINE


@attrs.frozen
class Bounds:
    """`application_of`: whose a session is, live or over; None when there is none."""

    application_of: Callable[[str], Awaitable[str | None]]

    async def check(self, caller: Caller, reach: Reach, place: Mapping[str, str]) -> None:
        """`place`: what the path names. Raises Problem."""
        if not caller.application:
            return
        match reach:
            case Reach.OWN:
                pass
            case Reach.MACHINE:
                raise _forbidden(caller)
            case Reach.APPLICATION:
                if not caller.reaches(place["app"]):
                    raise _forbidden(caller)
            case Reach.SESSION:
                application = await self.application_of(place["session"])
                if application is None or not caller.reaches(application):
                    raise unknown_session(place["session"])


def _forbidden(caller: Caller) -> Problem:
    what = f"the token {caller.name!r} is for the application {caller.application!r} alone"
    return Problem(Http.OTHER_APPLICATION, what)


def unknown_session(found: str) -> Problem:
    return Problem(Http.NO_SESSION, f"no session is called {found[:64]!r}")
