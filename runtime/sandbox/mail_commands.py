"""The command that sends mail."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.decisions.mail import MAX_ADDRESS, MAX_CONTENT, MAX_LIST, MAX_TITLE
from runtime.sandbox.command import Command
from runtime.sandbox.schema import MAX_NAME, checked, text_of, whole_number


@attrs.frozen(kw_only=True)
class SendMail(Command):
    """Net.sendMail. Settles with a ResponseFrame, or with an error when it is not taken.

    Lists of addresses have commas between them. `text_bytes` of text and then `html_bytes` of HTML
    follow at once, in BodyFrames with the number of this command.
    """

    op: ClassVar[str] = "mail.send"
    server: str = checked(text_of(MAX_NAME), "")
    sender: str = checked(text_of(MAX_ADDRESS, empty=False))
    to: str = checked(text_of(MAX_LIST, empty=False))
    cc: str = checked(text_of(MAX_LIST), "")
    bcc: str = checked(text_of(MAX_LIST), "")
    title: str = checked(text_of(MAX_TITLE), "")
    text_bytes: int = checked(whole_number(0, MAX_CONTENT), 0)
    html_bytes: int = checked(whole_number(0, MAX_CONTENT), 0)


MAIL_COMMANDS: Final[tuple[type[Command], ...]] = (SendMail,)
