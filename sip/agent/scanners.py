"""Programs that try addresses and passwords, told by what they call themselves.

They are harmless by themselves and never a caller: strangers that carry such a name get nothing.
"""

from __future__ import annotations

from typing import Final

from sip.message import Request

SCANNERS: Final = (
    *("friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sipcli", "sipscan"),
    *("sip-scan", "vaxsipuseragent", "pplsip", "siparmyknife", "nm@nm", "nm2@nm2"),
)
"""Lower case, as they are seen in User-Agent, From and To of scans."""

_NAMED_IN: Final = ("User-Agent", "From", "To", "Subject")


def scanner_in(request: Request) -> str:
    """The scanner that a request names; empty for none."""
    lines = [line[:200] for name in _NAMED_IN for line in request.headers.lines(name)[:4]]
    text = "\n".join(lines).lower()
    return next((name for name in SCANNERS if name in text), "")
