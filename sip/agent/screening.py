"""What a request outside any dialog gets before a session can come of it (RFC 3261 8.2).

In the RFC's order: method, Request-URI, loops, extensions, body; then the limits of this endpoint.
The result is a verdict; nothing is sent or remembered here.
"""

from __future__ import annotations

import attrs

from sip.address import Flow, is_secure
from sip.dialog import EVENT, MIN_SE, EventHeader, is_too_small, sdp_of
from sip.mailbox import MAILBOX_EVENT
from sip.message import MessageError, Request

from .capabilities import EXTENSIONS, HANDLED, IN_DIALOG_ONLY, KNOWN_ELSEWHERE, accepts_sdp
from .outputs import Conduct

_SCHEMES = frozenset({"sip", "tel"})
_SECURE_SCHEMES = _SCHEMES | {"sips"}


def schemes_on(flow: Flow) -> frozenset[str]:
    """Request-URI schemes that are served: sips: only when nobody on the way could read it."""
    return _SECURE_SCHEMES if is_secure(flow.transport) else _SCHEMES


@attrs.frozen(kw_only=True)
class Verdict:
    """A response that the endpoint gives by itself."""

    status: int
    reason: str | None
    headers: tuple[tuple[str, str], ...] = ()
    detail: str = ""
    """For the operator's log alone, when the peer is not to be told."""
    silent: bool = False
    """Nothing is sent."""
    conduct: Conduct | None = None
    """What the owner's gate is to know of the peer."""

    @property
    def is_refusal(self) -> bool:
        """A bare challenge is none: every phone gets one, and answers it."""
        is_challenge = self.status == 401 and not (self.reason or self.detail)
        return self.status >= 300 and not is_challenge


def check_method(request: Request) -> Verdict | None:
    """RFC 3261 8.2.1: 405 for what others may offer, 501 for what nobody knows."""
    method = request.method
    if method in HANDLED:
        return None
    status = 405 if method in KNOWN_ELSEWHERE else 501
    return Verdict(status=status, reason=f"method {method[:40]} is not offered here")


def check_extensions(request: Request) -> Verdict | None:
    """RFC 3261 8.2.2.3: all option tags that we do not know, in Unsupported."""
    required = request.headers.values("Require")
    unknown = [tag for tag in required if tag not in EXTENSIONS]
    if not unknown:
        return None
    return Verdict(
        status=420,
        reason=f"unsupported extensions: {', '.join(unknown)}",
        headers=(("Unsupported", ", ".join(unknown)),),
    )


def check_outside_dialog(request: Request) -> Verdict | None:
    """Requests that cannot begin a session, whatever the state of the endpoint."""
    if request.to.tag is not None:
        return Verdict(status=481, reason="no dialog has this Call-ID and To tag")
    if request.method in IN_DIALOG_ONLY:
        return Verdict(status=481, reason=f"{request.method} needs a dialog")
    if request.method == "REFER":
        return Verdict(status=403, reason="REFER outside a call: nothing here dials for others")
    if request.method == "MESSAGE":
        return Verdict(status=403, reason="MESSAGE outside a call: nobody here would read it")
    if request.method in ("NOTIFY", "SUBSCRIBE"):
        return _check_event(request)
    if request.method == "REGISTER":
        return Verdict(status=403, reason="no registrar is configured here")
    return None


def _check_event(request: Request) -> Verdict | None:
    """RFC 6665: only users can subscribe, and to their mailbox (`mailboxes`). Unsolicited news of a
    mailbox (RFC 3842) are taken and left alone: exchanges send them to every phone, again and again
    if refused."""
    event = EventHeader.of(request)
    if request.method == "NOTIFY" and event is not None and event.package == MAILBOX_EVENT:
        return None
    package = "none" if event is None else event.package[:40]
    return Verdict(
        status=489,
        reason=f"{request.method} for event {package}: not served outside a call",
        headers=(("Allow-Events", EVENT),),
    )


def check_invite(request: Request) -> Verdict | None:
    """Whether the body and the wishes of an INVITE are ones that we can meet."""
    if not accepts_sdp(request.headers.values("Accept")):
        return Verdict(status=406, reason="Accept does not allow application/sdp")
    try:
        sdp_of(request)
        if is_too_small(request):
            return Verdict(
                status=422,
                reason=f"Session-Expires is below {MIN_SE} s",
                headers=(("Min-SE", str(MIN_SE)),),
            )
    except MessageError as exc:
        return Verdict(status=exc.status, reason=exc.reason)
    return None
