"""Calls into our own shared sessions (VoxEngine.callConference): the Dialer in front of the others.

Such a call is an INVITE to our own UDP listener, so that the session that takes it sees a call like
any other. Nobody else can make one: what arrives is told by its Call-ID and by the socket that it
comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from runtime.decisions.problems import Dials
from runtime.legs.leg import Dialer, DialRefused, DialRequest, Leg
from runtime.legs.sip.headers import script_headers
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.route import OutgoingRoute
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.user_calls import shown_caller
from runtime.media.port import MediaUnavailable
from sip.address import BoundAddress, PeerAddress, ip_literal
from sip.message import MessageError, Uri

LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}
"""By IP version: how a listener on every address is reached from here."""


class ConferenceCalls:
    """Implements runtime/legs/leg.py's Dialer: conferences here, everything else by `others`."""

    def __init__(
        self,
        settings: LegSettings,
        calls: SipDialer,
        others: Dialer,
        *,
        own: Callable[[], Sequence[BoundAddress]],
        host: str,
    ) -> None:
        """`own`: where we listen now. `host` stands in the From of callers that name none."""
        self._settings = settings
        self._calls = calls
        self._others = others
        self._own = own
        self._host = host

    async def dial(self, request: DialRequest) -> Leg:
        """Start the attempt and return at once. Raises DialRefused."""
        if request.kind != "conference":
            return await self._others.dial(request)
        headers = script_headers(request.headers)
        if headers.complaint:
            raise DialRefused(Dials.BAD_HEADERS, headers.complaint)
        route = OutgoingRoute(
            target=self._target(request.to),
            from_=shown_caller(request, self._host),
            headers=headers.written,
            credentials=None,
            proxy=None,
            codecs=None,
        )
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            raise DialRefused(Dials.NO_AUDIO, f"no audio for this call: {exc}") from exc
        return self._calls.place(request, route, media)

    def _target(self, name: str) -> Uri:
        ours = next((each for each in self._own() if each.transport == "udp"), None)
        if ours is None:
            raise DialRefused(
                Dials.NO_LISTENER,
                "callConference needs a listener of our own that takes UDP: [sip] listen",
            )
        literal = ip_literal(ours.host)
        host = LOOPBACK[literal.version] if literal and literal.is_unspecified else ours.host
        try:
            return Uri(scheme="sip", user=name, host=host, port=ours.port)
        except MessageError as exc:
            why = f"conferenceId cannot be dialled: {exc.reason}"
            raise DialRefused(Dials.BAD_ADDRESS, why) from exc


def is_own(peer: PeerAddress, own: Sequence[BoundAddress]) -> bool:
    """Whether a datagram came from one of our own sockets. No other process can send from them,
    and from outside no packet with an address of this machine is let in."""
    for ours in own:
        if peer.transport != "udp" or ours.transport != "udp" or peer.port != ours.port:
            continue
        literal = ip_literal(ours.host)
        wildcard = literal is not None and literal.is_unspecified
        if peer.host == ours.host or (wildcard and peer.is_loopback):
            return True
    return False
