"""The recogniser of a simulation: it hears callers, and the test says what it makes of it."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from runtime.recognition.port import (
    RecognitionListener,
    RecognitionRequest,
    RecognitionUnavailable,
)
from runtime.recognition.sockets import SocketRecognition
from runtime.sockets import SocketPort
from runtime.testing.sockets import SimSocket

RECOGNISER_URL: Final = "ws://recogniser.sim/"


class SimRecogniser(SimSocket):
    """`sim.sockets.expect_recogniser()`: one for each VoxEngine.createASR."""

    @property
    def wishes(self) -> dict[str, Any]:
        """The options that the scenario gave."""
        custom = self.streams[0].custom if self.streams else ""
        wished: dict[str, Any] = json.loads(custom or "{}")
        return wished

    def notices_speech(self) -> None:
        """A voice is found."""
        self._says(event="capture_started")

    def guesses(self, text: str) -> None:
        """What was said so far."""
        self._says(event="interim", text=text)

    def recognises(self, text: str, *, confidence: float = 90) -> None:
        """The utterance is over, and this was said."""
        self._says(event="speech_captured")
        self._says(event="result", text=text, confidence=confidence)

    def fails(self, error: str) -> None:
        """It cannot go on."""
        self._says(event="error", error=error)

    def _says(self, **message: object) -> None:
        self.sends(json.dumps(message))


@attrs.frozen
class SimRecognisers:
    """Every createASR gets the test's recogniser, whatever its profile; implements
    RecognitionPort."""

    sockets: SocketPort

    async def open(
        self, request: RecognitionRequest, listener: RecognitionListener
    ) -> SocketRecognition:
        if not request.url:
            raise RecognitionUnavailable("the test has no recogniser")
        return await SocketRecognition.open(self.sockets, request, listener)
