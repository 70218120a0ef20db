"""Digest authentication as a server: challenges, and whether an answer is right (RFC 7616, 8760).

Rules: MD5 and SHA-256 are both offered; a challenge keeps no state; an answer that is right for a
nonce of another time is stale, not wrong; an unknown user costs the same as a wrong password, so
that nobody learns which names exist.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Mapping
from typing import Final

from sip.message import Request
from sip.message.scan import quote

from .answer import DigestAnswer
from .digest import response_for
from .nonces import LIFETIME_S, Nonces, NonceState

OFFERED: Final = ("MD5", "SHA-256")
"""In this order, because phones from before RFC 8760 look at the first challenge alone and give up
when it is not MD5 (baresip 1.0 and sipsak 0.9.8 do). No phone has SHA-512-256."""

KNOW_MD5_ALONE: Final = ("baresip v0.", "baresip v1.", "baresip v2.")
"""Begins of User-Agent of phones that give up when a challenge of another kind stands beside MD5,
wherever it stands (baresip 1.0 does)."""

_NOBODY: Final = "0" * 64
"""The secret of users that do not exist: no answer matches it, yet it costs the same to check."""


class Proof(enum.Enum):
    RIGHT = "right"
    STALE = "right, for a nonce that may not be used (again)"
    WRONG = "wrong"


class DigestServer:
    """Challenges and checks the requests of one realm."""

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        algorithms: tuple[str, ...] = OFFERED,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        self.realm = realm
        self._algorithms = algorithms
        self.nonces = Nonces(secret, lifetime_s=lifetime_s)

    def challenges(
        self, source: str, salt: str, now: float, *, stale: bool = False, user_agent: str = ""
    ) -> tuple[tuple[str, str], ...]:
        """WWW-Authenticate lines for a request from the host `source`; `salt` is random."""
        offered = self._algorithms
        if "MD5" in offered and user_agent.startswith(KNOW_MD5_ALONE):
            offered = ("MD5",)
        nonce = self.nonces.issue(source, salt, now)
        end = ", stale=true" if stale else ""
        head = f"Digest realm={quote(self.realm)}, nonce={quote(nonce)}"
        return tuple(
            ("WWW-Authenticate", f'{head}, algorithm={name}, qop="auth"{end}') for name in offered
        )

    def check(
        self,
        request: Request,
        answer: DigestAnswer,
        secrets: Mapping[str, str] | None,
        source: str,
        now: float,
    ) -> Proof:
        """Whether `answer` proves who sent `request`; a right answer is used up by it.

        The URI that counts is the answer's: proxies rewrite that of the request, and some
        clients, SIPp among them, name its host alone (RFC 3261 22.4). An answer to another request
        it still cannot be, because each works once, for one method and from one address.

        `secrets` holds H(A1) by algorithm; None for a user that does not exist.
        """
        name = answer.algorithm
        if name not in self._algorithms:
            return Proof.WRONG
        expected = response_for(
            name,
            (secrets or {}).get(name, _NOBODY),
            answer.nonce,
            f"{answer.nc:08x}:{answer.cnonce}",
            answer.qop,
            request.method,
            answer.uri,
            request.body,
        )
        given = answer.response.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected.encode()) or not secrets:
            return Proof.WRONG
        if self.nonces.state(answer.nonce, source, now) is not NonceState.GOOD:
            return Proof.STALE
        is_new = self.nonces.spend(answer.nonce, answer.nc, source, now)
        return Proof.RIGHT if is_new else Proof.STALE
