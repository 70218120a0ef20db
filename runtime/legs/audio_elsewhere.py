"""The audio side of a leg that has none here: it passes directly between the peers.

Holds no port and hears nothing; all that it ever says is that it was closed.
"""

from __future__ import annotations

from runtime.media.findings import Detection
from runtime.media.port import (
    LegAddress,
    LegClosed,
    LegMediaListener,
    LegStatistics,
    RtpStream,
)


class AudioElsewhere:
    """MediaLeg (runtime/media/port.py); every command does nothing."""

    def __init__(self) -> None:
        self._listener: LegMediaListener | None = None
        self._closed = False
        self._told = False

    def __repr__(self) -> str:
        return f"<AudioElsewhere{' closed' if self._closed else ''}>"

    @property
    def address(self) -> LegAddress:
        return LegAddress(host="", rtp_port=0, rtcp_port=0)

    def listen(self, listener: LegMediaListener) -> None:
        self._listener = listener
        self._tell()

    def configure(self, stream: RtpStream) -> None:
        """Nobody sends here."""

    def handle_tones(self, handle: bool) -> None:
        """None are heard."""

    def detect(self, what: Detection) -> None:
        """Nothing is heard."""

    def measure(self) -> None:
        """There are no figures."""

    def send_digits(self, digits: str) -> None:
        """There is no way for them."""

    def close(self) -> None:
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        if self._closed and not self._told and self._listener is not None:
            self._told = True
            self._listener(LegClosed(statistics=LegStatistics()))
