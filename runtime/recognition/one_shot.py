"""Recognition by utterances: cut by our own voice detection, and understood as a whole by another.

The beginning of speech is told at once, whatever the one who understands is busy with; what he has
not taken yet waits, a bounded number of utterances, in order. There are no interim results.
"""

from __future__ import annotations

from typing import Final, Protocol

import trio

from runtime.decisions.recognition import Recognised
from runtime.media.port import MediaLeg, MediaPort, MediaUnavailable

from .hearing import Hearing
from .port import (
    RecognitionEvent,
    RecognitionListener,
    RecognitionLost,
    RecognitionNote,
    RecognitionUnavailable,
)
from .utterances import Began, Ended, Utterances

WAITING: Final = 4
"""Utterances of one leg that wait; whoever is further behind than four sentences is no use."""


class Failed(Exception):
    """An utterance cannot be understood, and no further one will be; str() says why."""


class Understander(Protocol):
    """Turns utterances into words."""

    max_s: float
    """The longest utterance that it takes."""
    note: str
    """Something about it for the timeline, if anything."""

    async def understand(self, utterance: Ended) -> Recognised:
        """A Result. Raises Failed."""

    def close(self) -> None:
        """Nothing is asked any more. Safe twice."""


class OneShotRecognition:
    """One leg that is heard, and its understander, which is closed with it."""

    def __init__(
        self, hearing: Hearing, understander: Understander, listener: RecognitionListener
    ) -> None:
        self._hearing = hearing
        self._understander = understander
        self._listener = listener
        self._closing = trio.Event()

    @classmethod
    async def open(
        cls, media: MediaPort, understander: Understander, listener: RecognitionListener
    ) -> OneShotRecognition:
        """Raises RecognitionUnavailable."""
        try:
            hearing = await Hearing.open(media)
        except BaseException as exc:  # also cancelled: raised again
            understander.close()
            if isinstance(exc, MediaUnavailable | OSError):
                raise RecognitionUnavailable(f"no audio for recognition: {exc}") from exc
            raise
        return cls(hearing, understander, listener)

    @property
    def media(self) -> MediaLeg:
        return self._hearing.media

    def begin(self) -> None:
        if self._understander.note:
            self._tell(RecognitionNote(self._understander.note))
        self._hearing.begin()

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                ended, waiting = trio.open_memory_channel[Ended](WAITING)
                nursery.start_soon(self._listen, ended)
                nursery.start_soon(self._understand, waiting)
                await self._closing.wait()
                nursery.cancel_scope.cancel()
        finally:
            self._hearing.close()
            self._understander.close()

    def close(self) -> None:
        self._closing.set()

    async def _listen(self, ended: trio.MemorySendChannel[Ended]) -> None:
        utterances = Utterances(self._understander.max_s)
        async for frame in self._hearing.frames():
            for found in utterances.hear(frame):
                match found:
                    case Began():
                        self._tell(Recognised("CaptureStarted"))
                    case Ended():
                        self._tell(Recognised("SpeechCaptured"))
                        self._hand_over(ended, found)

    def _hand_over(self, ended: trio.MemorySendChannel[Ended], utterance: Ended) -> None:
        try:
            ended.send_nowait(utterance)
        except trio.WouldBlock:
            self._lose(f"{WAITING} utterances wait already for the recogniser, which is too slow")

    async def _understand(self, waiting: trio.MemoryReceiveChannel[Ended]) -> None:
        async for utterance in waiting:
            began = trio.current_time()
            try:
                result = await self._understander.understand(utterance)
            except Failed as exc:
                self._lose(str(exc))
                return
            took_s = trio.current_time() - began
            self._tell(
                RecognitionNote(f"{utterance.duration_s:.2f} s of speech, taken {took_s:.3f} s")
            )
            self._tell(result)

    def _lose(self, error: str) -> None:
        self._tell(RecognitionLost(error))
        self.close()

    def _tell(self, event: RecognitionEvent) -> None:
        """Nothing follows the end, whatever is under way."""
        if not self._closing.is_set():
            self._listener(event)
