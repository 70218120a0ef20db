"""Whether a peer's media address is one we may send to.

Rule: only unicast IP addresses of our own family. A name would put a resolver between a
packet and its tick, and a group or broadcast address would multiply what we send.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from .error import NegotiationError, quoted
from .lines import Connection

BAD_ADDRESS: Final = 301
"""Warning code "incompatible network address formats" (RFC 3261 20.43)."""
_NO_MULTICAST: Final = 330
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")


def remote_address(connection: Connection | None, local_host: str) -> str:
    """The address of a stream in its usual spelling; NegotiationError when it cannot be used.

    The unspecified address is let through: it means hold (RFC 3264 8.4).
    """
    if connection is None:
        raise NegotiationError(BAD_ADDRESS, "the stream has no c= line")
    try:
        address = ipaddress.ip_address(connection.host)
    except ValueError as exc:
        reason = f"media address {quoted(connection.host)} is not an IP address"
        raise NegotiationError(BAD_ADDRESS, reason) from exc
    if address.is_unspecified:
        return str(address)
    if address.is_multicast or address == _BROADCAST:
        raise NegotiationError(_NO_MULTICAST, f"media address {address} is not unicast")
    if address.version != ipaddress.ip_address(local_host).version:
        reason = f"media address {quoted(str(address))} is not of the family of {local_host}"
        raise NegotiationError(BAD_ADDRESS, reason)
    return str(address)


def is_unspecified(host: str) -> bool:
    """0.0.0.0 or ::, the hold of RFC 2543."""
    return ipaddress.ip_address(host).is_unspecified
