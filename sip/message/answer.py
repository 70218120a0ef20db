"""The response to a request: what it copies and in which order (RFC 3261 8.2.6, 12.1.1)."""

from __future__ import annotations

from collections.abc import Iterable

from .error import MessageError
from .headers import Headers, check_text
from .message import Request, Response
from .reasons import reason_phrase

_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response with the request's Vias, From, To, Call-ID and CSeq, as far as it has them.

    `to_tag` is added to a To without one. Record-Route is copied where a dialog may begin
    (101 to 299), Timestamp into a 100. The default reason is the usual phrase.
    ValueError for headers or reasons that cannot be written.
    """
    tag = "" if to_tag is None or _has_tag(request) else f";tag={to_tag}"
    check_text("To tag", tag)
    copied: list[tuple[str, str]] = []
    for name in _COPIED:
        more = tag if name == "To" else ""
        copied += [(name, value + more) for value in request.headers.stored(name)]
    if 100 < status < 300:
        copied += [("Record-Route", value) for value in request.headers.stored("Record-Route")]
    if status == 100:
        copied += [("Timestamp", value) for value in request.headers.stored("Timestamp")]
    lines = Headers.of_checked(copied)
    if content_type is not None:
        lines.add("Content-Type", content_type)
    for name, value in headers:
        lines.add(name, value)
    return Response(status, reason_phrase(status) if reason is None else reason, lines, body)


def _has_tag(request: Request) -> bool:
    try:
        return "tag" in request.to.params
    except MessageError:
        return False  # a 400 to an unreadable To; the transaction is matched by Via and CSeq
