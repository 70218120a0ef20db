"""Conference: an audio mixer; whoever hears it hears all who send to it, except themselves."""

from __future__ import annotations

from typing import Any, Final

from runtime.api.call import Call
from runtime.api.endpoint import Endpoint
from runtime.api.event_constants import ConferenceEvents
from runtime.api.handle import CommandHandle
from runtime.api.options import merge, text
from runtime.api.session import Session
from runtime.api.unit import MediaSource
from runtime.sandbox.commands import StopConference
from runtime.sandbox.conference_commands import AddEndpoint

ENDPOINT_OPTIONS: Final = (
    "call",
    "direction",
    "displayName",
    "maxVideoBitrate",
    "mode",
    "receiveParameters",
    "scheme",
)


class Conference(MediaSource):
    """Made by VoxEngine.createConference. VoxEngine reference: Conference.

    `call.sendMediaTo(conference)`: the call is heard; `conference.sendMediaTo(call)`: the call
    hears; conference.add(call=call) does both, and tells with events who is there. Muting is
    call.stopMediaTo(conference). Quiet talkers are brought up, and sums that are too loud are
    turned down. Of more than 50 calls (limit `conference_members`) the next is not let in:
    ConferenceError. Started follows its creation, Stopped its stop.
    """

    __slots__ = ("_endpoints",)
    _namespace = ConferenceEvents
    _made_by = "VoxEngine.createConference()"
    _hears = True

    def __init__(self, session: Session, unit: int) -> None:
        super().__init__(session, unit)
        self._endpoints: dict[str, Endpoint] = {}
        """By id, until EndpointRemoved was told."""

    def add(self, *parameters: object, **options: object) -> Endpoint:
        """Let a call in: it hears the conference and is heard there, as `direction` says.

        EndpointAdded follows, and EndpointRemoved when the call ends; ConferenceError(code 486,
        endpointId) when the conference is full. Options, as keywords or one dict: call; direction
        ("SEND": the call is heard, "RECEIVE": it hears, "BOTH" by default), mode ("MIX" by default,
        "FORWARD"; audio is mixed for both), displayName; scheme, maxVideoBitrate and
        receiveParameters have no effect. Raises TypeError and ValueError for what is no Call and
        for one that is here already. VoxEngine reference: Conference.add.
        """
        what = "Conference.add"
        given = merge(what, ENDPOINT_OPTIONS, parameters, options)
        call = self._to_add(what, given.get("call"))
        command = self._session.build(
            what,
            AddEndpoint,
            unit=self._unit,
            endpoint=self._session.new_unit(),
            call=call._unit,
            mode=given.get("mode", "MIX"),
            direction=given.get("direction", "BOTH"),
        )
        name = text(what, "displayName", given.get("displayName", ""))
        endpoint = Endpoint(self, call, command, name)
        handle = CommandHandle(what)
        for end in (self, call):
            if end._over:
                self._session.ignored(handle, f"{end} has ended")
                return endpoint
        self._endpoints[endpoint._id] = endpoint
        self._session.command(command, handle)
        return endpoint

    def _to_add(self, what: str, call: object) -> Call:
        if not isinstance(call, Call):
            raise TypeError(f"{what}(): call must be a Call, not {type(call).__name__}")
        if any(each._call is call for each in self.getList()):
            raise ValueError(f"{what}(): {call} is in this conference already")
        return call

    def getList(self) -> list[Endpoint]:
        """The endpoints of calls that were added and have not ended. VoxEngine reference:
        Conference.getList."""
        return [each for each in self._endpoints.values() if not each._call._over]

    def get(self, id: str) -> Endpoint | None:
        """The endpoint with this id; None when it is not here. VoxEngine reference:
        Conference.get."""
        return next((each for each in self.getList() if each._id == id), None)

    def stop(self) -> CommandHandle:
        """End the mixer: its listeners hear silence, Stopped follows."""
        handle = self._command("stop", StopConference)
        self._stopped = True
        return handle

    def _learn(self, name: str, fields: dict[str, Any]) -> None:
        """What an event of it says: `endpoint` is the number of one."""
        number = fields.pop("endpoint", None)
        if number is None:
            return
        found = next((each for each in self._endpoints.values() if each._unit == number), None)
        fields["endpointId"] = None if found is None else found._id
        fields["endpoint"] = found
        if name in _LEAVING and found is not None:
            del self._endpoints[found._id]


_LEAVING: Final = (ConferenceEvents.EndpointRemoved.name, ConferenceEvents.ConferenceError.name)
