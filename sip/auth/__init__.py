"""Digest authentication, as client and as server (RFC 2617, 7616, 8760). Pure; no I/O."""

from .answer import DigestAnswer as DigestAnswer
from .answer import answer_in as answer_in
from .challenge import Challenge as Challenge
from .challenge import choose_challenge as choose_challenge
from .challenge import parse_challenges as parse_challenges
from .client import DigestClient as DigestClient
from .digest import Credentials as Credentials
from .digest import authorization as authorization
from .digest import secret_of as secret_of
from .lockout import Lockout as Lockout
from .nonces import Nonces as Nonces
from .nonces import NonceState as NonceState
from .server import OFFERED as OFFERED
from .server import DigestServer as DigestServer
from .server import Proof as Proof

__all__ = [
    "OFFERED",
    "Challenge",
    "Credentials",
    "DigestAnswer",
    "DigestClient",
    "DigestServer",
    "Lockout",
    "NonceState",
    "Nonces",
    "Proof",
    "answer_in",
    "authorization",
    "choose_challenge",
    "parse_challenges",
    "secret_of",
]
