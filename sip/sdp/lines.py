"""The single lines of a session description as values: o=, c=, a= (RFC 8866 5).

Rule: numbers that we do not reckon with stay text, because peers write all kinds of things.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import attrs

from .direction import Direction
from .error import SdpError
from .limits import MAX_DIGITS


class Attribute(NamedTuple):
    """`a=name` (value None) or `a=name:value`."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return f"a={self.name}" if self.value is None else f"a={self.name}:{self.value}"


Attributes = tuple[Attribute, ...]

_DIRECTIONS: Final = {direction.value: direction for direction in Direction}


def parse_attribute(text: str) -> Attribute:
    """Read what stands after `a=`."""
    name, colon, value = text.partition(":")
    return Attribute(name.strip(), value.strip() if colon else None)


def first_value(attributes: Attributes, name: str) -> str | None:
    """The value of the first attribute of this name, "" if it has none, None if absent."""
    for attribute in attributes:
        if attribute.name == name:
            return attribute.value or ""
    return None


def direction_in(attributes: Attributes) -> Direction | None:
    """The first direction attribute."""
    for attribute in attributes:
        direction = _DIRECTIONS.get(attribute.name)
        if direction is not None:
            return direction
    return None


@attrs.frozen(kw_only=True)
class Origin:
    """The o= line."""

    user: str = "-"
    session_id: str = "0"
    version: str = "0"
    family: str = "IP4"
    host: str = "0.0.0.0"

    @classmethod
    def parse(cls, text: str) -> Origin:
        fields = text.split()
        if len(fields) != 6:
            raise SdpError(f"o= has {len(fields)} fields instead of 6: {text[:60]!r}")
        user, session_id, version, _, family, host = fields
        return cls(user=user, session_id=session_id, version=version, family=family, host=host)

    def __str__(self) -> str:
        return f"o={self.user} {self.session_id} {self.version} IN {self.family} {self.host}"


@attrs.frozen
class Connection:
    """The c= line; `address` as written, with the TTL of a multicast group if there is one."""

    family: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Connection:
        fields = text.split()
        if len(fields) != 3:
            raise SdpError(f"c= has {len(fields)} fields instead of 3: {text[:60]!r}")
        return cls(fields[1], fields[2])

    @classmethod
    def of_host(cls, host: str) -> Connection:
        """For an address of ours."""
        return cls("IP6" if ":" in host else "IP4", host)

    @property
    def host(self) -> str:
        """The address alone."""
        return self.address.partition("/")[0]

    def __str__(self) -> str:
        return f"c=IN {self.family} {self.address}"


def parse_count(text: str, limit: int) -> int | None:
    """A decimal number from 0 to `limit`, or None."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if number <= limit else None
