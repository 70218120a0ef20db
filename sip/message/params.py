"""Ordered, case-insensitive parameters: of header values (`;tag=x`) and of URIs (`;lr`, `?a=b`).

Rule: the wire text of every parameter is kept beside its decoded value and written back
unchanged; only parameters that we set ourselves are encoded anew.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Self

from .error import MessageError
from .escape import HEADER_SAFE, PARAM_SAFE, escape, normalize, unescape
from .limits import MAX_PARAMETERS
from .scan import LWS, end_of_quoted, is_token, quote, split_outside_quotes, unquote

_BARE_ADDRESS: Final = "received"
"""Of a Via: the one parameter in which an IPv6 address has no brackets (RFC 3261 25.1)."""
_ODD: Final = re.compile(r'[ \t"<>,;\x00]')


class Params(Mapping[str, "str | None"]):
    """An immutable mapping with lower-case names; of a repeated name the first value counts."""

    __slots__ = ("_values", "_wires")
    _lead: ClassVar[str] = ";"
    _separator: ClassVar[str] = ";"

    def __init__(self, items: Mapping[str, str | None] | None = None) -> None:
        self._values: dict[str, str | None] = {}
        wires: list[tuple[str, str]] = []
        for name, value in (items or {}).items():
            self._values[name.lower()] = value
            wires.append((name.lower(), self._write(name, value)))
        self._wires = tuple(wires)

    @classmethod
    @abstractmethod
    def parse(cls, text: str) -> Self:
        """Read the text after the leading separator."""

    @classmethod
    @abstractmethod
    def _write(cls, name: str, value: str | None) -> str:
        """Encode a parameter of our own; ValueError when it cannot be written."""

    @classmethod
    def _of(cls, values: dict[str, str | None], wires: tuple[tuple[str, str], ...]) -> Self:
        params = cls.__new__(cls)
        params._values = values
        params._wires = wires
        return params

    def __getitem__(self, name: str) -> str | None:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Params):
            return self._values == other._values
        return self._values == other

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"

    def __str__(self) -> str:
        if not self._wires:
            return ""
        return self._lead + self._separator.join([wire for _, wire in self._wires])

    def with_value(self, name: str, value: str | None) -> Self:
        """A copy in which `name` has this value, at its old place or at the end."""
        key, wire = name.lower(), self._write(name, value)
        kept = dict(reversed(self._wires))  # reversed: the first of repeated names is kept
        wires = {key: kept[key] for key, _ in self._wires}
        wires[key] = wire
        return self._of({**self._values, key: value}, tuple(wires.items()))

    def without(self, name: str) -> Self:
        """A copy without `name`."""
        key = name.lower()
        values = {k: v for k, v in self._values.items() if k != key}
        return self._of(values, tuple([wire for wire in self._wires if wire[0] != key]))


class HeaderParams(Params):
    """`;name=value` after a header value; values that are no tokens are quoted strings."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text after the first semicolon; an empty parameter is a fault."""
        parts = text.split(";") if '"' not in text else split_outside_quotes(text, ";")
        if len(parts) > MAX_PARAMETERS:
            raise MessageError(400, f"more than {MAX_PARAMETERS} parameters in one header value")
        values: dict[str, str | None] = {}
        wires = []
        for part in parts:
            key, value, wire = _read_header_param(part)
            values.setdefault(key, value)
            wires.append((key, wire))
        return cls._of(values, tuple(wires))

    @classmethod
    def _write(cls, name: str, value: str | None) -> str:
        if not is_token(name):
            raise ValueError(f"parameter name {name!r} is not a token (RFC 3261 25.1)")
        if value is None:
            return name
        # gen-value is a token, a host or a quoted string; only an IPv6 host is no token
        address = name == _BARE_ADDRESS or (value[:1] == "[" and value[-1:] == "]")
        bare = is_token(value) or (address and not _is_odd(value))
        return f"{name}={value if bare else quote(value)}"


def _read_header_param(part: str) -> tuple[str, str | None, str]:
    name, equals, value = part.partition("=")
    name = name.strip(LWS)
    if not is_token(name):
        raise MessageError(400, f"parameter name is not a token: {name[:40]!r}")
    if not equals:
        return name.lower(), None, name
    value = value.strip(LWS)
    if value[:1] == '"':
        if end_of_quoted(value) != len(value):
            raise MessageError(400, f"text after a quoted parameter value: {value[:40]!r}")
        return name.lower(), unquote(value), f"{name}={value}"
    if _is_odd(value):
        raise MessageError(400, f"parameter value must be quoted: {value[:40]!r}")
    return name.lower(), value, f"{name}={value}"


def _is_odd(value: str) -> bool:
    """Holds a character that would change how the header is read once written back."""
    return not value.isalnum() and _ODD.search(value) is not None


class UriParams(Params):
    """`;name=value` inside a URI: percent-escapes, no quoted strings."""

    __slots__ = ()
    _safe: ClassVar[frozenset[str]] = PARAM_SAFE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text after the first separator."""
        parts = text.split(cls._separator)
        if len(parts) > MAX_PARAMETERS:
            raise MessageError(400, f"more than {MAX_PARAMETERS} parameters in one URI")
        values: dict[str, str | None] = {}
        wires = []
        for part in parts:
            name, equals, value = part.partition("=")
            if not name:
                raise MessageError(400, f"a URI parameter has no name: {part[:40]!r}")
            key = unescape(name).lower()
            values.setdefault(key, unescape(value) if equals else None)
            wires.append((key, part))
        return cls._of(values, tuple(wires))

    @classmethod
    def _write(cls, name: str, value: str | None) -> str:
        if not name:
            raise ValueError("a URI parameter needs a name")
        written = escape(name, cls._safe)
        return written if value is None else f"{written}={escape(value, cls._safe)}"

    def normalized(self) -> dict[str, str | None]:
        """Name and value in the one spelling that RFC 3261 19.1.4 compares."""
        pairs: dict[str, str | None] = {}
        for key, wire in self._wires:
            _, equals, value = wire.partition("=")
            pairs.setdefault(key, normalize(value) if equals else None)
        return pairs


class UriHeaders(UriParams):
    """`?name=value&name=value` at the end of a URI (RFC 3261 19.1.1)."""

    __slots__ = ()
    _lead: ClassVar[str] = "?"
    _separator: ClassVar[str] = "&"
    _safe: ClassVar[frozenset[str]] = HEADER_SAFE
