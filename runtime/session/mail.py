"""The mail of one session: at most `mail_active` messages on their way, the others wait in order.

A message is a command whose text follows in pieces, as the body of an HTTP request does. What is on
its way when the session ends is still given to the relay; nobody is told of it any more.
"""

from __future__ import annotations

from collections import deque
from functools import partial

import attrs
import trio

from runtime.decisions.limits import Limits
from runtime.decisions.mail import Mail, Sent, address, addresses, title
from runtime.decisions.problems import Commands
from runtime.mail import MailPort, MailRefused
from runtime.sandbox.frames import BodyFrame, ResponseFrame
from runtime.sandbox.mail_commands import SendMail
from runtime.sandbox.wire import ProtocolError
from runtime.session.events import Events
from runtime.session.tasks import Tasks
from runtime.session.timeline import Timeline


@attrs.define(eq=False)
class _Letter:
    """One message, from its command to its answer."""

    req: int
    command: SendMail
    content: bytearray = attrs.field(factory=bytearray, repr=False)

    @property
    def whole(self) -> bool:
        return len(self.content) == self.command.text_bytes + self.command.html_bytes

    def mail(self) -> Mail:
        """Raises ValueError for addresses that are none, and for what is no text."""
        command, content = self.command, bytes(self.content)
        return Mail(
            sender=address(command.sender),
            to=addresses(command.to),
            cc=addresses(command.cc),
            bcc=addresses(command.bcc),
            title=title(command.title),
            text=content[: command.text_bytes].decode(),
            html=content[command.text_bytes :].decode(),
        )


class MailDesk:
    """Takes a session's mail."""

    def __init__(
        self, port: MailPort, limits: Limits, *, events: Events, timeline: Timeline, tasks: Tasks
    ) -> None:
        self._port = port
        self._limits = limits
        self._events = events
        self._timeline = timeline
        self._tasks = tasks
        self._waiting: deque[_Letter] = deque()
        self._active = 0

    def take(self, command: SendMail, req: int) -> None:
        """Take one message. Raises MailRefused."""
        limits = self._limits
        if self._active + len(self._waiting) >= limits.mail_active + limits.mail_queued:
            raise MailRefused(
                f"Exceeded the SMTP connection count limit! {limits.mail_active} messages are on "
                f"their way and {limits.mail_queued} wait"
            )
        self._waiting.append(_Letter(req, command))
        self._start_next()

    def piece(self, frame: BodyFrame) -> None:
        """A piece of a message; of one that was refused it is ignored."""
        letter = next((each for each in self._waiting if each.req == frame.req), None)
        if letter is None:
            return
        letter.content += frame.content
        if len(letter.content) > letter.command.text_bytes + letter.command.html_bytes:
            raise ProtocolError(f"the text of mail {frame.req} is longer than was said")
        self._start_next()

    def _start_next(self) -> None:
        while self._active < self._limits.mail_active and self._waiting:
            if not self._waiting[0].whole:  # its pieces are right behind it
                return
            self._active += 1
            self._tasks.start(partial(self._run, self._waiting.popleft()))

    async def _run(self, letter: _Letter) -> None:
        began = trio.current_time()
        kind, problem = "mail", None
        try:
            mail = letter.mail()
            sent = await self._port.send(mail, letter.command.server)
        except (MailRefused, ValueError) as exc:
            kind, problem = "refusal", Commands.MAIL_NOT_TAKEN.number
            sent = Sent(code=0, error=str(exc))
        finally:
            self._active -= 1
        self._timeline.record(
            kind,
            f"mail: {sent.code}",
            request=letter.req,
            seconds=round(trio.current_time() - began, 3),
            bytes=len(letter.content),
            error=sent.error,
            problem=problem,
        )
        await self._events.room()
        self._events.respond(ResponseFrame(req=letter.req, code=sent.code, error=sent.error))
        self._start_next()
