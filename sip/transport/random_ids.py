"""The real source of ids: the system's random numbers (RFC 3261 8.1.1.4, 19.3: unguessable)."""

from __future__ import annotations

import random
import secrets

_FIRST_NUMBER = 2**20
"""A first CSeq below this leaves room to count up to 2**31 for any dialog."""


class RandomIds:
    """`sip.dialog.IdSource` with 64 to 96 random bits for each id."""

    def branch(self) -> str:
        return secrets.token_hex(10)

    def tag(self) -> str:
        return secrets.token_hex(8)

    def call_id(self) -> str:
        return secrets.token_hex(12)

    def cnonce(self) -> str:
        return secrets.token_hex(8)

    def number(self) -> int:
        return 1 + secrets.randbelow(_FIRST_NUMBER)

    def fraction(self) -> float:
        return random.random()
