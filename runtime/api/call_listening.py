"""The part of Call that listens to the peer: beeps, voice, progress tones, stream figures."""

from __future__ import annotations

from typing import Any, Final, cast

from runtime.api.call_transfers import CallTransfers
from runtime.api.handle import CommandHandle
from runtime.api.options import flag, merge, text
from runtime.sandbox.listening_commands import (
    DetectBeep,
    DetectProgressTone,
    HandleMicStatus,
    MonitorStatistics,
    StopBeepDetection,
)

BEEP_OPTIONS: Final = ("frequencies", "timeout")
LONGEST_BEEP_S: Final = 120
STATISTICS_OPTIONS: Final = ("interval", "monitor")
SHORTEST_S: Final = 3
LONGEST_S: Final = 10
"""VoxEngine's range of the interval."""


class CallListening(CallTransfers):
    """What can be found out about what the peer says."""

    __slots__ = ()

    def enableBeepDetection(self, *parameters: object, **options: object) -> CommandHandle:
        """Listen for the beep of an answering machine, once, from now or from Connected on.

        BeepDetectionComplete follows: `timeout` is None and `frequencies` holds what was heard as
        soon as the beep is over; True when `timeout` milliseconds have passed (1 to 120,000,
        default 20,000); False after disableBeepDetection. BeepDetectionError when the engine
        listens to too many calls. VoicemailToneDetected or VoicemailToneNotDetected tells the same
        by its older name, right after. Options, as keywords or one dict: frequencies, in Hz, 350 to
        2200, each met to 20 Hz (default: any), timeout. A second call begins anew. Raises
        ValueError and TypeError for other values. VoxEngine reference: Call.enableBeepDetection.
        """
        what = "Call.enableBeepDetection"
        given = merge(what, BEEP_OPTIONS, parameters, options)
        frequencies = given.get("frequencies", ())
        if not isinstance(frequencies, list | tuple):
            kind = type(frequencies).__name__
            raise TypeError(f"{what}(): frequencies must be a list of numbers, not {kind}")
        wanted = list(cast("list[Any]", frequencies))
        fields = {"timeout_ms": given["timeout"]} if "timeout" in given else {}
        spelled = {"timeout_ms": "timeout"}
        return self._command(
            "enableBeepDetection", DetectBeep, spelled, frequencies=wanted, **fields
        )

    def disableBeepDetection(self) -> CommandHandle:
        """End enableBeepDetection: BeepDetectionComplete(timeout=False) follows if it was on.

        VoxEngine reference: Call.disableBeepDetection.
        """
        return self._command("disableBeepDetection", StopBeepDetection)

    def detectVoicemailTone(self, timeout: float = 20) -> CommandHandle:
        """The older name of enableBeepDetection, for any beep, with `timeout` in seconds.

        VoicemailToneDetected(frequency) or VoicemailToneNotDetected follows, right after
        BeepDetectionComplete. Raises ValueError and TypeError unless it is 0.001 to 120 seconds.
        VoxEngine reference: none any more; older scripts have it.
        """
        what = "Call.detectVoicemailTone"
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            kind = type(timeout).__name__
            raise TypeError(f"{what}(): timeout must be a number of seconds, not {kind}")
        if not 0.001 <= timeout <= LONGEST_BEEP_S:
            raise ValueError(
                f"{what}(): timeout must be 0.001 to {LONGEST_BEEP_S} seconds, not {timeout}"
            )
        return self._command(
            "detectVoicemailTone", DetectBeep, frequencies=[], timeout_ms=round(timeout * 1000)
        )

    def handleMicStatus(self, handle: bool) -> CommandHandle:
        """With True, MicStatusChange tells whenever the peer begins to speak (after 60 ms of
        voice) and when it has stopped (after 500 ms without); off at first.

        VoxEngine reference: Call.handleMicStatus.
        """
        wanted = flag("Call.handleMicStatus", "handle", handle)
        self._listening = wanted
        return self._command("handleMicStatus", HandleMicStatus, handle=wanted)

    def vad(self) -> bool:
        """Whether voice activity is being detected on this call: handleMicStatus(True) is on.

        VoxEngine reference: Call.vad.
        """
        return self._listening

    def detectProgressTone(self, country: str) -> CommandHandle:
        """Listen for the dial, ringback, busy and congestion tones of a country ("US", "DE", ...).

        ToneDetected follows once, after Connected: a steady tone after two seconds, another one
        when its cadence is certain. Refused for a country that is not known. VoxEngine reference:
        Call.detectProgressTone (deprecated).
        """
        name = text("Call.detectProgressTone", "country", country)
        return self._command("detectProgressTone", DetectProgressTone, country=name)

    def monitorMediaStatistics(self, *parameters: object, **options: object) -> CommandHandle:
        """Fire MediaStatisticsReceived every `interval` seconds (3 to 10) while connected.

        Options, as keywords or one dict: interval (default 5), monitor (False ends it). Raises
        ValueError for another interval. VoxEngine reference: Call.monitorMediaStatistics.
        """
        what = "Call.monitorMediaStatistics"
        given = merge(what, STATISTICS_OPTIONS, parameters, options)
        interval = given.get("interval", 5)
        if isinstance(interval, bool) or not isinstance(interval, int | float):
            kind = type(interval).__name__
            raise TypeError(f"{what}(): interval must be a number of seconds, not {kind}")
        if not SHORTEST_S <= interval <= LONGEST_S:
            raise ValueError(
                f"{what}(): interval must be {SHORTEST_S} to {LONGEST_S} seconds, not {interval}"
            )
        wanted = interval if flag(what, "monitor", given.get("monitor", True)) else 0
        return self._command("monitorMediaStatistics", MonitorStatistics, interval_s=wanted)
