"""What a script's dial string means: a SIP address, a telephone number, or a refusal with reason.

Pure. Accepted are `sip:user@host`, `sips:user@host`, a bare `user@host`, and `tel:`. What could
send the call elsewhere than the text says (maddr, method, embedded headers) is refused, never
ignored.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import attrs

from runtime.decisions.numbers import dialled_number
from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused
from sip.message import MessageError, Uri

_LOCALHOST: Final = "127.0.0.1"
_MISLEADING: Final = ("maddr", "method", "ttl")
"""URI parameters that redirect or change a request (RFC 3261 19.1.1)."""
_SCHEMES: Final = ("sip", "sips")
_SPOKEN: Final = ("udp", "tcp", "tls")


@attrs.frozen
class SipTarget:
    """An address to send an INVITE to."""

    uri: Uri


@attrs.frozen
class NumberTarget:
    """A telephone number, which only a trunk can reach."""

    number: str


def read_destination(text: str) -> SipTarget | NumberTarget:
    """Understand `callSIP`'s destination; raises DialRefused (400, 416)."""
    text = text.strip()
    scheme = text.partition(":")[0].lower()
    if scheme == "tel":
        return NumberTarget(read_number(text[4:].partition(";")[0]))
    if scheme not in _SCHEMES:
        if ":" in text.partition("@")[0] and scheme.isalnum() and scheme[:1].isalpha():
            raise DialRefused(
                Dials.BAD_ADDRESS,
                f"{scheme[:20]}: addresses cannot be called; use sip: or tel:",
                code=416,
            )
        if "@" not in text:
            raise DialRefused(
                Dials.BAD_ADDRESS,
                f"{text[:80]!r} has no host: write sip:user@host, or use callPSTN for numbers",
            )
        text = f"sip:{text}"
    return SipTarget(read_sip_uri(text))


def read_number(text: str) -> str:
    """A telephone number to dial; raises DialRefused (400)."""
    number = dialled_number(text)
    if number is None:
        raise DialRefused(Dials.BAD_ADDRESS, f"{text[:80]!r} is not a telephone number")
    return number


def read_sip_uri(text: str) -> Uri:
    """A sip: or sips: URI that may be dialled or used as a proxy; raises DialRefused (400, 416)."""
    try:
        uri = Uri.parse(text)
    except MessageError as exc:
        raise DialRefused(
            Dials.BAD_ADDRESS, f"{text[:80]!r} is not a SIP address: {exc.reason}"
        ) from exc
    if uri.scheme not in _SCHEMES or uri.opaque is not None:
        raise DialRefused(
            Dials.BAD_ADDRESS,
            f"{uri.scheme}: addresses cannot be called; use sip: or tel:",
            code=416,
        )
    transport = uri.params.get("transport")
    if transport is not None and transport.lower() not in _SPOKEN:
        known = ", ".join(_SPOKEN)
        raise DialRefused(
            Dials.BAD_ADDRESS,
            f"transport {transport[:20]!r} is not spoken here; use {known}",
            code=416,
        )
    for name in _MISLEADING:
        if name in uri.params:
            raise DialRefused(
                Dials.BAD_ADDRESS, f"the parameter {name} is not allowed in a dialled address"
            )
    if uri.headers:
        raise DialRefused(
            Dials.BAD_ADDRESS, "headers inside the address are not allowed; pass headers= instead"
        )
    if uri.password is not None:
        raise DialRefused(
            Dials.BAD_ADDRESS, "a password inside the address is not allowed; use password="
        )
    return attrs.evolve(uri, host=_LOCALHOST) if uri.host.lower() == "localhost" else uri


def is_loopback(host: str) -> bool:
    """Whether this is a loopback address; names never are (they may resolve to anything)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
