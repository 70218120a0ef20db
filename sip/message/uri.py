"""URIs: sip and sips in full, every other scheme as opaque text.

Rules: split at the reserved characters first and unescape afterwards, so that `%3B` never
becomes a separator; write back what was read; compare by RFC 3261 19.1.4, never as strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

from .error import MessageError
from .escape import USER_SAFE, escape, escape_breaks, normalize, unescape
from .host import check_host, comparable_host, split_host_port, write_host
from .limits import MAX_URI_CHARS
from .params import UriHeaders, UriParams

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_FORBIDDEN: Final = re.compile(r'[\x00-\x20\x7f<>"]')
_TEL_SEPARATORS: Final = str.maketrans("", "", "-.()")

_NEVER_IGNORED: Final = ("transport", "user", "ttl", "method", "maddr")
"""Parameters that must not be absent from one side only (RFC 3261 19.1.4 and its examples)."""

_NO_PARAMS: Final = UriParams()
_NO_HEADERS: Final = UriHeaders()


def _to_params(value: Mapping[str, str | None]) -> UriParams:
    return value if isinstance(value, UriParams) else UriParams(value)


def _to_headers(value: Mapping[str, str | None]) -> UriHeaders:
    return value if isinstance(value, UriHeaders) else UriHeaders(value)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Uri:
    """One URI. `str()` writes it; unchanged parts are written as they were read."""

    scheme: str = "sip"
    """Lower case; empty for the `*` of a Contact that removes all registrations."""
    user: str | None = None
    """Unescaped text; None when the URI has no `@`."""
    password: str | None = None
    """As written, escapes included (RFC 3261 19.1.1 advises against it)."""
    host: str = ""
    """Without the brackets of IPv6."""
    port: int | None = None
    params: UriParams = attrs.field(default=_NO_PARAMS, converter=_to_params)
    headers: UriHeaders = attrs.field(default=_NO_HEADERS, converter=_to_headers)
    opaque: str | None = None
    """All after the colon, for every scheme but sip and sips."""
    escaped_user: str | None = None
    """The user as it was read; used for writing while it still means `user`."""

    def __attrs_post_init__(self) -> None:
        if self.opaque is None:
            if self.scheme not in ("sip", "sips"):
                raise MessageError(400, f"a {self.scheme!r} URI needs its text in `opaque`")
            check_host(self.host, bracketed=":" in self.host)
        elif _FORBIDDEN.search(self.opaque):
            raise MessageError(400, f"character that no URI may hold: {self.opaque[:60]!r}")

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI without surrounding brackets or spaces; MessageError if it is none."""
        if len(text) > MAX_URI_CHARS:
            raise MessageError(414, f"URI of {len(text)} characters (limit {MAX_URI_CHARS})")
        if _FORBIDDEN.search(text):
            raise MessageError(400, f"character that no URI may hold: {text[:60]!r}")
        scheme, colon, rest = text.partition(":")
        if scheme not in ("sip", "sips"):
            if not colon or _SCHEME.fullmatch(scheme) is None:
                raise MessageError(400, f"URI without a scheme: {text[:60]!r}")
            scheme = scheme.lower()
            if scheme not in ("sip", "sips"):
                return cls(scheme=scheme, opaque=rest)
        return cls._parse_sip(scheme, rest)

    @classmethod
    def _parse_sip(cls, scheme: str, rest: str) -> Uri:
        # A user may hold ";" and "?" but no "@": split there first (RFC 4475 3.1.1.9).
        userinfo, at, location = rest.partition("@")
        if not at:
            location = rest
        location, _, headers = location.partition("?")
        location, _, params = location.partition(";")
        host, port = split_host_port(location)
        if (":" in host) != (location[:1] == "["):
            check_host(host, bracketed=location[:1] == "[")  # raises: __init__ would misjudge it
        escaped_user = password = None
        if at:
            escaped_user, colon, secret = userinfo.partition(":")
            password = secret if colon else None
        return cls(
            scheme=scheme,
            user=None if escaped_user is None else unescape(escaped_user),
            password=password,
            host=host,
            port=port,
            params=UriParams.parse(params) if params else _NO_PARAMS,
            headers=UriHeaders.parse(headers) if headers else _NO_HEADERS,
            escaped_user=escaped_user,
        )

    def __str__(self) -> str:
        if self.opaque is not None:
            return f"{self.scheme}:{self.opaque}" if self.scheme else self.opaque
        location = f"{write_host(self.host, self.port)}{self.params}{self.headers}"
        if self.user is None:
            return f"{self.scheme}:{location}"
        return f"{self.scheme}:{self._userinfo()}@{location}"

    def __repr__(self) -> str:
        return f"Uri({str(self)!r})"

    def _userinfo(self) -> str:
        user = self.escaped_user
        if user is None or unescape(user) != self.user:
            user = escape(self.user or "", USER_SAFE)
        if self.password is None:
            return user
        return f"{user}:{escape_breaks(self.password)}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Uri):
            return NotImplemented
        if self._identity() != other._identity():
            return False
        mine, theirs = self.params.normalized(), other.params.normalized()
        return all(_same(mine[name], theirs[name]) for name in mine.keys() & theirs.keys())

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        """All that must be present on both sides and equal; other parameters may be absent."""
        if self.opaque is not None:
            return self.scheme, self._comparable_opaque()
        params = self.params.normalized() if self.params else {}
        user, _, _ = self._userinfo().partition(":") if self.user is not None else (None, "", "")
        return (
            self.scheme,
            None if user is None else normalize(user),
            None if self.password is None else normalize(self.password),
            comparable_host(self.host),
            self.port,
            tuple((params.get(name) or "").lower() for name in _NEVER_IGNORED if name in params),
            tuple(name for name in _NEVER_IGNORED if name in params),
            frozenset(self.headers.normalized().items()) if self.headers else frozenset(),
        )

    def _comparable_opaque(self) -> object:
        if self.scheme != "tel":
            return normalize(self.opaque or "")
        # RFC 3966 4: visual separators, case and the order of parameters do not count.
        number, *params = (self.opaque or "").lower().split(";")
        return number.translate(_TEL_SEPARATORS), frozenset(normalize(p) for p in params)


def _same(mine: str | None, theirs: str | None) -> bool:
    return (mine or "").lower() == (theirs or "").lower()


WILDCARD: Final = Uri(scheme="", opaque="*")
"""The URI of `Contact: *` (RFC 3261 10.2.2)."""
