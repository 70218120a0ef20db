"""Which of this machine's addresses packets to a host come from, as its routing table says."""

from __future__ import annotations

import socket

from sip.address import ip_literal


def source_address(host: str) -> str | None:
    """The local address from which packets to `host` leave; nothing is sent to find out."""
    literal = ip_literal(host)
    if literal is None:
        # a name is not worth a wait here: loopback for localhost, else the way to the world
        probe = "127.0.0.1" if host.lower() == "localhost" else "192.0.2.1"
    else:
        probe = str(literal)
    family = socket.AF_INET6 if ":" in probe else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((probe, 9))
            return str(sock.getsockname()[0])
    except OSError:
        return None
