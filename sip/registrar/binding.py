"""One binding: a user can be reached at this contact, over this flow, until then."""

from __future__ import annotations

from typing import Final

import attrs

from sip.address import Flow, ip_literal
from sip.message import NameAddr, Uri

_KEPT: Final = ("q", "+sip.instance", "reg-id")
"""Contact parameters that a phone wants to see again (RFC 3261 10.3, RFC 5626 4.1)."""


@attrs.frozen(kw_only=True)
class Binding:
    user: str
    contact: NameAddr
    """As the phone wrote it."""
    flow: Flow
    """Where its REGISTER came in: the way back through its NAT."""
    call_id: str
    cseq: int
    expires_at: float
    user_agent: str = ""

    @property
    def q(self) -> float:
        """Preference, 0 to 1; 1 when the phone does not say, or not sensibly."""
        return quality(self.contact)

    @property
    def key(self) -> tuple[str, str]:
        return binding_key(self.contact)

    @property
    def next_hop(self) -> Uri:
        return way_back(self.flow, self.contact.uri)

    def written(self, now: float) -> str:
        """The Contact value of a response, with the seconds that are left."""
        kept = {name: self.contact.params[name] for name in _KEPT if name in self.contact.params}
        left = max(0, round(self.expires_at - now))
        return str(NameAddr(uri=self.contact.uri, params={**kept, "expires": str(left)}))


def way_back(flow: Flow, uri: Uri) -> Uri:
    """Where a request to `uri` is sent: where the phone was heard, and nowhere else.

    Its own port counts when it names the address that its request came from. Any other address is
    a NAT's inside or a third party, whom nobody is to have us call.
    """
    peer = flow.peer
    host = peer.host.partition("%")[0]
    if flow.transport == "udp" and _is_same(uri.host, host):
        return Uri(host=host, port=uri.port, params={"transport": "udp"})
    return Uri(host=host, port=peer.port, params={"transport": peer.transport})


def binding_key(contact: NameAddr) -> tuple[str, str]:
    """What a later REGISTER of the same phone has in common with this one.

    The instance and reg-id when the phone has them, so that a restarted phone with another port
    replaces itself (RFC 5626 6); the URI otherwise, compared by its meaning elsewhere.
    """
    instance = contact.params.get("+sip.instance")
    if instance:
        return instance.lower(), contact.params.get("reg-id") or ""
    return "", ""


def quality(contact: NameAddr) -> float:
    text = contact.params.get("q") or "1"
    try:
        value = float(text) if len(text) <= 5 and text.isascii() else 1.0
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0


def _is_same(host: str, source: str) -> bool:
    literal = ip_literal(host)
    return literal is not None and literal == ip_literal(source)
