"""Host and port, as they stand in URIs and Via: names, IPv4, bracketed IPv6.

Rule: the host is kept without brackets; `write_host` puts them back. Names such as
`asterisk2` or `sip_server` are accepted, because they are what containers are called.
"""

import ipaddress
import re
from typing import Final

from .error import MessageError
from .limits import MAX_HOST_CHARS
from .scan import LWS, parse_number

_NAME: Final = re.compile(r"[A-Za-z0-9._\-]+")


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`; spaces around the colon are allowed."""
    host, number = split_host_port(text)
    check_host(host, bracketed=text[:1] == "[")
    return host, number


def split_host_port(text: str) -> tuple[str, int | None]:
    """The same for whoever checks the host afterwards."""
    if text[:1] == "[":
        host, bracket, rest = text[1:].partition("]")
        rest = rest.strip(LWS)
        if not bracket or (rest and rest[0] != ":"):
            raise MessageError(400, f"IPv6 address is not closed by a bracket: {text[:60]!r}")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
        host = host.rstrip(LWS)
    if not colon:
        return host, None
    number = parse_number(port, 65_535, "port")
    if number == 0:
        raise MessageError(400, f"port 0 cannot be reached: {text[:60]!r}")
    return host, number


def check_host(host: str, *, bracketed: bool) -> None:
    """MessageError unless this is a host name, an IPv4 or (in brackets) an IPv6 address."""
    if len(host) > MAX_HOST_CHARS:
        raise MessageError(400, f"host name of {len(host)} characters (limit {MAX_HOST_CHARS})")
    if not bracketed:
        if _NAME.fullmatch(host) is None:
            raise MessageError(400, f"not a host name or address: {host[:60]!r}")
        return
    try:
        ipaddress.IPv6Address(host)
    except ValueError as exc:
        raise MessageError(400, f"not an IPv6 address: {host[:60]!r}") from exc


def write_host(host: str, port: int | None) -> str:
    """The text that `parse_host_port` reads back."""
    written = f"[{host}]" if ":" in host else host
    return written if port is None else f"{written}:{port}"


def comparable_host(host: str) -> str:
    """One spelling per host: names without case, IPv6 in its shortest form."""
    if ":" not in host:
        return host.lower()
    return str(ipaddress.IPv6Address(host))
