"""`[http]`: where the HTTP interface listens, what others reach it at, who may use it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

import attrs

from runtime.config.names import NAME, check_application

TokenScope = Literal["read", "calls", "deploy", "admin"]
EVERY_SCOPE: Final[tuple[TokenScope, ...]] = ("read", "calls", "deploy", "admin")
SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
MAX_RATE: Final = 10_000
"""Requests a second: more than one core answers."""


def parse_http_address(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8080" or "[::1]:8080"; port 0 is allowed."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'{text!r} is not HOST:PORT; write it like "127.0.0.1:8080"')
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IP address of this machine") from None
    return host, int(port)


def check_server_url(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not re.fullmatch(r"https?://[^\s/@]+", value):
        raise ValueError(f'{value!r} is no server; write it like "https://phone.example"')


def _address(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    parse_http_address(value)


def _public_url(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if value:
        check_server_url(instance, attribute, value)


def _token_hashes(_: Any, __: attrs.Attribute[Any], value: dict[str, str]) -> None:
    for name, digest in value.items():
        if not SHA256.fullmatch(digest):
            raise ValueError(f"{name}: must be the SHA-256 of a token, 64 hexadecimal digits")


def _token_hash(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not SHA256.fullmatch(value):
        raise ValueError("must be the SHA-256 of a token, 64 hexadecimal digits")


def _some_scopes(_: Any, __: attrs.Attribute[Any], value: tuple[TokenScope, ...]) -> None:
    if not value:
        raise ValueError(f"must list some of: {', '.join(EVERY_SCOPE)}")


@attrs.frozen(kw_only=True)
class TokenSettings:
    """Whose a token is, and what it may do."""

    name: str
    sha256: str = attrs.field(validator=_token_hash)
    application: str = attrs.field(default="", validator=check_application)
    """The only one that it reaches; empty: all of them, and the machine itself."""
    scopes: tuple[TokenScope, ...] = attrs.field(default=EVERY_SCOPE, validator=_some_scopes)


def _distinct(_: Any, __: attrs.Attribute[Any], value: tuple[TokenSettings, ...]) -> None:
    names = [each.name for each in value]
    for place, name in enumerate(names):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name: 1 to 64 letters, digits, dots, dashes, _")
        if name in names[:place]:
            raise ValueError(f"two of them are called {name!r}")


def _rate(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if not 1 <= value <= MAX_RATE:
        raise ValueError(f"{value:g} is not from 1 to {MAX_RATE}")


@attrs.frozen(kw_only=True)
class HttpSettings:
    listen: str = attrs.field(default="127.0.0.1:8080", validator=_address)
    url: str = attrs.field(default="", validator=_public_url)
    """What others reach the listener at; URLs that scripts and clients are given begin with it.
    Empty: with the address it listens on."""
    tokens: dict[str, str] = attrs.field(factory=dict, validator=_token_hashes)
    token: tuple[TokenSettings, ...] = attrs.field(default=(), validator=_distinct)
    """Tokens that may do less."""
    requests_per_s: float = attrs.field(default=50, validator=_rate)
    """Of one token; four seconds' worth may come at once."""
    address_requests_per_s: float = attrs.field(default=200, validator=_rate)
    """From one address, with tokens or without."""

    @property
    def owners(self) -> Iterator[TokenSettings]:
        """Of all tokens that are configured; those of the short form may do everything."""
        yield from self.token
        for name, digest in self.tokens.items():
            yield TokenSettings(name=name, sha256=digest)

    @property
    def has_tokens(self) -> bool:
        return bool(self.tokens or self.token)
