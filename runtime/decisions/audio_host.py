"""Where audio is listened for when nobody has said, and whom that leaves out.

Rule: audio is reachable from where SIP is and from nowhere else. Phones that can signal to us and
not send us their sound are the silent calls that every voice system is blamed for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
ANY_V4: Final = "0.0.0.0"
ANY: Final = "::"
"""Every address of both families."""


def audio_host(listening: Sequence[str]) -> str:
    """The local address for audio, for SIP on these addresses.

    Loopbacks of both families have no address in common, and the wildcard would be more than
    loopback: the IPv4 one is chosen, and `left_out` tells what is missing.
    """
    addresses = [ipaddress.ip_address(host) for host in dict.fromkeys(listening)]
    if len(addresses) == 1:
        return str(addresses[0])
    if all(address.is_loopback for address in addresses):
        return next((str(address) for address in addresses if address.version == 4), LOOPBACK)
    return ANY_V4 if all(address.version == 4 for address in addresses) else ANY


def left_out(host: str, listening: Sequence[str]) -> list[str]:
    """A line for each address of SIP whose peers can have no audio with `host`."""
    ours = ipaddress.ip_address(host)
    lines = []
    for text in dict.fromkeys(listening):
        address = ipaddress.ip_address(text)
        if address.version != ours.version and host != ANY:
            why = "is of the other family of addresses: their calls get 488"
        elif ours.is_loopback and not address.is_loopback:
            why = "can be reached from this machine alone: their calls are silent"
        else:
            continue
        lines.append(f"no audio for peers of {text}: [rtp] host {host} {why}")
    return lines
