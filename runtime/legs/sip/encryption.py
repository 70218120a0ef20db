"""Which calls are encrypted: the policy of the peer's trunk, or the one of `[rtp] srtp`.

Keys in a session description are worth as little as the signalling that carries them (RFC 4568
7.1.2: SDES needs protected signalling). That is said once for each trunk and once for all other
peers; or, if the operator wants it so, keys are neither taken nor given over other signalling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from sip.sdp import NegotiationError, SrtpPolicy

PROTECTED: Final[frozenset[str]] = frozenset({"tls", "wss"})
"""Transports of SIP that nobody on the way can read."""


NO_KEYS: Final = 302
"""Warning code "incompatible transport protocol" (RFC 3261 20.43), as for other SRTP refusals."""


@attrs.frozen
class Terms:
    """What a call may do; `plain_because` is for peers that insist on more."""

    policy: SrtpPolicy
    plain_because: str = ""


@attrs.define
class Encryption:
    """The operator's wishes, and who has been told of what they are worth."""

    policy: SrtpPolicy = SrtpPolicy.OFF
    """Of calls with peers that are no trunk, or whose trunk says nothing."""
    only_protected: bool = False
    """No keys over signalling that can be read on the way."""
    warn: Callable[[str], object] = lambda _: None
    """For the log."""
    _told: set[str] = attrs.field(factory=set, init=False)
    """Names of trunks, and "" for everybody else."""

    def terms(self, transport: str, trunk: SrtpPolicy | None) -> Terms:
        """What holds for a call signalled over `transport`, whose trunk has a wish or none.

        Raises NegotiationError where encryption is required and its keys may not travel so.
        """
        policy = trunk or self.policy
        if policy is SrtpPolicy.OFF or not self.only_protected or transport in PROTECTED:
            return Terms(policy)
        why = f"no SRTP keys over {transport.upper()} here, only over TLS ([rtp] srtp_keys)"
        if policy is SrtpPolicy.REQUIRED:
            raise NegotiationError(NO_KEYS, f"encryption is required, but {why}")
        return Terms(SrtpPolicy.OFF, why)

    def over(self, trunk: SrtpPolicy | None) -> Encryption:
        """What holds between a peer of this trunk and one that is no trunk: the stricter of two."""
        strict = trunk is SrtpPolicy.REQUIRED
        return attrs.evolve(self, policy=SrtpPolicy.REQUIRED) if strict else self

    def may_carry(self, transport: str) -> bool:
        """Whether keys may be said over this transport at all."""
        return transport in PROTECTED or not self.only_protected

    def exposure(self, transport: str, trunk: str) -> str | None:
        """What to say about keys that went over this transport; None when that was said.

        `trunk` is its name, "" for none.
        """
        if transport in PROTECTED or trunk in self._told:
            return None
        self._told.add(trunk)
        whose = f"trunk {trunk}" if trunk else "peers without trunk"
        text = (
            f"SRTP keys of calls with {whose} can be read on the way: they are signalled over "
            f"{transport.upper()}; use TLS where the peer has it"
        )
        self.warn(text)
        return text
