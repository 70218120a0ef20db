"""Digest authentication as a client (RFC 2617, 7616, 8760). Pure; no I/O."""

from .challenge import Challenge as Challenge
from .challenge import choose_challenge as choose_challenge
from .challenge import parse_challenges as parse_challenges
from .client import DigestClient as DigestClient
from .digest import Credentials as Credentials
from .digest import authorization as authorization

__all__ = [
    "Challenge",
    "Credentials",
    "DigestClient",
    "authorization",
    "choose_challenge",
    "parse_challenges",
]
