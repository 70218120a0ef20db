"""Outgoing calls: the Dialer of the session registry, over the endpoint and the engine.

What may leave, and under which name, is decided in route.py; this shell opens the audio, makes the
offer and sends the INVITE. An attempt that cannot even begin is a DialRefused with code and reason.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused, DialRequest, Leg, LegIdentity
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.leg_audio import EngineAudio
from runtime.legs.sip.media_session import MediaSession
from runtime.legs.sip.route import OutgoingRoute, OutgoingRules, Plan
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trunk.attempts import Attempts
from runtime.legs.sip.trunk.desk import TrunkDesk
from runtime.media.port import MediaLeg, MediaUnavailable
from sip.endpoint import Endpoint, NotRunningError, TooManySessionsError
from sip.sdp import NegotiationError


class SipDialer:
    """Implements runtime/legs/leg.py's Dialer."""

    def __init__(
        self,
        settings: LegSettings,
        endpoint: Endpoint,
        rules: OutgoingRules,
        desk: TrunkDesk | None = None,
    ) -> None:
        """Without `desk` no trunk has limits."""
        self._settings = settings
        self._endpoint = endpoint
        self._rules = rules
        self._desk = desk or TrunkDesk((), settings.now)

    async def dial(self, request: DialRequest) -> Leg:
        """Start the attempt and return at once. Raises DialRefused."""
        plan = self._rules.plan(request)
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            raise DialRefused(Dials.NO_AUDIO, f"no audio for this call: {exc}") from exc
        return self._begin(request, plan, media, offer=True)

    def place(
        self,
        request: DialRequest,
        route: OutgoingRoute,
        media: MediaLeg,
        *,
        offer: bool = True,
    ) -> SipLeg:
        """Send one INVITE; without `offer` the called side is asked for one (RFC 3264 5)."""
        return self._begin(request, Plan(routes=(route,), why="as asked"), media, offer=offer)

    def _begin(self, request: DialRequest, plan: Plan, media: MediaLeg, *, offer: bool) -> SipLeg:
        """Send the INVITE of the first route that takes one. Raises DialRefused."""
        settings = self._settings
        left_out = list(plan.left_out)
        waiting = deque(plan.routes)
        audio = self._first_audio(media, waiting, left_out)
        route = waiting.popleft()
        leg = SipLeg(
            identity=identity_of(request, route),
            incoming=False,
            media=media,
            audio_of=EngineAudio.over(audio),
            now=settings.now,
            encryption=settings.encryption,
            trunk=route.trunk,
            info_digits=settings.info_digits,
        )
        for why in left_out:
            leg.note("sip", f"not tried: {why}")
        if route.trunk:
            leg.note("sip", f"over trunk {route.trunk}: {plan.why}")
        attempts = Attempts(
            leg=leg,
            current=route,
            waiting=waiting,
            send=partial(self._send, request, leg, media, offer=offer),
            enter=lambda trunk: self._desk.enter(trunk, "out"),
            trunk_failed=self._desk.failed,
        )
        try:
            attempts.begin()
        except DialRefused:
            media.close()
            raise
        return leg

    def _send(
        self,
        request: DialRequest,
        leg: SipLeg,
        media: MediaLeg,
        route: OutgoingRoute,
        attempts: Attempts,
        *,
        offer: bool,
    ) -> None:
        """The leg's INVITE over one route. Raises DialRefused."""
        audio = self._audio(media, route)
        try:
            session = self._endpoint.invite(
                str(route.target),
                sdp=audio.offer() if offer else None,
                from_=route.from_,
                headers=route.headers,
                credentials=route.credentials,
                route=str(route.proxy) if route.proxy else None,
                may_follow=route.may_follow,
                first_response_s=attempts.patience_s,
                observer=attempts,
            )
        except ValueError as exc:
            why = f"the call cannot be written as SIP: {exc}"
            raise DialRefused(Dials.BAD_ADDRESS, why) from exc
        except (TooManySessionsError, NotRunningError) as exc:
            raise DialRefused(Dials.NOT_SENT, str(exc)) from exc
        self._settings.own_calls.placed(
            session.call_id, request.session_id, conference=request.kind == "conference"
        )
        leg.identity, leg.trunk = identity_of(request, route), route.trunk
        leg.follow(session, self._settings.book, EngineAudio(leg, audio))

    def _first_audio(
        self, media: MediaLeg, routes: deque[OutgoingRoute], left_out: list[str]
    ) -> MediaSession:
        """Of the first route that may have audio; those before it are left out."""
        while True:
            try:
                return self._audio(media, routes[0])
            except DialRefused as exc:
                left_out.append(f"trunk {routes.popleft().trunk}: {exc.reason}")
                if not routes:
                    media.close()
                    raise

    def _audio(self, media: MediaLeg, route: OutgoingRoute) -> MediaSession:
        """Raises DialRefused where a required key may not travel over the route's transport."""
        hop = route.next_hop
        transport = "tls" if hop.scheme == "sips" else hop.params.get("transport") or "udp"
        try:
            return self._settings.audio_of(
                media, hop.host, transport=transport.lower(), codecs=route.codecs, srtp=route.srtp
            )
        except NegotiationError as exc:
            raise DialRefused(Dials.NOTHING_TO_OFFER, exc.warning, code=exc.status) from exc


def identity_of(request: DialRequest, route: OutgoingRoute) -> LegIdentity:
    return LegIdentity(
        number=route.target.user or "",
        callerid=route.from_.uri.user or "",
        display_name=request.display_name,
        from_uri=str(route.from_.uri),
        to_uri=str(route.target),
        client_type="pstn" if request.kind == "pstn" else "sip",
        remote=str(route.next_hop),
    )
