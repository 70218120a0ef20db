"""The client's side of digest authentication over the life of a dialog or registration.

Rules: one answer per challenge; a fresh answer that is refused means wrong credentials and
ends it; a stale nonce, or one reused from an earlier request that the server has forgotten,
is answered again. Whatever servers say, the tries of one request are bounded.
"""

from __future__ import annotations

from typing import Final

import attrs

from sip.message import MessageError, Request, Response
from sip.message.scan import split_outside_quotes

from .challenge import Challenge, choose_challenge, parse_challenges, parse_parameter
from .digest import Credentials, authorization

MAX_TRIES: Final = 6
"""Of one request: a proxy, the server behind it, and a stale nonce from each make four."""

MAX_REALMS: Final = 8
"""Servers and proxies of one path that want credentials; more is nobody's network."""

_ANSWERS: Final = {401: ("WWW-Authenticate", "Authorization")}
_PROXY_ANSWER: Final = ("Proxy-Authenticate", "Proxy-Authorization")
_ANSWERING: Final = ("Authorization", "Proxy-Authorization")


@attrs.define
class _Known:
    """A challenge that we answer, and how often we did."""

    challenge: Challenge
    nc: int = 0


class DigestClient:
    """Remembers challenges and counts; one for each dialog or registration."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._known: dict[tuple[str, str], _Known] = {}  # by header name and realm
        self._tries = 0
        self._retrying = False

    def challenged(self, request: Request, response: Response) -> bool:
        """Take in a 401 or 407; True when `request` deserves another try.

        False means: no challenge that we can answer, or our credentials were refused.
        """
        if not any(name in request.headers for name in _ANSWERING):
            self._tries = 0  # the first try of its request
        asking, answering = _ANSWERS.get(response.status, _PROXY_ANSWER)
        try:
            challenges = parse_challenges(response.headers.lines(asking))
        except MessageError:
            return False
        retry = False
        for realm in dict.fromkeys(challenge.realm for challenge in challenges):
            chosen = choose_challenge(c for c in challenges if c.realm == realm)
            key = answering, realm
            has_room = key in self._known or len(self._known) < MAX_REALMS
            if chosen is not None and has_room and self._is_news(request, answering, chosen):
                self._known[key] = _Known(chosen)
                retry = True
        self._tries += 1
        self._retrying = retry and self._tries <= MAX_TRIES
        return self._retrying

    def authorize(self, request: Request, cnonce: str) -> None:
        """Put the answers to all known challenges into `request`, in place of older ones."""
        if not self._retrying:
            self._tries = 0  # another request, authorized before it is asked to
        self._retrying = False
        for name in dict.fromkeys(name for name, _ in self._known):
            request.headers.remove(name)
        for (name, _), known in self._known.items():
            known.nc += 1
            value = authorization(
                known.challenge,
                self._credentials,
                request.method,
                request.uri,
                cnonce,
                known.nc,
                request.body,
            )
            request.headers.add(name, value)

    def _is_news(self, request: Request, answering: str, challenge: Challenge) -> bool:
        """Whether answering this challenge can have another outcome than the last time."""
        sent = _sent_answer(request, answering, challenge.realm)
        if sent is None:
            return True
        nonce, count = sent
        # A nonce used before may have run out without the server calling it stale.
        return nonce != challenge.nonce and (challenge.stale or count > 1)


def _sent_answer(request: Request, name: str, realm: str) -> tuple[str, int] | None:
    """Nonce and count of the answer to `realm` that the request carried."""
    for line in request.headers.lines(name):
        fields = line.partition(" ")[2]
        try:
            answer = dict(parse_parameter(field) for field in split_outside_quotes(fields, ","))
            if answer.get("realm") == realm:
                return answer.get("nonce", ""), int(answer.get("nc", "1"), 16)
        except ValueError:
            continue  # not written by us: a script may put any header into its request
    return None
