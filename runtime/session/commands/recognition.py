"""What a script may ask of speech recognition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.problems import Commands
from runtime.sandbox.recognition_commands import CreateRecogniser, StopRecogniser
from runtime.session.commands.table import DONE, CommandRefused, Handler
from runtime.session.context import SessionContext
from runtime.session.recogniser import Recogniser


def create(session: SessionContext, command: CreateRecogniser, _: int) -> bool:
    recogniser, most = Recogniser(session), session.settings.limits.recognisers
    room = len(session.units.of(Recogniser)) < most
    session.units.claim(command.unit, recogniser)
    if not room:
        session.units.drop(command.unit)
        why = f"ASR limit reached: a session has at most {most} at once; stop one first"
        session.events.emit("ASR.Error", unit=command.unit, fields={"error": why})
        raise CommandRefused(Commands.TOO_MANY, why)
    recogniser.open(command.unit, command)
    return DONE


def stop(session: SessionContext, command: StopRecogniser, _: int) -> bool:
    session.units.find(command.unit, Recogniser).stop()
    return DONE


RECOGNITION_COMMANDS: Final[Mapping[str, Handler]] = {
    CreateRecogniser.op: create,
    StopRecogniser.op: stop,
}
