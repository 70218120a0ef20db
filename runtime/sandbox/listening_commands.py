"""Commands about what the peer of a call says: beeps, voice, progress tones, machines, figures."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.sandbox.command import Command
from runtime.sandbox.schema import checked, flag, number, numbers, text_of, unit_field, whole_number


@attrs.frozen(kw_only=True)
class DetectBeep(Command):
    """No frequencies = any from 350 to 2200 Hz. `Call.BeepDetectionComplete` follows."""

    op: ClassVar[str] = "call.beep"
    unit: int = unit_field()
    frequencies: list[float] = checked(numbers(350, 2200, 16))
    timeout_ms: int = checked(whole_number(1, 120_000), 20_000)


@attrs.frozen(kw_only=True)
class StopBeepDetection(Command):
    op: ClassVar[str] = "call.beep_stop"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class HandleMicStatus(Command):
    op: ClassVar[str] = "call.mic"
    unit: int = unit_field()
    handle: bool = checked(flag)


@attrs.frozen(kw_only=True)
class DetectProgressTone(Command):
    op: ClassVar[str] = "call.progress"
    unit: int = unit_field()
    country: str = checked(text_of(8, empty=False))


@attrs.frozen(kw_only=True)
class DetectMachine(Command):
    """Judge who answered; `detector` is the handle of the script's AMD object."""

    op: ClassVar[str] = "call.amd"
    unit: int = unit_field()
    detector: int = unit_field()
    timeout_ms: int = checked(whole_number(0, 20_000), 6_500)


@attrs.frozen(kw_only=True)
class MonitorStatistics(Command):
    """`interval_s` 0 ends it."""

    op: ClassVar[str] = "call.statistics"
    unit: int = unit_field()
    interval_s: float = checked(number(0, 10))


LISTENING_COMMANDS: Final[tuple[type[Command], ...]] = (
    DetectBeep,
    StopBeepDetection,
    HandleMicStatus,
    DetectProgressTone,
    DetectMachine,
    MonitorStatistics,
)
