"""The mail relay of a simulation: it takes everything, until the test says otherwise."""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from runtime.decisions.mail import Mail, Sent, refuse_mail
from runtime.mail import MailRefused

RELAY: Final = "relay.sim"


class SimPost:
    """`sim.post`: what scenarios have sent."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        """What the relay has taken, in order."""
        self._answers: deque[Sent] = deque()
        self._host = RELAY

    def answers(self, code: int, error: str | None = None) -> None:
        """What the relay says to the next message that it has no answer for yet."""
        self._answers.append(Sent(code=code, error=error))

    def without_relay(self) -> None:
        """As where the operator has configured none."""
        self._host = ""

    async def send(self, mail: Mail, asked: str) -> Sent:
        await trio.lowlevel.checkpoint()
        why = refuse_mail(mail, asked=asked, host=self._host, senders=())
        if why is not None:
            raise MailRefused(why)
        answer = self._answers.popleft() if self._answers else Sent(code=250)
        if answer.error is None:
            self.sent.append(mail)
        return answer
