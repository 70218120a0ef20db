"""The response to a request: what it copies and in which order (RFC 3261 8.2.6, 12.1.1)."""

from __future__ import annotations

from collections.abc import Iterable

from .error import MessageError
from .headers import Headers
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
    items: list[tuple[str, str]] = []
    for name in _COPIED:
        items += [(name, value) for value in request.headers.lines(name)]
    if to_tag is not None:
        items = [_with_tag(request, item, to_tag) for item in items]
    if 100 < status < 300:
        items += [("Record-Route", value) for value in request.headers.lines("Record-Route")]
    if status == 100:
        items += [("Timestamp", value) for value in request.headers.lines("Timestamp")]
    if content_type is not None:
        items.append(("Content-Type", content_type))
    items += headers
    return Response(
        status, reason_phrase(status) if reason is None else reason, Headers(items), body
    )


def _with_tag(request: Request, item: tuple[str, str], tag: str) -> tuple[str, str]:
    name, value = item
    if name != "To" or _has_tag(request):
        return item
    return name, f"{value};tag={tag}"


def _has_tag(request: Request) -> bool:
    try:
        return "tag" in request.to.params
    except MessageError:
        return False  # a 400 to an unreadable To; the transaction is matched by Via and CSeq
