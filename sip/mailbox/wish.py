"""What a SUBSCRIBE for a mailbox asks for, and why it is refused (RFC 6665 4.2.1, RFC 3842 3)."""

from __future__ import annotations

from typing import Final

import attrs

from sip.address import Transport
from sip.dialog import EventHeader
from sip.message import MessageError, NameAddr, Request
from sip.registrar import check_contact

from .limits import (
    DEFAULT_EXPIRES_S,
    MAX_EVENT_CHARS,
    MAX_EXPIRES_S,
    MAX_ROUTES,
    MIN_EXPIRES_S,
)
from .summary import CONTENT_TYPE, MAILBOX_EVENT, accepts_summary

_DIGITS_READ: Final = 9
"""Of Expires: more are more than any maximum."""


@attrs.frozen(kw_only=True)
class Wish:
    expires_s: int
    """0 ends the subscription, or asks for the state once."""
    event: str
    """As every NOTIFY repeats it, with the phone's id."""
    contact: NameAddr


@attrs.frozen(kw_only=True)
class Refused:
    """The response to a SUBSCRIBE that is not carried out."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


def asks_for_mailbox(request: Request) -> bool:
    """Whether this is a SUBSCRIBE that only a user of ours may send."""
    if request.method != "SUBSCRIBE":
        return False
    event = EventHeader.of(request)
    return event is not None and event.package == MAILBOX_EVENT


def read_wish(request: Request, transport: Transport, user: str) -> Wish | Refused:
    """What `user` asks for, by `transport`; nobody subscribes to the mailbox of somebody else."""
    is_first = request.to.tag is None  # later ones are addressed to our Contact
    if is_first and request.request_uri.user not in (None, user):
        asked = str(request.request_uri)[:80]
        return Refused(status=403, reason=f"user {user} may not subscribe to {asked}")
    if not accepts_summary(request.headers.values("Accept")):
        headers = (("Accept", CONTENT_TYPE),)
        return Refused(status=406, reason=f"Accept is without {CONTENT_TYPE}", headers=headers)
    event = (request.headers.get("Event") or "").strip()
    try:
        contact = _contact_of(request, transport)
    except MessageError as exc:
        return Refused(status=exc.status, reason=exc.reason)
    if len(event) > MAX_EVENT_CHARS or len(request.headers.values("Record-Route")) > MAX_ROUTES:
        return Refused(status=400, reason="Event or Record-Route is too long")
    wanted = _seconds(request.headers.get("Expires"))
    if 0 < wanted < MIN_EXPIRES_S:
        headers = (("Min-Expires", str(MIN_EXPIRES_S)),)
        return Refused(status=423, reason=f"at least {MIN_EXPIRES_S} s", headers=headers)
    return Wish(expires_s=min(wanted, MAX_EXPIRES_S), event=event, contact=contact)


def _contact_of(request: Request, transport: Transport) -> NameAddr:
    """What the NOTIFYs are addressed to (RFC 6665 4.1.1)."""
    contact = request.contact
    if contact is None or contact.is_wildcard:
        raise MessageError(400, "a subscription needs a Contact")
    check_contact(contact, transport)
    return contact


def _seconds(text: str | None) -> int:
    """RFC 3261 20.19: what is no number counts as if it were not there."""
    if text is None or not (text.isascii() and text.isdigit()):
        return DEFAULT_EXPIRES_S
    return int(text[:_DIGITS_READ])
