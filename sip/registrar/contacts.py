"""What the Contact headers of a REGISTER ask for (RFC 3261 10.2, 10.3 steps 6 and 7)."""

from __future__ import annotations

import attrs

from sip.address import Transport, is_secure
from sip.message import MessageError, NameAddr, Request

from .settings import DEFAULT_EXPIRES_S, MAX_CONTACT_CHARS, MAX_CONTACTS_EVER, RegistrarSettings

_MISLEADING = ("maddr", "method", "ttl")
"""URI parameters that would send a call elsewhere than the contact says."""


@attrs.frozen
class Query:
    """No Contact: the phone asks what is registered."""


@attrs.frozen
class RemoveAll:
    """`Contact: *` with `Expires: 0`."""


@attrs.frozen(kw_only=True)
class Change:
    contact: NameAddr
    expires_s: int
    """0 removes it."""


class TooBriefError(Exception):
    """An interval below ours: 423 (RFC 3261 10.3 step 7)."""


def read_contacts(
    request: Request, transport: Transport, settings: RegistrarSettings
) -> Query | RemoveAll | tuple[Change, ...]:
    """What a REGISTER that came by `transport` asks for. MessageError for what cannot be
    registered; TooBriefError for a short interval."""
    contacts = request.contacts
    default = _seconds(request.headers.get("Expires"))
    if not contacts:
        return Query()
    if contacts[0].is_wildcard:
        if default != 0:
            raise MessageError(400, "Contact: * is for Expires: 0")
        return RemoveAll()
    if len(contacts) > MAX_CONTACTS_EVER:
        raise MessageError(400, f"more than {MAX_CONTACTS_EVER} contacts in one request")
    for contact in contacts:
        check_contact(contact, transport)
    return tuple(_change(contact, default, settings) for contact in contacts)


def _change(contact: NameAddr, default: int | None, settings: RegistrarSettings) -> Change:
    own = _seconds(contact.params.get("expires")) if "expires" in contact.params else default
    wanted = DEFAULT_EXPIRES_S if own is None else own
    if 0 < wanted < settings.min_expires_s:
        raise TooBriefError
    return Change(contact=contact, expires_s=min(wanted, settings.max_expires_s))


def check_contact(contact: NameAddr, transport: Transport) -> None:
    """MessageError for an address of a phone, heard by `transport`, that nothing may be sent to."""
    uri = contact.uri
    if uri.scheme not in ("sip", "sips") or uri.opaque is not None:
        raise MessageError(400, f"only sip: contacts can be called, not {uri.scheme[:20]}:")
    if uri.scheme == "sips" and not is_secure(transport):
        # its calls would go back by the connection that it registered over, and that is none
        why = f"a sips: contact is for phones that come over TLS or WSS, not {transport.upper()}"
        raise MessageError(400, why)
    if uri.headers or uri.password is not None or any(name in uri.params for name in _MISLEADING):
        raise MessageError(400, "a contact with headers, a password, maddr, method or ttl")
    if len(str(contact)) > MAX_CONTACT_CHARS:
        raise MessageError(400, f"a contact of more than {MAX_CONTACT_CHARS} characters")


def _seconds(text: str | None) -> int | None:
    """RFC 3261 20.19: what is no number counts as if it were not there."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text[:9])
