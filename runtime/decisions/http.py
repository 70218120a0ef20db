"""What a script may put into an HTTP request. Runs in worker and core.

What frames a message or names its host follows from the request itself; a script that could say
something else could smuggle a second request, or reach a host that nobody looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MAX_HEADERS: Final = 64
MAX_NAME: Final = 256
MAX_VALUE: Final = 8_192
"""Of one header: tokens have a few thousand characters."""
MAX_HEADERS_TOTAL: Final = 16 * 1024
"""As much as common servers take; what is larger they refuse with 431."""
MAX_URL: Final = 8_000
"""What common servers take as the first line of a request."""

NOT_THE_SCRIPTS: Final[Mapping[str, str]] = {
    "connection": "each request has a connection of its own",
    "content-length": "it follows from postData",
    "expect": "postData is sent at once",
    "host": "it follows from the URL",
    "keep-alive": "each request has a connection of its own",
    "proxy-authenticate": "no proxy is used",
    "proxy-authorization": "no proxy is used",
    "proxy-connection": "no proxy is used",
    "te": "trailers are not read",
    "trailer": "trailers are not sent",
    "transfer-encoding": "the runtime frames what is sent",
    "upgrade": "only HTTP is spoken here",
}
"""Hop-by-hop headers (RFC 9110 7.6.1) and those that frame a message, each with the reason."""

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def why_not(name: str, value: str) -> str | None:
    """What is wrong with a header of a script; None when it may be sent."""
    label = name[:40]
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        return f"holds {label!r}, which cannot be a header's name"
    if _CONTROLS.search(value):
        return f"must not hold CR, LF, NUL or other control characters, {label} does"
    if value != value.strip():
        return f"holds {label}, whose value begins or ends with a space"
    if len(value.encode("utf-8", "replace")) > MAX_VALUE:
        return f"holds more than {MAX_VALUE} bytes in {label}"
    reason = NOT_THE_SCRIPTS.get(name.lower())
    if reason is not None:
        return f"must not hold {label}: {reason}"
    return None


def is_harmless(name: str, value: str, *, host: str, size: int) -> bool:
    """Whether a header that is not the script's says what is going to be said anyway."""
    match name.lower():
        case "host":
            return value.lower() == host.lower()
        case "content-length":
            return value == str(size)
        case "connection":
            return value.lower() in ("close", "keep-alive")
        case _:
            return False
