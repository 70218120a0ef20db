"""The session description in a message body (RFC 3261 7.4, 8.2.3; RFC 5621 multipart).

`sdp_of` returns the description, None when there is none, and raises MessageError(415) for a body
that we are expected to understand and do not. A body marked `handling=optional` may be ignored.
"""

from __future__ import annotations

from sip.message import HeaderParams, Message, MessageError

SDP = "application/sdp"
MAX_PARTS = 16
"""Parts of a multipart body that are looked at; SIP-I sends two or three."""


def sdp_of(message: Message) -> bytes | None:
    """The session description of `message`, or None."""
    if not message.body:
        return None
    encoding = message.headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise MessageError(415, f"Content-Encoding {encoding[:40]!r}; send it unencoded", message)
    kind = message.content_type
    if kind == SDP or (kind is None and message.body.startswith(b"v=0")):
        return message.body
    found = _sdp_part(message) if kind is not None and kind.startswith("multipart/") else None
    if found is None and not _is_optional(message):
        raise MessageError(415, f"body of type {kind or 'unknown'}; only {SDP} is used", message)
    return found


def _is_optional(message: Message) -> bool:
    disposition = message.headers.get("Content-Disposition") or ""
    return _params(disposition).get("handling", "") == "optional"


def _params(value: str) -> dict[str, str]:
    _, semicolon, rest = value.partition(";")
    if not semicolon:
        return {}
    try:
        return {name: text or "" for name, text in HeaderParams.parse(rest).items()}
    except MessageError:
        return {}


def _sdp_part(message: Message) -> bytes | None:
    """The first application/sdp part (RFC 2046 5.1.1)."""
    boundary = _params(message.headers.get("Content-Type") or "").get("boundary", "")
    if not boundary:
        return None
    mark = b"--" + boundary.encode("utf-8", "surrogateescape")
    pieces = (b"\r\n" + message.body).split(b"\r\n" + mark, MAX_PARTS + 1)
    for piece in pieces[1 : MAX_PARTS + 1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        if any(_names_sdp(line) for line in lines):
            return content
    return None


def _names_sdp(line: bytes) -> bool:
    name, _, value = line.partition(b":")
    return name.strip() in (b"content-type", b"c") and value.split(b";")[0].strip() == SDP.encode()
