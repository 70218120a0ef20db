"""The script's units that many legs can be sent to: conferences and recorders."""

from __future__ import annotations

import attrs

from runtime.decisions.routing import CONFERENCE, RECORDER
from runtime.media.port import MediaConference, MediaRecorder
from runtime.session.context import SessionContext
from runtime.session.recording import RecordingJob, RecordingOrder
from runtime.session.timeline import seconds


@attrs.frozen(kw_only=True)
class Endpoint:
    """A call that the script has added to a conference."""

    number: int
    """The worker's."""
    call: int
    mode: str
    direction: str

    def edges(self, conference: int) -> list[tuple[int, int]]:
        """(source, sink) of all that is to be heard."""
        sends, receives = (self.call, conference), (conference, self.call)
        return {"SEND": [sends], "RECEIVE": [receives]}.get(self.direction, [sends, receives])


class Conference:
    """A mixer; each leg in it hears the others."""

    def __init__(self, session: SessionContext) -> None:
        self.unit = 0
        self._session = session
        self._mixer: MediaConference | None = None
        self._endpoints: dict[int, Endpoint] = {}
        """By the unit of their call."""

    def open(self, unit: int) -> None:
        self.unit = unit
        self._mixer = self._session.ports.media.open_conference()
        self._session.routes.add(unit, CONFERENCE)
        self._session.routes.bind(unit, self._mixer)
        self._session.routes.update(unit, can_hear=True, can_be_heard=True)
        self._session.events.emit("Conference.Started", unit=unit)

    def admit(self, endpoint: Endpoint) -> None:
        """Raises RoutingRefused, ConferenceFull among them."""
        for source, sink in endpoint.edges(self.unit):
            self._session.routes.connect(source, sink)
        self._endpoints[endpoint.call] = endpoint
        self._tell("EndpointAdded", endpoint)

    def update(self, number: int) -> None:
        """One whose call has ended is over, and updated no more."""
        for endpoint in self._endpoints.values():
            if endpoint.number == number:
                self._tell("EndpointUpdated", endpoint)

    def leave(self, call: int) -> None:
        """A call of the session has ended, whether it was added or not."""
        endpoint = self._endpoints.pop(call, None)
        if endpoint is not None:
            self._tell("EndpointRemoved", endpoint)

    def _tell(self, name: str, endpoint: Endpoint) -> None:
        fields = {
            "endpoint": endpoint.number,
            "mode": endpoint.mode,
            "direction": endpoint.direction,
        }
        self._session.events.emit(f"Conference.{name}", unit=self.unit, fields=fields)

    def stop(self) -> None:
        self.close()
        self._session.events.emit("Conference.Stopped", unit=self.unit)

    def close(self) -> None:
        """Safe twice."""
        self._endpoints.clear()
        mixer, self._mixer = self._mixer, None
        if mixer is not None:
            self._session.routes.remove(self.unit)
            mixer.close()
            self._session.units.drop(self.unit)


class Recorder:
    """A recording of whatever is sent to it."""

    def __init__(self, session: SessionContext) -> None:
        self.unit = 0
        self._session = session
        self._job: RecordingJob | None = None
        self._recorder: MediaRecorder | None = None
        self._muted = False

    def open(self, unit: int, order: RecordingOrder) -> None:
        """Edges to it wait until the file is open."""
        self.unit = unit
        self._session.routes.add(unit, RECORDER)
        self._job = self._session.recordings.start(order, self, self._tap)

    def mute(self, muted: bool) -> None:
        """Its sources stay attached."""
        self._muted = muted
        if self._recorder is not None:
            self._recorder.mute(muted)

    def stop(self) -> None:
        """Stopped follows when the file is complete. Safe twice."""
        self._session.routes.remove(self.unit)
        if self._job is not None:
            self._job.close()

    def _tap(self, recorder: MediaRecorder) -> None:
        self._recorder = recorder
        if self._muted:
            recorder.mute(True)
        if self.unit in self._session.routes:
            self._session.routes.bind(self.unit, recorder)
            self._session.routes.update(self.unit, can_hear=True, can_be_heard=False)

    def recording_started(self, url: str) -> None:
        self._session.events.emit("Recorder.Started", unit=self.unit, fields={"url": url})

    def recording_stopped(self, url: str, duration_s: float) -> None:
        cost = self._session.settings.rates.recording(duration_s)
        fields = {"url": url, "cost": cost, "duration": seconds(duration_s)}
        self._session.events.emit("Recorder.Stopped", unit=self.unit, fields=fields)
        self._over()

    def recording_failed(self, error: str) -> None:
        self._session.events.emit("Recorder.Error", unit=self.unit, fields={"error": error})
        self._over()

    def recording_dropped(self) -> None:
        """Stopped before it began: its stop is reported all the same."""
        self.recording_stopped("", 0.0)

    def _over(self) -> None:
        self._session.routes.remove(self.unit)
        self._session.units.drop(self.unit)
