"""Outgoing calls: the Dialer of the session registry, over the endpoint and the engine.

What may leave, and under which name, is decided in route.py; this shell opens the audio, makes the
offer and sends the INVITE. An attempt that cannot even begin is a DialRefused with code and reason.
"""

from __future__ import annotations

from runtime.legs.leg import DialRefused, DialRequest, Leg, LegIdentity
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.route import OutgoingRoute, OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.media.port import MediaLeg, MediaUnavailable
from sip.endpoint import Endpoint, NotRunningError, TooManySessionsError
from sip.sdp import NegotiationError


class SipDialer:
    """Implements runtime/legs/leg.py's Dialer."""

    def __init__(self, settings: LegSettings, endpoint: Endpoint, rules: OutgoingRules) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._rules = rules

    async def dial(self, request: DialRequest) -> Leg:
        """Start the attempt and return at once. Raises DialRefused."""
        route = self._rules.route(request)
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            raise DialRefused(503, f"no audio for this call: {exc}") from exc
        return self.place(request, route, media)

    def place(
        self,
        request: DialRequest,
        route: OutgoingRoute,
        media: MediaLeg,
        *,
        offer: bool = True,
    ) -> SipLeg:
        """Send the INVITE; without `offer` the called side is asked for one (RFC 3264 5)."""
        settings = self._settings
        hop = route.next_hop
        transport = "tls" if hop.scheme == "sips" else hop.params.get("transport") or "udp"
        try:
            audio = settings.audio_of(
                media, hop.host, transport=transport.lower(), codecs=route.codecs, srtp=route.srtp
            )
        except NegotiationError as exc:
            media.close()
            raise DialRefused(exc.status, exc.warning) from exc
        leg = SipLeg(
            identity=identity_of(request, route),
            incoming=False,
            media=media,
            audio=audio,
            now=settings.now,
            encryption=settings.encryption,
            trunk=route.trunk,
            info_digits=settings.info_digits,
        )
        try:
            session = self._endpoint.invite(
                str(route.target),
                sdp=audio.offer() if offer else None,
                from_=route.from_,
                headers=route.headers,
                credentials=route.credentials,
                route=str(route.proxy) if route.proxy else None,
                may_follow=route.may_follow,
                observer=leg,
            )
        except ValueError as exc:
            media.close()
            raise DialRefused(400, f"the call cannot be written as SIP: {exc}") from exc
        except (TooManySessionsError, NotRunningError) as exc:
            media.close()
            raise DialRefused(503, str(exc)) from exc
        settings.own_calls.placed(session.call_id, request.session_id)
        leg.follow(session, settings.book)
        return leg


def identity_of(request: DialRequest, route: OutgoingRoute) -> LegIdentity:
    return LegIdentity(
        number=route.target.user or "",
        callerid=route.from_.uri.user or "",
        display_name=request.display_name,
        from_uri=str(route.from_.uri),
        to_uri=str(route.target),
        remote=str(route.next_hop),
    )
