"""Digits to a peer that takes them by SIP INFO: one at a time, at the pace of a telephone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from runtime.legs.leg import Leg

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg

MIME_TYPE: Final = "application/dtmf-relay"
TONE_MS: Final = 100
STEP_S: Final = 0.2
"""100 ms of tone and 100 ms of gap, as in the audio."""
PAUSE_S: Final = 0.5
"""`p`."""
MAX_WAITING: Final = 512
"""Twice what one sendDigits may hold, as in the engine; more is dropped and noted."""


class InfoDigits:
    """Belongs to one CallLeg; its queue ends with the call."""

    def __init__(self, call: CallLeg) -> None:
        self._call = call
        self._waiting: deque[str] = deque()
        self._sending = False

    def send(self, digits: str) -> None:
        room = MAX_WAITING - len(self._waiting)
        self._waiting.extend(digits[:room])
        if len(digits) > room:
            self._note(f"{len(digits) - room} digits dropped: {MAX_WAITING} wait already")
        if not self._sending:
            self._next()

    def _next(self) -> None:
        leg = self._call.leg
        self._sending = bool(self._waiting) and leg is not None and self._call.alive
        if not self._sending or leg is None:
            self._waiting.clear()
            return
        digit = self._waiting.popleft().upper()
        if digit != "P":
            self._send_one(leg, digit)
        delay_s = PAUSE_S if digit == "P" else STEP_S
        self._call.session.alarms.set(("info digits", self._call.unit), delay_s, self._next)

    def _send_one(self, leg: Leg, digit: str) -> None:
        leg.send_info(MIME_TYPE, f"Signal={digit}\r\nDuration={TONE_MS}\r\n", {})
        if not self._waiting:
            self._note("digits sent")

    def _note(self, what: str) -> None:
        self._call.session.timeline.record("media", what, leg=self._call.id)
