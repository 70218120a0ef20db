"""Users, their phones and their mailboxes; they can be named before there is a user agent.

What was named last before `run` is what the user agent begins with.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import trio

from sip.agent import EndpointSettings, UserAgent
from sip.driver import Driver
from sip.mailbox import MailboxState
from sip.registrar import Binding, Registrar, User

from .lifecycle import Lifecycle


class Members:
    """Who belongs to one endpoint."""

    def __init__(self, settings: EndpointSettings, driver: Driver, life: Lifecycle) -> None:
        self.settings = settings
        """With the users as they are now."""
        self._driver = driver
        self._life = life
        self._mailboxes: dict[str, MailboxState] = {}
        """Until there is a user agent, which knows them then."""

    def join(self, agent: UserAgent) -> None:
        """Tell a new user agent what waits for whom; the users are in its settings."""
        for user, state in self._mailboxes.items():
            agent.mailboxes.subscriptions.set_state(user, state, trio.current_time())

    def set_users(self, users: Mapping[str, User]) -> None:
        if self.settings.registrar is None:
            raise ValueError("set_users(): the endpoint was made without a registrar")
        registrar = attrs.evolve(self.settings.registrar, users=users)
        self.settings = attrs.evolve(self.settings, registrar=registrar)
        agent = self._life.agent
        if agent is not None:
            self._driver.enter(lambda now: agent.set_users(users, now))

    def set_mailbox(self, user: str, state: MailboxState) -> None:
        agent = self._life.agent
        if agent is None:
            self._mailboxes[user] = state
        else:
            subscriptions = agent.mailboxes.subscriptions
            self._driver.enter(lambda now: subscriptions.set_state(user, state, now))

    def bindings(self, user: str) -> tuple[Binding, ...]:
        registrar = self._registrar()
        return () if registrar is None else registrar.bindings(user, trio.current_time())

    def registrations(self) -> tuple[Binding, ...]:
        registrar = self._registrar()
        return () if registrar is None else registrar.everybody(trio.current_time())

    def _registrar(self) -> Registrar | None:
        agent = self._life.agent
        return None if agent is None else agent.members.registrar
