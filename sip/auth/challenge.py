"""Challenges of WWW-Authenticate and Proxy-Authenticate, and which of them to answer.

Rules: a header line may hold several challenges; commas inside quotes separate nothing;
the strongest algorithm that we have wins, whatever the order (RFC 8760 2.4 allows a choice).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import attrs

from sip.message import MessageError
from sip.message.scan import LWS, end_of_quoted, is_token, split_outside_quotes, unquote

MAX_CHALLENGES: Final = 16
"""Per response: three algorithms for each of a few proxies; the rest is not looked at."""

_STRENGTH: Final = ("SHA-512-256", "SHA-256", "MD5")
"""Strongest first (RFC 8760 2.1)."""

HASHLIB_NAMES: Final = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""Only those that the interpreter's OpenSSL has can be answered."""

_SESSION_SUFFIX: Final = "-SESS"


@attrs.frozen(kw_only=True)
class Challenge:
    """One challenge; only `Digest` ones can be answered."""

    scheme: str = "Digest"
    realm: str
    nonce: str
    algorithm: str | None = None
    """As written; None when absent, which means MD5."""
    qop: tuple[str, ...] = ()
    """Lower case; empty for the original digest of RFC 2069."""
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Read the first challenge of a header line; MessageError if there is none."""
        return parse_challenges([text])[0]

    @property
    def hash_name(self) -> str:
        """MD5, SHA-256 or SHA-512-256, in upper case, without `-sess`."""
        return (self.algorithm or "MD5").upper().removesuffix(_SESSION_SUFFIX)

    @property
    def is_session(self) -> bool:
        """The `-sess` variant: the client's nonce goes into the secret (RFC 7616 3.4.2)."""
        return (self.algorithm or "").upper().endswith(_SESSION_SUFFIX)

    @property
    def can_be_answered(self) -> bool:
        """Scheme, algorithm and quality of protection are ones that we have."""
        return (
            self.scheme.lower() == "digest"
            and HASHLIB_NAMES.get(self.hash_name) in hashlib.algorithms_available
            and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)
        )


def choose_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """The one with the strongest algorithm among those we can answer; the first of equals."""
    answerable = [challenge for challenge in challenges if challenge.can_be_answered]
    return min(answerable, key=lambda c: _STRENGTH.index(c.hash_name), default=None)


def parse_challenges(lines: Iterable[str]) -> list[Challenge]:
    """Read all challenges of a response's header lines; MessageError for a broken line."""
    found: list[Challenge] = []
    for line in lines:
        scheme, parameters = "", dict[str, str]()
        for part in split_outside_quotes(line, ","):
            new_scheme, rest = _split_scheme(part.strip(LWS))
            if new_scheme and scheme:
                found.append(_challenge(scheme, parameters))
            if new_scheme:
                scheme, parameters = new_scheme, {}
            if rest:
                name, value = parse_parameter(rest)
                parameters.setdefault(name, value)
        found.append(_challenge(scheme, parameters))
    return found[:MAX_CHALLENGES]


def parse_parameter(text: str) -> tuple[str, str]:
    """`name=value` or `name="value"`: lower-case name, unquoted value."""
    name, equals, value = text.partition("=")
    name, value = name.strip(LWS), value.strip(LWS)
    if not equals or not is_token(name):
        raise MessageError(400, f"not an authentication parameter: {text[:60]!r}")
    if value[:1] == '"':
        if end_of_quoted(value) != len(value):
            raise MessageError(400, f"text after a quoted value: {text[:60]!r}")
        value = unquote(value)
    return name.lower(), value


def _split_scheme(part: str) -> tuple[str, str]:
    """The scheme that a part begins with, or "", and its first parameter."""
    word, _, rest = part.replace("\t", " ").partition(" ")
    rest = rest.strip(LWS)
    if is_token(word) and not rest.startswith("="):
        return word, rest
    return "", part


def _challenge(scheme: str, parameters: dict[str, str]) -> Challenge:
    if not scheme:
        raise MessageError(400, "challenge without a scheme")
    if scheme.lower() == "digest" and not {"realm", "nonce"} <= parameters.keys():
        raise MessageError(400, "digest challenge without realm or nonce")
    qop = parameters.get("qop", "").lower().split(",")
    return Challenge(
        scheme=scheme,
        realm=parameters.get("realm", ""),
        nonce=parameters.get("nonce", ""),
        algorithm=parameters.get("algorithm"),
        qop=tuple(value.strip(LWS) for value in qop if value.strip(LWS)),
        opaque=parameters.get("opaque"),
        stale=parameters.get("stale", "").lower() == "true",
    )
