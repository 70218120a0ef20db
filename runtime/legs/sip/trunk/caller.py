"""Who calls, as trunks say it: P-Asserted-Identity, Remote-Party-ID, Diversion and Privacy. Pure.

RFC 3325 (asserted identity), RFC 3323 (privacy), RFC 5806 (diversion), draft-ietf-sip-privacy-04
(Remote-Party-ID). The rule: what a peer asserts counts only when the operator trusts it, and a
caller who asked to be withheld is withheld from scripts, whoever asserted it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from runtime.config.trunk import IdentityHeader
from sip.message import Headers, MessageError, NameAddr, Uri

ANONYMOUS: Final = "anonymous"
"""RFC 3261 8.1.1.3: the user of a caller that does not say who it is."""
ANONYMOUS_HOST: Final = "anonymous.invalid"
"""RFC 3323 4.1.1.3."""
MAX_VALUES: Final = 8
"""Of one header that are looked at: two identities, a handful of diversions."""
_WITHHOLDS: Final = frozenset({"id", "user", "header", "critical"})
"""Privacy values that hide the number (RFC 3323 4.2, RFC 3325 9.3); `session` hides addresses."""


@attrs.frozen(kw_only=True)
class Asserted:
    """What the headers of an INVITE say of the caller."""

    number: str
    """User part, or the number of a tel: URI; "anonymous" when withheld."""
    display_name: str
    source: str
    """The header that it was taken from."""
    withheld: bool = False
    diversion: str = ""
    """Who passed the call on last: the first Diversion value; empty for none."""


def asserted(headers: Headers, from_: NameAddr, *, trusted: bool) -> Asserted:
    """The caller of an INVITE, as far as a peer that is `trusted` or not may say it."""
    party, source = from_, "From"
    if trusted:
        for name in ("P-Asserted-Identity", "Remote-Party-ID"):
            found = _first(headers, name)
            if found is not None:
                party, source = found, name
                break
    diverted = _first(headers, "Diversion") if trusted else None
    diversion = "" if diverted is None else user_or_number(diverted)
    if _is_withheld(headers, party if source == "Remote-Party-ID" else None):
        return Asserted(
            number=ANONYMOUS, display_name="", source=source, withheld=True, diversion=diversion
        )
    return Asserted(
        number=user_or_number(party),
        display_name=party.display_name or from_.display_name,
        source=source,
        diversion=diversion,
    )


def _is_withheld(headers: Headers, remote_party: NameAddr | None) -> bool:
    wishes = {
        wish.strip().lower() for line in headers.values("Privacy") for wish in line.split(";")
    }
    if wishes & _WITHHOLDS:
        return True
    wish = remote_party.params.get("privacy") if remote_party is not None else None
    return wish is not None and wish.lower() in ("full", "uri")


def _first(headers: Headers, name: str) -> NameAddr | None:
    """The first value that can be read, tel: URIs after sip: ones (RFC 3325 9.1 allows both)."""
    found: list[NameAddr] = []
    for value in headers.values(name)[:MAX_VALUES]:
        try:
            found.append(NameAddr.parse(value))
        except MessageError:
            continue
    readable = [address for address in found if user_or_number(address)]
    readable.sort(key=lambda address: address.uri.opaque is not None)
    return readable[0] if readable else None


def user_or_number(address: NameAddr) -> str:
    """The user of a sip: URI, or the number of a tel: URI."""
    uri = address.uri
    return uri.opaque.partition(";")[0] if uri.opaque is not None else uri.user or ""


@attrs.frozen(kw_only=True)
class ShownCaller:
    """How an outgoing call says who places it."""

    from_: NameAddr
    headers: tuple[tuple[str, str], ...] = ()


def shown_caller(
    caller: NameAddr,
    *,
    header: IdentityHeader,
    account: str = "",
    diversion: Iterable[NameAddr] = (),
) -> ShownCaller:
    """Write the caller for a trunk.

    A caller named "anonymous" is withheld: From says nothing, Privacy asks for the rest, and the
    identity header tells the trunk the `account` whose call it is, so that it can be billed.
    """
    withheld = (caller.uri.user or "").lower() == ANONYMOUS
    told = caller
    if withheld:
        told = NameAddr(uri=attrs.evolve(caller.uri, user=account, escaped_user=None))
        caller = NameAddr(
            display_name="Anonymous", uri=Uri(scheme="sip", user=ANONYMOUS, host=ANONYMOUS_HOST)
        )
    headers: list[tuple[str, str]] = []
    if header == "p-asserted-identity" and told.uri.user:
        headers.append(("P-Asserted-Identity", str(told)))
    elif header == "remote-party-id" and told.uri.user:
        privacy = "full" if withheld else "off"
        headers.append(("Remote-Party-ID", f"{told};party=calling;screen=yes;privacy={privacy}"))
    if withheld:
        headers.append(("Privacy", "id"))
    # RFC 5806 4: without a reason of our own to know, the reason is unknown
    headers += [("Diversion", f"{address};reason=unknown") for address in diversion]
    return ShownCaller(from_=caller, headers=tuple(headers))
