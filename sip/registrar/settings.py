"""Who may register, and the bounds of what a registrar keeps, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

MIN_EXPIRES_S: Final = 60
"""A phone that refreshes more often than each 30 s costs more than it tells."""
MAX_EXPIRES_S: Final = 3_600
"""A phone that vanished is rung for an hour at most."""
DEFAULT_EXPIRES_S: Final = 3_600
"""RFC 3261 10.2.1.1: what a phone means that does not say."""
MAX_CONTACTS: Final = 5
"""Of one user, by default: desk, mobile, soft phone, and a spare or two."""
MAX_CONTACTS_EVER: Final = 12
"""Whatever is configured: a call rings them all at once."""
MAX_PER_ADDRESS: Final = 500
"""Bindings from one address, loopback excepted: an office behind one NAT has fewer phones."""
MAX_BINDINGS: Final = 10_000
"""All together, some 2 KiB each."""
MAX_CONTACT_CHARS: Final = 512
"""Of a Contact URI with its parameters; WebSocket phones with instance ids stay below 300."""
RETRY_AFTER_S: Final = 60
"""What a phone is told when there is no room: others expire meanwhile."""


@attrs.frozen(kw_only=True)
class User:
    """Somebody who may register and call."""

    name: str
    """User part of the address, and the digest username."""
    secrets: Mapping[str, str] = attrs.field(repr=False)
    """H(A1) by algorithm, in hexadecimal."""
    display_name: str = ""
    max_contacts: int = MAX_CONTACTS
    registers: bool = True
    """False for whoever may only call: a trunk."""


@attrs.frozen(kw_only=True)
class RegistrarSettings:
    realm: str
    users: Mapping[str, User]
    algorithms: tuple[str, ...]
    """Offered in challenges, in this order; every user has secrets for all of them."""
    min_expires_s: int = MIN_EXPIRES_S
    max_expires_s: int = MAX_EXPIRES_S
    challenge_calls: bool = True
    """Whether a call over a registered flow has to prove its user again."""
