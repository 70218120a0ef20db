"""Which session an access URL belongs to: the URL's secret is all that who asks must know.

Tokens of sessions that are over are remembered for a while, so that who asks learns that it is too
late. Whatever else is asked is answered as if nothing were there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import attrs

from runtime.decisions.access import AccessRefused, session_is_over
from runtime.decisions.problems import Http
from runtime.session.access import AccessDesk
from runtime.session.incoming_sockets import IncomingSockets

REMEMBERED: Final = 2_000
"""Tokens of ended sessions; each takes some hundred bytes."""


@attrs.frozen
class Reachable:
    """What an access URL leads to."""

    requests: AccessDesk
    sockets: IncomingSockets


class AccessBook:
    """Token -> what can be reached of its session."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self.new_token = new_token
        self._live: dict[str, Reachable] = {}
        self._over: OrderedDict[str, None] = OrderedDict()

    def open(self, token: str, session: Reachable) -> None:
        self._live[token] = session

    def close(self, token: str) -> None:
        """The session is over."""
        if self._live.pop(token, None) is not None:
            self._over[token] = None
            while len(self._over) > REMEMBERED:
                self._over.popitem(last=False)

    def find(self, token: str) -> Reachable:
        """Raises AccessRefused."""
        session = self._live.get(token)
        if session is not None:
            return session
        if token in self._over:
            raise session_is_over()
        raise AccessRefused(Http.NO_ACCESS_URL, "nothing is served here")
