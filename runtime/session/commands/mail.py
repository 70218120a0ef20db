"""What a script may ask of the world: mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.problems import Commands
from runtime.mail import MailRefused
from runtime.sandbox.mail_commands import SendMail
from runtime.session.commands.table import LATER, CommandRefused, Handler
from runtime.session.context import SessionContext


def send(session: SessionContext, command: SendMail, req: int) -> bool:
    try:
        session.mail.take(command, req)
    except MailRefused as exc:
        raise CommandRefused(Commands.TOO_MANY, str(exc)) from exc
    return LATER


MAIL_COMMANDS: Final[Mapping[str, Handler]] = {SendMail.op: send}
