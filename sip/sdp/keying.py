"""Whether a stream is encrypted, and under which of the offered keys (RFC 4568 5, 7.1).

Rules: what the operator requires is never given up; otherwise we answer in kind, and an offer that
leaves the choice (RTP/AVP with a=crypto) becomes encrypted. The offerer's order of suites wins. A
stream is never half secure: a peer that names a key we cannot use is refused, not sent plain RTP.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import attrs

from .agreement import MediaCapabilities, SrtpAgreement, SrtpPolicy
from .crypto import Crypto, CryptoError, SrtpKey
from .error import NegotiationError, quoted
from .limits import MAX_CRYPTO_LINES
from .lines import Attribute
from .media import MediaDescription

PLAIN: Final = "RTP/AVP"
SECURE: Final = "RTP/SAVP"
_PLAIN_PROTOCOLS: Final = frozenset({PLAIN, "RTP/AVPF"})
"""AVPF only allows earlier RTCP (RFC 4585 4)."""
_SECURE_PROTOCOLS: Final = frozenset({SECURE, "RTP/SAVPF"})
_BAD_PROTOCOL: Final = 302
"""Warning code "incompatible transport protocol" (RFC 3261 20.43)."""
_CRYPTO: Final = "crypto"
_NOT_OFFERED: Final = "AES_CM_128_HMAC_SHA1_32"
"""Who has the short authentication tag has the long one, too (mandatory by RFC 4568 6.2.1), and a
line takes some 90 of the 1300 octets that an INVITE over UDP may have (RFC 3261 18.1.1)."""


class _Wish(enum.Enum):
    """What the m= line and the a=crypto lines of a stream ask for."""

    PLAIN = enum.auto()
    EITHER = enum.auto()
    SECURE = enum.auto()


@attrs.frozen
class Chosen:
    """The a=crypto line of the peer that counts, and our key beside it."""

    theirs: Crypto
    ours: SrtpKey

    @property
    def agreement(self) -> SrtpAgreement:
        return SrtpAgreement(local=self.ours, remote=self.theirs.key)

    @property
    def attribute(self) -> Attribute:
        """Our line in the answer: their tag and suite, our key."""
        return Attribute(_CRYPTO, str(Crypto(self.theirs.tag, self.ours)))


# --- offers -------------------------------------------------------------------------------------


def offered_protocol(policy: SrtpPolicy, earlier: MediaDescription | None) -> str:
    """Of the stream in our offer; `earlier` is how we described it last.

    Where encryption is optional, RTP/AVP with a=crypto is what most peers understand: those that
    cannot encrypt read over the keys, while most of them refuse RTP/SAVP altogether.
    """
    if policy is not SrtpPolicy.OFF and earlier and earlier.protocol in _SECURE_PROTOCOLS:
        return earlier.protocol
    return SECURE if policy is SrtpPolicy.REQUIRED else PLAIN


def offered_attributes(policy: SrtpPolicy, keys: Sequence[SrtpKey]) -> tuple[Attribute, ...]:
    """Our a=crypto lines, in our order of preference."""
    if policy is SrtpPolicy.OFF:
        return ()
    if not keys:
        raise ValueError("make_offer(): SRTP is on, but LocalMedia has no keys to offer")
    offered = [key for key in keys if key.suite != _NOT_OFFERED]
    return tuple(
        Attribute(_CRYPTO, str(Crypto(str(number), key))) for number, key in enumerate(offered, 1)
    )


# --- answers ------------------------------------------------------------------------------------


def choose(
    offered: MediaDescription, caps: MediaCapabilities, keys: Sequence[SrtpKey]
) -> Chosen | None:
    """The offered key that we take; None for plain RTP. NegotiationError when neither will do."""
    wish, policy = _wish(offered), caps.srtp
    if policy is SrtpPolicy.OFF:
        if wish is _Wish.SECURE:
            raise _refusal(offered, f"{caps.plain_because}; offer RTP/AVP")
        return None
    if wish is _Wish.PLAIN:
        if policy is SrtpPolicy.REQUIRED:
            raise _refusal(offered, "encryption is required here; offer RTP/SAVP with a=crypto")
        return None
    ours = {key.suite: key for key in keys}
    usable, faults = _usable(offered)
    for line in usable:
        ours_of_suite = ours.get(line.key.suite)
        if ours_of_suite is not None and not _repeats(ours_of_suite, line.key, faults):
            return Chosen(line, ours_of_suite)
    if wish is _Wish.EITHER and policy is SrtpPolicy.OPTIONAL:
        return None
    raise _refusal(offered, "no key that can be used: " + "; ".join(faults or ["no a=crypto line"]))


def accept(
    offered: MediaDescription, answered: MediaDescription, policy: SrtpPolicy
) -> SrtpAgreement | None:
    """What the peer's answer to our stream means; None for plain RTP."""
    if policy is SrtpPolicy.OFF or not offered.values(_CRYPTO):
        if _wish(answered) is _Wish.SECURE:
            raise _refusal(answered, "nothing encrypted was offered; answer RTP/AVP")
        return None
    if not answered.values(_CRYPTO):
        if offered.protocol in _SECURE_PROTOCOLS or _wish(answered) is _Wish.SECURE:
            raise _refusal(
                answered, "the answer has no key to our encrypted offer; answer a=crypto"
            )
        return None
    ours = {line.tag: line.key for line in _usable(offered)[0]}
    usable, faults = _usable(answered)
    if not usable:
        raise _refusal(answered, "no key that can be used: " + "; ".join(faults))
    line = usable[0]
    key = ours.get(line.tag)
    if key is None or key.suite != line.key.suite:
        raise _refusal(answered, f"tag {line.tag} with {line.key.suite} is not what we offered")
    if _repeats(key, line.key, faults):
        raise _refusal(answered, "; ".join(faults))
    return SrtpAgreement(local=key, remote=line.key)


# --- both ---------------------------------------------------------------------------------------


def _wish(stream: MediaDescription) -> _Wish:
    if stream.protocol in _SECURE_PROTOCOLS:
        return _Wish.SECURE
    if stream.protocol not in _PLAIN_PROTOCOLS:
        raise _refusal(stream, "unknown transport; offer RTP/AVP or RTP/SAVP")
    return _Wish.EITHER if stream.values(_CRYPTO) else _Wish.PLAIN


def _usable(stream: MediaDescription) -> tuple[list[Crypto], list[str]]:
    """The lines that can be used, in order, and why the others cannot."""
    usable, faults = [], []
    for value in stream.values(_CRYPTO)[:MAX_CRYPTO_LINES]:
        try:
            usable.append(Crypto.parse(value))
        except CryptoError as exc:
            faults.append(str(exc))
    return usable, list(dict.fromkeys(faults))


def _repeats(ours: SrtpKey, theirs: SrtpKey, faults: list[str]) -> bool:
    """Both directions under one key would let anybody send our own packets back to us."""
    if ours.secret != theirs.secret:
        return False
    faults.append(f"{theirs.suite} with our own key; each side needs one of its own")
    return True


def _refusal(stream: MediaDescription, why: str) -> NegotiationError:
    return NegotiationError(_BAD_PROTOCOL, f"audio {quoted(stream.protocol)}: {why}")
