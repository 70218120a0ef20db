"""Commands about who is in a conference."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, get_args

import attrs

from runtime.sandbox.command import Command
from runtime.sandbox.schema import checked, one_of, unit_field

Mode = Literal["MIX", "FORWARD"]
Direction = Literal["SEND", "RECEIVE", "BOTH"]
MODES: Final[tuple[str, ...]] = get_args(Mode)
DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)


@attrs.frozen(kw_only=True)
class AddEndpoint(Command):
    """`Conference.EndpointAdded` follows, and `Conference.EndpointRemoved` with the call's end; or
    `Conference.Error` when the conference is full.

    `endpoint` is a number of the worker's own choice. SEND: the call is heard; RECEIVE: it hears.
    """

    op: ClassVar[str] = "conference.add"
    unit: int = unit_field()
    endpoint: int = unit_field()
    call: int = unit_field()
    mode: str = checked(one_of(*MODES), "MIX")
    direction: str = checked(one_of(*DIRECTIONS), "BOTH")


@attrs.frozen(kw_only=True)
class UpdateEndpoint(Command):
    """Something about an endpoint changed that only the script knows; `Conference.EndpointUpdated`
    follows."""

    op: ClassVar[str] = "conference.update"
    unit: int = unit_field()
    endpoint: int = unit_field()


CONFERENCE_COMMANDS: Final[tuple[type[Command], ...]] = (AddEndpoint, UpdateEndpoint)
