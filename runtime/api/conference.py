"""Conference: an audio mixer; whoever hears it hears all who send to it, except themselves."""

from __future__ import annotations

from runtime.api.event_constants import ConferenceEvents
from runtime.api.handle import CommandHandle
from runtime.api.unit import MediaSource
from runtime.sandbox.commands import StopConference


class Conference(MediaSource):
    """Made by VoxEngine.createConference. VoxEngine reference: Conference.

    `call.sendMediaTo(conference)`: the call is heard; `conference.sendMediaTo(call)`: the call
    hears. Muting is call.stopMediaTo(conference). Quiet talkers are brought up, and sums that are
    too loud are turned down. Of more than 50 calls (limit `conference_members`) the next is not
    let in: Error. Started follows its creation, Stopped its stop.
    """

    __slots__ = ()
    _namespace = ConferenceEvents
    _made_by = "VoxEngine.createConference()"
    _hears = True

    def stop(self) -> CommandHandle:
        """End the mixer: its listeners hear silence, Stopped follows."""
        handle = self._command("stop", StopConference)
        self._stopped = True
        return handle
