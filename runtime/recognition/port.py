"""What a session may ask of a recogniser, whatever it is, and what it is told.

Everything runs on the core's trio thread; events come through the listener, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from runtime.decisions.recognition import Recognised
from runtime.media.port import MediaLeg


class RecognitionUnavailable(Exception):
    """Nothing will be recognised; str() is for the author of the script."""


@attrs.frozen(kw_only=True)
class RecognitionRequest:
    """One createASR."""

    url: str
    """The operator's recogniser; empty = the embedded one."""
    wishes: str = ""
    """What the script wants, as JSON of an object; empty = nothing."""
    owner: str
    """The application: it takes turns with others, and has its share of the places."""
    connect_s: float
    """For everything until it listens."""


@attrs.frozen
class RecognitionNote:
    """Something for the timeline."""

    text: str


@attrs.frozen
class RecognitionLost:
    """It cannot go on; the last event."""

    error: str


RecognitionEvent = Recognised | RecognitionNote | RecognitionLost
RecognitionListener = Callable[[RecognitionEvent], None]


class Recognition(Protocol):
    """A recogniser that listens. Nothing happens in it but while `run` runs."""

    @property
    def media(self) -> MediaLeg:
        """The sink of what is to be recognised."""

    def begin(self) -> None:
        """Hear what the leg hears, from now on."""

    async def run(self) -> None:
        """Until it is closed or lost (RecognitionLost has been told then), or cancelled."""

    def close(self) -> None:
        """Hear no more; `run` ends soon. Safe twice."""


class RecognitionPort(Protocol):
    """Opens recognisers."""

    async def open(self, request: RecognitionRequest, listener: RecognitionListener) -> Recognition:
        """Whoever asked runs it. Raises RecognitionUnavailable."""
