"""Whether a message that could be read may be acted on (RFC 3261 8.1.1, 8.1.3.5, 8.2, 16.3).

Rule: the error names the status to answer. RFC 2543 peers are let in (no branch, no From
tag, no Max-Forwards, no Contact: RFC 4475 3.4.1), everything ambiguous is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from .error import MessageError
from .message import Message, Request

SUPPORTED_SCHEMES: Final = frozenset({"sip", "sips", "tel"})
"""Request-URIs that we can make sense of; any other is answered 416 (RFC 3261 8.2.2.1)."""

_SINGLE: Final = frozenset(
    {
        *("call-id", "cseq", "from", "to", "max-forwards", "content-type", "expires"),
        *("session-expires", "min-se", "event", "refer-to", "replaces", "rack", "rseq"),
    }
)
"""Headers of which there is one (RFC 3261 7.3.1); two leave open which one counts."""


def validate(message: Message, *, schemes: Collection[str] = SUPPORTED_SCHEMES) -> None:
    """Return if the message is sound; MessageError with the status to answer otherwise."""
    _check_singles(message)
    cseq, _, _, _ = message.cseq, message.call_id, message.from_, message.to
    if not message.vias:
        raise MessageError(400, "missing Via header field", message)
    contacts = message.contacts
    if isinstance(message, Request):
        if cseq.method != message.method:
            reason = f"CSeq is for {cseq.method[:40]}, the request is {message.method[:40]}"
            raise MessageError(400, reason, message)
        _ = message.max_forwards
        _check_contacts(message, [contact.is_wildcard for contact in contacts])
        _check_scheme(message, schemes)


def _check_singles(message: Message) -> None:
    for key in message.headers.repeated():
        if key in _SINGLE:
            raise MessageError(400, f"more than one {key} header field", message)


def _check_contacts(request: Request, wildcards: list[bool]) -> None:
    if any(wildcards) and (request.method != "REGISTER" or len(wildcards) > 1):
        # RFC 3261 10.2.2: "*" stands alone, and only in a REGISTER.
        raise MessageError(400, "Contact: * is for a REGISTER, and alone", request)
    if request.method == "INVITE" and len(wildcards) > 1:
        # RFC 3261 8.1.1.8: exactly one in what may create a dialog.
        raise MessageError(400, "more than one Contact in an INVITE", request)


def _check_scheme(request: Request, schemes: Collection[str]) -> None:
    uri = request.request_uri
    if uri.scheme not in schemes:
        reason = f"Request-URI scheme {uri.scheme[:40]!r}; supported: {', '.join(sorted(schemes))}"
        raise MessageError(416, reason, request)
