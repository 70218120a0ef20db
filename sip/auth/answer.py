"""The answer to a digest challenge as a server reads it (RFC 7616 3.4, RFC 8760).

Hostile text comes in; a value with checked fields comes out, or a MessageError.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import attrs

from sip.message import MessageError, Request
from sip.message.scan import split_outside_quotes

from .challenge import parse_parameter

MAX_ANSWERS: Final = 8
"""Authorization lines that are looked at, one for each realm of a path; more is no real path."""

_COUNT: Final = re.compile(r"[0-9A-Fa-f]{1,8}")
_HEADERS: Final = ("Authorization", "Proxy-Authorization")


@attrs.frozen(kw_only=True)
class DigestAnswer:
    """What one Authorization or Proxy-Authorization line says."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = attrs.field(repr=False)
    """Hexadecimal, lower case."""
    algorithm: str
    """Upper case; MD5 when the line names none."""
    qop: str | None
    """ "auth", "auth-int", or None for the original digest of RFC 2069."""
    cnonce: str
    nc: int
    """How often this nonce was used, from 1; 0 without qop."""

    @classmethod
    def parse(cls, line: str) -> DigestAnswer:
        """Read one header line; MessageError (400) when it is no digest answer."""
        scheme, _, fields = line.strip().partition(" ")
        if scheme.lower() != "digest":
            raise MessageError(400, f"authorization scheme {scheme[:40]!r}; only Digest is taken")
        given: dict[str, str] = {}
        for part in split_outside_quotes(fields, ","):
            name, value = parse_parameter(part)
            given.setdefault(name, value)
        missing = {"realm", "nonce", "uri", "response"} - given.keys()
        if missing:
            raise MessageError(400, f"digest answer without {', '.join(sorted(missing))}")
        qop = given.get("qop", "").lower() or None
        if qop not in (None, "auth", "auth-int"):
            raise MessageError(400, f"digest answer with qop {qop[:40]!r}")
        count = given.get("nc", "")
        if qop is not None and (not _COUNT.fullmatch(count) or not given.get("cnonce")):
            raise MessageError(400, "digest answer with qop, but without cnonce or nc")
        return cls(
            username=_username(given),
            realm=given["realm"],
            nonce=given["nonce"],
            uri=given["uri"],
            response=given["response"].lower(),
            algorithm=given.get("algorithm", "MD5").upper(),
            qop=qop,
            cnonce=given.get("cnonce", ""),
            nc=int(count, 16) if qop is not None else 0,
        )


def answer_in(request: Request, realm: str) -> DigestAnswer | None:
    """The first answer to a challenge of `realm`; MessageError for one that cannot be read.

    Answers to other realms are for others (RFC 3261 22.3), and may look as they like.
    """
    lines = [line for name in _HEADERS for line in request.headers.lines(name)]
    for line in lines[:MAX_ANSWERS]:
        if f'"{realm}"' not in line:
            continue
        answer = DigestAnswer.parse(line)
        if answer.realm == realm:
            return answer
    return None


def _username(given: dict[str, str]) -> str:
    """`username`, or `username*` of RFC 7616 3.4 for names beyond quoted strings."""
    if "username" in given:
        return given["username"]
    charset, _, rest = given.get("username*", "").partition("'")
    _, quote, escaped = rest.partition("'")
    if charset.upper() != "UTF-8" or not quote:
        raise MessageError(400, "digest answer without username")
    return unquote_to_bytes(escaped).decode("utf-8", "surrogateescape")
