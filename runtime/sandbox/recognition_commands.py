"""Commands about speech recognition."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.decisions.media_stream import MAX_CUSTOM
from runtime.sandbox.command import Command
from runtime.sandbox.schema import checked, flag, text_of, unit_field


@attrs.frozen(kw_only=True)
class CreateRecogniser(Command):
    """`wishes`: JSON for the recogniser. Without `interim` those results are left out."""

    op: ClassVar[str] = "asr.create"
    unit: int = unit_field()
    wishes: str = checked(text_of(MAX_CUSTOM, lines=True), "")
    interim: bool = checked(flag, False)


@attrs.frozen(kw_only=True)
class StopRecogniser(Command):
    op: ClassVar[str] = "asr.stop"
    unit: int = unit_field()


RECOGNITION_COMMANDS: Final[tuple[type[Command], ...]] = (CreateRecogniser, StopRecogniser)
