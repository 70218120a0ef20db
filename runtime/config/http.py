"""`[http]`: where the HTTP interface listens, what others reach it at, who may use it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

import attrs

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
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            raise ValueError(f"{name}: must be the SHA-256 of a token, 64 hexadecimal digits")


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
    requests_per_s: float = attrs.field(default=50, validator=_rate)
    """Of one token; four seconds' worth may come at once."""
    address_requests_per_s: float = attrs.field(default=200, validator=_rate)
    """From one address, with tokens or without."""
