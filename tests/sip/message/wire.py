"""Small messages for the tests of this folder, on the wire."""

from __future__ import annotations

from sip.message import Request, parse_datagram

USUAL = (
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "Max-Forwards: 70",
    "From: <sip:a@example.com>;tag=1",
    "To: <sip:b@example.com>",
    "Call-ID: x@y",
    "CSeq: 1 OPTIONS",
)


def wire(*headers: str, start: str = "OPTIONS sip:b@example.com SIP/2.0", body: str = "") -> bytes:
    """Start line, headers, body, as they are given."""
    return ("\r\n".join((start, *headers)) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def options(*headers: str, without: str = "", body: str = "") -> bytes:
    """A sound OPTIONS with more headers, or without one of its own."""
    kept = [line for line in USUAL if not without or not line.startswith(without)]
    return wire(*kept, *headers, body=body)


def parse_request(data: bytes) -> Request:
    """As parse_datagram, for requests."""
    message = parse_datagram(data)
    assert isinstance(message, Request)
    return message
