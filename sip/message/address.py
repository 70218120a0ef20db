"""name-addr and addr-spec: From, To, Contact, Route, Refer-To and their like (RFC 3261 20.10).

Rule: without angle brackets every semicolon begins a parameter of the header, and the URI
may hold neither comma nor question mark; with them, what is inside belongs to the URI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from .error import MessageError
from .params import HeaderParams
from .scan import LWS, end_of_quoted, quote, unquote
from .uri import WILDCARD, Uri

_NO_PARAMS: Final = HeaderParams()


def _to_params(value: Mapping[str, str | None]) -> HeaderParams:
    return value if isinstance(value, HeaderParams) else HeaderParams(value)


@attrs.frozen(kw_only=True)
class NameAddr:
    """A URI with an optional display name, and the parameters of the header around it."""

    display_name: str = ""
    uri: Uri
    params: HeaderParams = attrs.field(default=_NO_PARAMS, converter=_to_params)

    @property
    def tag(self) -> str | None:
        """The tag of a From or To; None when there is none, or an empty one."""
        return self.params.get("tag") or None

    @property
    def is_wildcard(self) -> bool:
        """True for `Contact: *`."""
        return self.uri.scheme == ""

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one address (one element of a list header); MessageError if it is none."""
        text = text.strip(LWS)
        if text[:1] == '"':
            end = end_of_quoted(text)
            bracketed = text[end:].lstrip(LWS)
            if bracketed[:1] != "<":
                raise MessageError(400, f"display name without an address: {text[:60]!r}")
            return cls._parse_bracketed(unquote(text[:end]), bracketed)
        name, bracket, _ = text.partition("<")
        if bracket:
            if '"' in name:
                raise MessageError(400, f"quote inside an unquoted display name: {text[:60]!r}")
            return cls._parse_bracketed(name.rstrip(LWS), text[len(name) :])
        return cls._parse_bare(text)

    @classmethod
    def _parse_bracketed(cls, display_name: str, text: str) -> NameAddr:
        uri, bracket, rest = text[1:].partition(">")
        if not bracket:
            raise MessageError(400, f"address without its closing bracket: {text[:60]!r}")
        rest = rest.lstrip(LWS)
        if rest and rest[0] != ";":
            raise MessageError(400, f"text after an address: {rest[:60]!r}")
        return cls(
            display_name=display_name,
            uri=Uri.parse(uri.strip(LWS)),
            params=HeaderParams.parse(rest[1:]) if rest else _NO_PARAMS,
        )

    @classmethod
    def _parse_bare(cls, text: str) -> NameAddr:
        if text == "*":
            return cls(uri=WILDCARD)
        uri, semicolon, params = text.partition(";")
        if "?" in uri or "," in uri:
            raise MessageError(400, f"this URI must stand in angle brackets: {text[:60]!r}")
        return cls(
            uri=Uri.parse(uri.rstrip(LWS)),
            params=HeaderParams.parse(params) if semicolon else _NO_PARAMS,
        )

    def __str__(self) -> str:
        if self.is_wildcard:
            return "*"
        name = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{self.params}"

    def with_tag(self, tag: str) -> NameAddr:
        """A copy with this tag."""
        return attrs.evolve(self, params=self.params.with_value("tag", tag))
