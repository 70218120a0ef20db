"""SUBSCRIBE for a mailbox at the user agent: its response, and what follows it (RFC 3842, 6665).

What a phone may ask for and when it is told is decided in `sip.mailbox`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sip.address import Flow
from sip.dialog import HeaderItems
from sip.mailbox import Refused, Subscriptions, Taken
from sip.message import Request
from sip.registrar import User
from sip.transaction import ServerKey

from .screening import Verdict

if TYPE_CHECKING:
    from .agent import UserAgent


RESTART_S: Final = 30
"""When phones may subscribe again to an endpoint that closes: a restart is over by then."""


class Mailboxes:
    """The subscriptions of one agent's users."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self.subscriptions = Subscriptions(agent)

    def take(
        self, user: User, key: ServerKey, request: Request, flow: Flow, now: float
    ) -> Verdict | None:
        """Answer a SUBSCRIBE that `user` has proven, in its transaction; why it was refused."""
        agent, tag = self._agent, self._agent.ids.tag()
        result = self._subscribe(user, request, flow, tag, now)
        status, why, headers = _answer(result)
        contact = agent.outbound.contact_on(flow, request)
        response = agent.replies.build(
            request, status, None, why=why, contact=contact, to_tag=tag, headers=headers
        )
        agent.absorb(agent.layer.respond(key, response, now) or [], now)
        if isinstance(result, Taken):
            self.subscriptions.tell_first(result, now)
            return None
        return Verdict(status=result.status, reason=result.reason)

    def _subscribe(
        self, user: User, request: Request, flow: Flow, tag: str, now: float
    ) -> Taken | Refused:
        if not user.registers:
            return Refused(status=403, reason=f"{user.name} may call, and not subscribe")
        number = self._agent.ids.number()
        return self.subscriptions.subscribe(user, request, flow, now, tag=tag, number=number)

    def end(self, users: Iterable[str], now: float) -> None:
        """Users who are gone, or have another secret: their phones may prove who they are anew."""
        for user in users:
            self.subscriptions.end(user, "deactivated", now)

    def leave(self, now: float) -> None:
        """The endpoint closes (RFC 6665 4.1.3: try again later)."""
        self.subscriptions.end_all(f"probation;retry-after={RESTART_S}", now)


def _answer(result: Taken | Refused) -> tuple[int, str | None, HeaderItems]:
    """Status, why, and headers."""
    if isinstance(result, Taken):
        return 200, None, (("Expires", str(result.expires_s)),)
    return result.status, result.reason, result.headers
