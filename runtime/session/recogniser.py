"""Speech recognition for a script: audio goes to the operator's recogniser, and text comes back.

The recogniser is a WebSocket server (docs/howto/speech-recognition.md); its address is the
operator's, never the script's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from runtime.decisions.media_stream import ENCODINGS, StreamPlan
from runtime.decisions.recognition import read
from runtime.decisions.routing import ASR
from runtime.media.port import MediaUnavailable
from runtime.net import FetchError
from runtime.net.fetch import as_it_is
from runtime.sandbox.frames import call_id
from runtime.sandbox.recognition_commands import CreateRecogniser
from runtime.session.context import SessionContext
from runtime.session.timeline import seconds
from runtime.sockets import Socket, SocketClosed, SocketEvent, SocketNote, SocketRequest, SocketText

ENCODING = ENCODINGS["PCM16"]
"""What every recogniser takes."""


class Recogniser:
    """One ASR unit; Stopped or Error is its last event."""

    def __init__(self, session: SessionContext) -> None:
        self.unit = 0
        self._session = session
        self._socket: Socket | None = None
        self._interim = False
        self._began = session.now()

    def open(self, unit: int, command: CreateRecogniser) -> None:
        self.unit, self._interim = unit, command.interim
        session = self._session
        session.routes.add(unit, ASR)
        url = session.settings.recogniser
        if not url:
            self._scope = None
            self._fail("no recogniser is configured: [asr] url in callstage.toml")
            return
        limit = session.settings.limits.http_connect_timeout_s
        request = SocketRequest(url=url, protocols=("asr",), connect_s=limit)
        plan = StreamPlan(encoding=ENCODING, custom=command.wishes)
        self._scope = session.tasks.start(partial(self._run, request, plan))

    async def _run(self, request: SocketRequest, plan: StreamPlan) -> None:
        listener = self._session.tasks.edge(self._on)
        try:
            socket = await self._session.ports.sockets.open(request, as_it_is, listener)
        except (FetchError, MediaUnavailable) as exc:
            self._fail(str(exc))
            return
        self._socket, self._began = socket, self._session.now()
        self._session.routes.bind(self.unit, socket.media)
        socket.begin(plan)
        self._emit("Started")
        self._session.routes.update(self.unit, can_hear=True, can_be_heard=False)
        await socket.run()

    def stop(self) -> None:
        """Stopped follows at once; what the recogniser still says is not told."""
        self._leave()
        duration = self._session.now() - self._began if self._socket else 0.0
        cost = self._session.settings.rates.recognition(duration)
        self._emit("Stopped", cost=cost, duration=seconds(duration))
        if self._socket is not None:
            self._socket.close()
        elif self._scope is not None:
            self._scope.cancel()

    def abandon(self) -> None:
        """The session ends. Safe twice."""
        self._leave()
        if self._scope is not None:
            self._scope.cancel()

    def _on(self, event: SocketEvent) -> None:
        if self.unit not in self._session.routes:
            return
        match event:
            case SocketText(text):
                self._heard(text)
            case SocketNote(text):
                self._note(text)
            case SocketClosed(reason=reason, code=code):
                self._fail(f"the recogniser has left ({code}) {reason}".strip())
            case _:
                pass

    def _heard(self, text: str) -> None:
        found = read(text)
        if found is None:
            self._note("a message of the recogniser's is not understood")
        elif found.name == "Error":
            self._fail(str(found.fields["error"]))
            if self._socket is not None:
                self._socket.close()
        elif found.name != "InterimResult" or self._interim:
            self._emit(found.name, **found.fields)

    def _fail(self, error: str) -> None:
        self._note(error)
        self._leave()
        self._emit("Error", error=error)

    def _leave(self) -> None:
        self._session.routes.remove(self.unit)
        self._session.units.drop(self.unit)

    def _emit(self, name: str, **fields: Any) -> None:
        self._session.events.emit(f"ASR.{name}", unit=self.unit, fields=fields)

    def _note(self, text: str) -> None:
        leg = call_id(self._session.id, self.unit)
        self._session.timeline.record("socket", f"recogniser: {text}", leg=leg)
