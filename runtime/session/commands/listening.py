"""What a script may want to know of a call's audio: beeps, voices, machines, tones, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.problems import Commands
from runtime.media.detect.progress import PLANS, country_code
from runtime.sandbox.listening_commands import (
    DetectBeep,
    DetectMachine,
    DetectProgressTone,
    HandleMicStatus,
    MonitorStatistics,
    StopBeepDetection,
)
from runtime.session.commands.table import DONE, CommandRefused, Handler, find_audible, find_call
from runtime.session.context import SessionContext

SHORTEST_S: Final = 3
"""VoxEngine's least interval of statistics."""


def beep(session: SessionContext, command: DetectBeep, _: int) -> bool:
    call = find_audible(session, command.unit, "enableBeepDetection()")
    call.detection.beep(command.frequencies, command.timeout_ms)
    return DONE


def no_beep(session: SessionContext, command: StopBeepDetection, _: int) -> bool:
    find_call(session, command.unit).detection.no_beep()
    return DONE


def mic_status(session: SessionContext, command: HandleMicStatus, _: int) -> bool:
    call = find_audible(session, command.unit, "handleMicStatus()")
    call.detection.voice(command.handle)
    return DONE


def progress(session: SessionContext, command: DetectProgressTone, _: int) -> bool:
    country = country_code(command.country)
    if country is None:
        known = ", ".join(sorted(PLANS))
        raise CommandRefused(
            Commands.BAD_ARGUMENT,
            f"detectProgressTone({command.country!r}): this country is not known, only: {known}",
        )
    call = find_audible(session, command.unit, "detectProgressTone()")
    call.detection.progress(country)
    return DONE


def machine(session: SessionContext, command: DetectMachine, _: int) -> bool:
    call = find_audible(session, command.unit, "amd")
    session.units.claim(command.detector, call.detection)
    if not call.detection.machine(command.detector, command.timeout_ms):
        session.units.drop(command.detector)
        raise CommandRefused(
            Commands.WRONG_MOMENT, "amd: a detector listens to this call already; it goes on"
        )
    return DONE


def statistics(session: SessionContext, command: MonitorStatistics, _: int) -> bool:
    if 0 < command.interval_s < SHORTEST_S:
        raise CommandRefused(
            Commands.BAD_ARGUMENT,
            f"monitorMediaStatistics(): interval is {command.interval_s:g} s, and must be 3 to 10",
        )
    call = find_audible(session, command.unit, "monitorMediaStatistics()")
    call.detection.monitor(command.interval_s)
    return DONE


LISTENING_COMMANDS: Final[Mapping[str, Handler]] = {
    DetectBeep.op: beep,
    StopBeepDetection.op: no_beep,
    HandleMicStatus.op: mic_status,
    DetectProgressTone.op: progress,
    DetectMachine.op: machine,
    MonitorStatistics.op: statistics,
}
