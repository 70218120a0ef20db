"""What the phone is asked to do in one call, and what it has to say about it afterwards.

The JSON of a report is a contract (docs/reference): its keys are never renamed, only added to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from runtime.legs.leg import Ended
from runtime.media.listening import HeardInterval
from runtime.media.port import LegStatistics

MAX_CALL_S: Final = 3_600.0
"""Longest call, whatever was asked for: the memory of a recording is bounded by it (58 MB)."""
DEFAULT_CALL_S: Final = 60.0
"""Without a given length, and when the peer does not hang up."""
KEYS: Final = frozenset("0123456789*#ABCDabcd")
PAUSES: Final = {",": "pp", "p": "p", "P": "p"}
"""A comma is one second, a p is half a second, as in sendDigits."""
CLEAN_CAUSES: Final = frozenset({16, 31, 200})
"""Causes of a normal end: Q.850 normal clearing and unspecified, or none given."""


class PlanError(ValueError):
    """Something in the plan cannot be done; str() says what and how to write it."""


@attrs.frozen(kw_only=True)
class CallPlan:
    """One call to place, or (with `PhoneSettings.listen`) to answer."""

    target: str = ""
    """Whom to call; empty for a call to answer."""
    play: Path | None = None
    record: Path | None = None
    digits: str = ""
    for_s: float | None = None
    """Hang up after so many seconds of conversation; None = when the peer does, at most 60 s."""
    ring_s: float = 0.0
    """Answering: how long it rings before it is picked up."""
    reject_code: int | None = None
    """Answering: refuse with this status instead."""
    timeout_s: float = 30.0
    """Calling: give up when nobody answers."""
    callerid: str = "phone"
    display_name: str = ""
    auth_user: str = ""
    password: str = attrs.field(default="", repr=False)
    out_proxy: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    late_offer: bool = False
    """Calling: send the INVITE without a session description (RFC 3261 13.2.1)."""

    @property
    def talk_s(self) -> float:
        return min(DEFAULT_CALL_S if self.for_s is None else self.for_s, MAX_CALL_S)

    def keys(self) -> str:
        """The digits as the engine takes them. Raises PlanError for other characters."""
        written = []
        for key in self.digits:
            if key in PAUSES:
                written.append(PAUSES[key])
            elif key in KEYS:
                written.append(key.upper())
            elif not key.isspace():
                raise PlanError(f"digits {self.digits!r}: {key!r} is no key; use 0-9 * # A-D , p")
        return "".join(written)


@attrs.frozen(kw_only=True)
class CallReport:
    """How a call went."""

    ok: bool
    """It was answered and ended normally."""
    code: int
    """200 for an answered call, else the SIP status of the refusal; an abnormal end's cause."""
    reason: str
    duration_s: float = 0.0
    """Of the conversation."""
    heard: tuple[HeardInterval, ...] = ()
    """From the first audio on: early media counts."""
    digits: str = ""
    """Keys that the peer pressed."""
    digits_sent: str = ""
    answered_at_s: float = 0.0
    """Where in `heard` the answer came; above 0 after early media."""
    recording: Path | None = None
    rtp: LegStatistics = attrs.field(factory=LegStatistics)
    srtp_suite: str | None = None
    """Under which the audio was encrypted; None for plain RTP."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """X-* and User-to-User of the answer."""
    trace: tuple[str, ...] = ()
    """One line per SIP message and media fact."""

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "code": self.code,
            "reason": self.reason,
            "duration_s": round(self.duration_s, 3),
            "heard": [heard_json(interval) for interval in self.heard],
            "digits": self.digits,
            "digits_sent": self.digits_sent,
            "answered_at_s": round(self.answered_at_s, 3),
            "recording": None if self.recording is None else str(self.recording),
            "rtp": {
                "sent": self.rtp.packets_sent,
                "received": self.rtp.packets_received,
                "lost": self.rtp.packets_lost,
                "jitter_ms": round(self.rtp.jitter_ms, 3),
                "max_gap_ms": round(self.rtp.max_gap_ms, 3),
            },
            "srtp": self.srtp_suite,
            "headers": dict(self.headers),
        }


def heard_json(interval: HeardInterval) -> dict[str, Any]:
    """One interval; `frequency_hz` (the strongest) is null unless `kind` is "tone"."""
    return {
        "kind": interval.kind,
        "start_s": round(interval.start_s, 3),
        "end_s": round(interval.end_s, 3),
        "frequency_hz": interval.frequencies_hz[0] if interval.frequencies_hz else None,
        "frequencies_hz": list(interval.frequencies_hz),
        "level_dbfs": interval.level_dbfs,
    }


def verdict(ended: Ended, *, answered: bool) -> tuple[bool, int, str]:
    """(ok, code, reason) for the end of a leg."""
    if not answered:
        return False, ended.code, ended.reason
    if ended.by == "network" or ended.code not in CLEAN_CAUSES:
        return False, ended.code, ended.reason
    who = "hung up" if ended.by == "us" else "the peer hung up"
    told = ended.reason if ended.reason not in ("", "BYE") else ""
    return True, 200, f"{who}: {told}" if told else who
