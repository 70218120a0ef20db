"""Trunks and INVITEs with as few words as possible."""

from __future__ import annotations

from typing import Any

from runtime.config.settings import TrunkSettings
from runtime.legs.sip.trunk.setup import trunk_of
from runtime.legs.sip.trunks import Trunk
from sip.message import Headers, Request


def trunk(name: str = "carrier", uri: str = "sip:203.0.113.5", **keys: Any) -> Trunk:
    """A trunk as the configuration would make it."""
    return trunk_of(TrunkSettings(name=name, uri=uri, **keys))


def invite(
    caller: str = '"Ann" <sip:0207@203.0.113.5>;tag=a',
    *headers: tuple[str, str],
    uri: str = "sip:02079460000@127.0.0.1",
) -> Request:
    lines = [
        ("Via", "SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKx"),
        ("From", caller),
        ("To", f"<{uri}>"),
        ("Call-ID", "call-1"),
        ("CSeq", "1 INVITE"),
        *headers,
    ]
    return Request("INVITE", uri, Headers(lines), b"")
