"""Speech recognition for a script: audio goes to a recogniser, and text comes back.

Which recogniser that is, is the operator's to say (runtime/recognition/providers.py).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import trio

from runtime.decisions.recognition import Recognised
from runtime.decisions.routing import ASR
from runtime.recognition.port import (
    Recognition,
    RecognitionEvent,
    RecognitionLost,
    RecognitionNote,
    RecognitionRequest,
    RecognitionUnavailable,
)
from runtime.sandbox.frames import call_id
from runtime.sandbox.recognition_commands import CreateRecogniser
from runtime.session.context import SessionContext
from runtime.session.timeline import seconds


class Recogniser:
    """One ASR unit; Stopped or Error is its last event."""

    def __init__(self, session: SessionContext) -> None:
        self.unit = 0
        self._session = session
        self._recognition: Recognition | None = None
        self._scope: trio.CancelScope | None = None
        self._interim = False
        self._began = session.now()

    def open(self, unit: int, command: CreateRecogniser) -> None:
        self.unit, self._interim = unit, command.interim
        session = self._session
        session.routes.add(unit, ASR)
        request = RecognitionRequest(
            url=session.settings.recogniser,
            wishes=command.wishes,
            owner=session.application,
            connect_s=session.settings.limits.http_connect_timeout_s,
        )
        self._scope = session.tasks.start(partial(self._run, request))

    async def _run(self, request: RecognitionRequest) -> None:
        listener = self._session.tasks.edge(self._on)
        try:
            recognition = await self._session.ports.recognition.open(request, listener)
        except RecognitionUnavailable as exc:
            self._fail(str(exc))
            return
        self._recognition, self._began = recognition, self._session.now()
        self._session.routes.bind(self.unit, recognition.media)
        recognition.begin()
        self._emit("Started")
        self._session.routes.update(self.unit, can_hear=True, can_be_heard=False)
        await recognition.run()

    def stop(self) -> None:
        """Stopped follows at once; what the recogniser still says is not told."""
        self._leave()
        duration = self._session.now() - self._began if self._recognition else 0.0
        cost = self._session.settings.rates.recognition(duration)
        self._emit("Stopped", cost=cost, duration=seconds(duration))
        if self._recognition is not None:
            self._recognition.close()
        elif self._scope is not None:
            self._scope.cancel()

    def abandon(self) -> None:
        """The session ends. Safe twice."""
        self._leave()
        if self._scope is not None:
            self._scope.cancel()

    def _on(self, event: RecognitionEvent) -> None:
        if self.unit not in self._session.routes:
            return
        match event:
            case Recognised(name=name, fields=fields):
                if name != "InterimResult" or self._interim:
                    self._emit(name, **fields)
            case RecognitionNote(text):
                self._note(text)
            case RecognitionLost(error):
                self._fail(error)

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
