"""Responses: what the user agent adds to each, and the stateless ones that leave nothing behind.

A stateless response (RFC 3261 8.2.7) always has the same To tag for the same request, is never
repeated by itself, never answers an ACK or a response, and is not much longer than the request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from sip.dialog import one_line, warning
from sip.message import Request, Response, response_to

from .capabilities import (
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    ALLOW,
    BODY_KIND,
    SUPPORTED,
)
from .settings import MAX_REPLY_FACTOR, PACKET_OVERHEAD, unnumbered

_DIALOG_FORMING = frozenset({"INVITE", "UPDATE", "REFER", "SUBSCRIBE"})


class Replies:
    """Builds the responses of one user agent."""

    def __init__(
        self, server: str, secret: str, number_of: Callable[[int], str] = unnumbered
    ) -> None:
        self._server = server
        self._secret = secret.encode()[:64]
        self._number_of = number_of

    def build(
        self,
        request: Request,
        status: int,
        reason: str | None,
        *,
        why: str | None = None,
        contact: str | None = None,
        to_tag: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        sdp: bytes | None = None,
    ) -> Response:
        """A response with everything that its method and status call for."""
        response = response_to(
            request,
            status,
            None if reason is None else one_line(reason),
            to_tag=to_tag,
            headers=headers,
            body=sdp or b"",
            content_type="application/sdp" if sdp else None,
        )
        told = reason or (why and f"{self._number_of(status)} {why}".strip())
        self._complete(request, response, told, contact)
        return response

    def _complete(
        self, request: Request, response: Response, why: str | None, contact: str | None
    ) -> None:
        added: list[tuple[str, str]] = []
        status, method = response.status, request.method
        if shows_contact_in(method, status):
            if contact is not None:
                added.append(("Contact", contact))
            added += [("Allow", ALLOW), ("Supported", SUPPORTED)]
        elif method == "OPTIONS" and status == 200:
            added += [("Accept", ACCEPT), ("Allow", ALLOW), ("Supported", SUPPORTED)]
            added += [("Accept-Encoding", ACCEPT_ENCODING), ("Accept-Language", ACCEPT_LANGUAGE)]
        elif status in (405, 501):
            added.append(("Allow", ALLOW))
        elif status in (406, 415) and "Accept" not in response.headers:
            added.append(("Accept", ACCEPT))
            if "Content-Encoding" in request.headers:  # RFC 3261 8.2.3
                added.append(("Accept-Encoding", ACCEPT_ENCODING))
        if why is not None and status >= 300 and "Warning" not in response.headers:
            added.append(warning(why))
        if status != 100 and "Server" not in response.headers:
            added.append(("Server", self._server))
        for name, value in added:
            response.headers.add(name, value)
        if response.body:
            response.headers.put_last(BODY_KIND)

    def stateless(
        self,
        request: Request,
        status: int,
        why: str | None,
        size: int | None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> bytes | None:
        """The bytes of a response to a request of `size` bytes; None when it would be too long.

        Without a size it may have any length.
        """
        tag = self._tag(request)
        wanted = tuple(headers)
        full = self.build(request, status, None, why=why, to_tag=tag, headers=wanted).to_bytes()
        if size is None:
            return full
        most = MAX_REPLY_FACTOR * (size + PACKET_OVERHEAD) - PACKET_OVERHEAD
        if len(full) <= most:
            return full
        bare = response_to(request, status, None, to_tag=tag, headers=wanted).to_bytes()
        return bare if len(bare) <= most else None

    def _tag(self, request: Request) -> str:
        """RFC 3261 8.2.7: the same tag each time the same request comes."""
        lines = request.headers
        parts = [lines.get(name) or "" for name in ("Call-ID", "From", "CSeq")]
        digest = hashlib.blake2b(key=self._secret, digest_size=8)
        digest.update("\n".join(parts).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def shows_contact_in(method: str, status: int) -> bool:
    """Whether a response says where we can be reached (RFC 3261 12.1.1, RFC 3311 5.2)."""
    return 100 < status < 300 and method in _DIALOG_FORMING
