"""Recognisers behind a WebSocket: audio goes there as it comes, and the server says all events.

The protocol is the operator's to implement (docs/howto/speech-recognition.md).
"""

from __future__ import annotations

from typing import Final

import trio

from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.media_stream import StreamPlan
from runtime.decisions.recognition import read
from runtime.media.port import MediaLeg, MediaUnavailable
from runtime.net import FetchError
from runtime.net.fetch import as_it_is
from runtime.sockets import (
    Socket,
    SocketClosed,
    SocketEvent,
    SocketNote,
    SocketPort,
    SocketRequest,
    SocketText,
)

from .port import (
    RecognitionListener,
    RecognitionLost,
    RecognitionNote,
    RecognitionRequest,
    RecognitionUnavailable,
)

ENCODING: Final = ENCODINGS["PCM16"]
"""What every recogniser takes."""


class SocketRecognition:
    """One connection to the operator's recogniser."""

    def __init__(self, request: RecognitionRequest, listener: RecognitionListener) -> None:
        self._request = request
        self._tell = listener
        self._socket: Socket | None = None

    @classmethod
    async def open(
        cls, sockets: SocketPort, request: RecognitionRequest, listener: RecognitionListener
    ) -> SocketRecognition:
        """Raises RecognitionUnavailable."""
        recognition = cls(request, listener)
        wanted = SocketRequest(url=request.url, protocols=("asr",), connect_s=request.connect_s)
        try:
            recognition._socket = await sockets.open(wanted, as_it_is, recognition._on)
        except (FetchError, MediaUnavailable) as exc:
            raise RecognitionUnavailable(str(exc)) from exc
        return recognition

    @property
    def media(self) -> MediaLeg:
        return self._open.media

    def begin(self) -> None:
        self._open.begin(StreamPlan(encoding=ENCODING, custom=self._request.wishes))

    async def run(self) -> None:
        await self._open.run(_at_once)

    def close(self) -> None:
        self._open.close()

    @property
    def _open(self) -> Socket:
        assert self._socket is not None, "made by open()"
        return self._socket

    def _on(self, event: SocketEvent) -> None:
        match event:
            case SocketText(text):
                self._heard(text)
            case SocketNote(text):
                self._tell(RecognitionNote(text))
            case SocketClosed(reason=reason, code=code):
                self._tell(RecognitionLost(f"the recogniser has left ({code}) {reason}".strip()))
            case _:
                pass

    def _heard(self, text: str) -> None:
        found = read(text)
        if found is None:
            self._tell(RecognitionNote("a message of the recogniser's is not understood"))
        elif found.name == "Error":
            self._tell(RecognitionLost(str(found.fields["error"])))
            self.close()
        else:
            self._tell(found)


async def _at_once() -> None:
    """The operator's own program says some words a second: it has its turn whenever it speaks."""
    await trio.lowlevel.checkpoint()
