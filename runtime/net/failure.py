"""How a request can fail: the platform's result codes, and the exception that carries one."""

from __future__ import annotations

import enum


class Failure(enum.IntEnum):
    """Result codes of Net.httpRequest (voxengine.md 1.9) where there is no HTTP status."""

    RULE = 0
    """A limit or a rule of the runtime forbids it; nothing was sent."""
    MALFORMED_URL = -2
    HOST_NOT_FOUND = -3
    CONNECTION = -4
    """The host refuses, presents a certificate that does not hold, or may not be reached."""
    TOO_MANY_REDIRECTS = -5
    NETWORK = -6
    """The connection broke, or what came is not HTTP."""
    TIMEOUT = -7
    INTERNAL = -8
    """This machine is out of something."""
    TOO_LARGE = -9


class FetchError(Exception):
    """A request that failed; str() says why, for the author of a script."""

    def __init__(self, failure: Failure, why: str) -> None:
        super().__init__(why)
        self.failure = failure


class FetchRefused(FetchError):
    """The runtime did not make the request: an address rule, or a secret's."""
