"""Endpoint: a call's place in a conference, as Conference.add gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.api.call import Call
from runtime.api.handle import CommandHandle
from runtime.api.names import StrictNames
from runtime.api.options import text
from runtime.sandbox.conference_commands import AddEndpoint, UpdateEndpoint
from runtime.sandbox.frames import call_id

if TYPE_CHECKING:
    from runtime.api.conference import Conference


class Endpoint(StrictNames):
    """A call in a conference: made by Conference.add, over with the call or the conference.

    VoxEngine reference: Endpoint.
    """

    __slots__ = ("_call", "_conference", "_direction", "_id", "_mode", "_name", "_unit")

    def __init__(
        self, conference: Conference, call: Call, command: AddEndpoint, display_name: str
    ) -> None:
        self._conference = conference
        self._call = call
        self._unit = command.endpoint
        self._id = call_id(conference._session.id, command.endpoint)
        self._mode, self._direction = command.mode, command.direction
        self._name = display_name

    def __repr__(self) -> str:
        name = f" {self._name!r}" if self._name else ""
        return f"<Endpoint{name} of {self._call}>"

    def id(self) -> str:
        """Its own id; `endpointId` of events. VoxEngine reference: Endpoint.id."""
        return self._id

    def getCall(self) -> Call:
        """The call. VoxEngine reference: Endpoint.getCall."""
        return self._call

    def getDirection(self) -> str:
        """SEND: the call is heard; RECEIVE: it hears; BOTH. VoxEngine reference:
        Endpoint.getDirection."""
        return self._direction

    def getMode(self) -> str:
        """MIX or FORWARD, as it was added; audio is mixed for both. VoxEngine reference:
        Endpoint.getMode."""
        return self._mode

    def setDisplayName(self, displayName: str) -> None:
        """Name it anew; ConferenceEvents.EndpointUpdated follows. VoxEngine reference:
        Endpoint.setDisplayName."""
        what = "Endpoint.setDisplayName"
        self._name = text(what, "displayName", displayName)
        handle, room = CommandHandle(what), self._conference
        if room._over:
            room._session.ignored(handle, f"{room} has ended")
            return
        room._session.command(UpdateEndpoint(unit=room._unit, endpoint=self._unit), handle)
