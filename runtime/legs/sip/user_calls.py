"""Calls to our own users: the Dialer in front of the one for addresses and numbers.

A user is rung on every phone that is registered, over the flow by which each was heard. One without
a phone is 480 at once, one that does not exist is 404.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from runtime.decisions.problems import Dials
from runtime.legs.audio_elsewhere import AudioElsewhere
from runtime.legs.leg import Dialer, DialRefused, DialRequest, Leg, LegIdentity
from runtime.legs.sip.direct import DirectAudio
from runtime.legs.sip.forking import ForkedCall
from runtime.legs.sip.headers import dial_headers
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.leg_audio import EngineAudio, LegAudio
from runtime.legs.sip.media_session import MediaSession
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.users import Users
from runtime.media.port import MediaLeg, MediaUnavailable
from sip.address import PeerAddress, is_secure
from sip.dialog import InviteSession
from sip.endpoint import Binding, Endpoint, NotRunningError, TooManySessionsError
from sip.message import MessageError, NameAddr, Uri
from sip.sdp import NegotiationError

ANONYMOUS: Final = "anonymous"
"""RFC 3261 8.1.1.3: the user of a caller that does not say who it is."""

MAX_SHOWN: Final = 80
"""Characters of a name that are repeated in a reason."""


@attrs.frozen(kw_only=True)
class Order:
    """A call to a user, as its INVITEs need it."""

    request: DialRequest
    caller: NameAddr
    headers: tuple[tuple[str, str], ...]


class UserCalls:
    """Implements runtime/legs/leg.py's Dialer: users here, everything else by `others`."""

    def __init__(
        self, settings: LegSettings, endpoint: Endpoint, users: Users, others: Dialer, host: str
    ) -> None:
        """`host` stands in the From of callers that name none."""
        self._settings = settings
        self._endpoint = endpoint
        self._users = users
        self._others = others
        self._host = host

    async def dial(self, request: DialRequest) -> Leg:
        """Start the attempt and return at once. Raises DialRefused."""
        if request.kind != "user":
            return await self._others.dial(request)
        headers = dial_headers(request)
        if headers.complaint:
            raise DialRefused(Dials.BAD_HEADERS, headers.complaint)
        bindings = self._bindings(request.to, request.application)
        caller = shown_caller(request, self._host)
        order = Order(request=request, caller=caller, headers=headers.written)
        if request.direct_for is not None:
            return self._place_directly(order, bindings, request.direct_for)
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            raise DialRefused(Dials.NO_AUDIO, f"no audio for this call: {exc}") from exc
        audio = self._audio(bindings, media)
        leg = self._leg(order, bindings[0], media, EngineAudio.over(audio))
        return self._place(order, bindings, leg, audio.offer(), {})

    def _bindings(self, name: str, application: str) -> tuple[Binding, ...]:
        shown = name[:MAX_SHOWN].encode("utf-8", "replace").decode()
        if not self._users:
            raise DialRefused(
                Dials.NO_USER, f"no user {shown!r}: none are configured; add [users.NAME]"
            )
        if not self._users.may_call(application, name):
            raise DialRefused(
                Dials.NO_USER,
                f"no user {shown!r} is configured in [users], or set for this application",
            )
        bindings = self._endpoint.bindings(name)
        if not bindings:
            raise DialRefused(Dials.USER_AWAY, f"user {shown!r} is not registered")
        return bindings

    def _place_directly(self, order: Order, bindings: tuple[Binding, ...], incoming: Leg) -> SipLeg:
        """The user's phones are offered what the caller has offered."""
        if not self._settings.direct:
            raise DialRefused(
                Dials.NOT_DIRECT,
                "the operator permits no direct calls ([rtp] direct = false)",
                code=403,
            )
        if not isinstance(incoming, SipLeg):
            raise DialRefused(Dials.NOT_DIRECT, "the caller is on no SIP phone")
        places: dict[InviteSession, PeerAddress] = {}
        try:
            direct = DirectAudio.between(incoming, self._settings.encryption, places.get)
        except ValueError as exc:
            raise DialRefused(Dials.NOT_DIRECT, str(exc)) from exc
        refusals = {one: direct.refuse(one.flow.peer) for one in bindings}
        fit = tuple(one for one in bindings if not refusals[one])
        if not fit:
            why = "; ".join(dict.fromkeys(refusals.values()))
            raise DialRefused(Dials.NOT_DIRECT, f"no direct audio with a phone of the user: {why}")
        leg = self._leg(order, fit[0], AudioElsewhere(), direct.of_leg)
        return self._place(order, fit, leg, direct.offer, places)

    def _place(
        self,
        order: Order,
        bindings: tuple[Binding, ...],
        leg: SipLeg,
        offer: bytes | None,
        places: dict[InviteSession, PeerAddress],
    ) -> SipLeg:
        """Ring the phones; `places` learns where the peer of each session is."""
        settings, call_ids, refusals = self._settings, list[str](), list[Exception]()

        def ring(binding: Binding, observer: ForkedCall) -> InviteSession | None:
            try:
                session = self._endpoint.invite(
                    str(binding.contact.uri),
                    sdp=offer,
                    from_=order.caller,
                    headers=order.headers,
                    over=binding,
                    call_id=call_ids[0] if call_ids else "",
                    observer=observer,
                )
            except (ValueError, TooManySessionsError, NotRunningError) as exc:
                refusals.append(exc)
                return None
            call_ids.append(session.call_id)
            places[session] = binding.flow.peer
            return session

        session = ForkedCall(leg, bindings, ring).begin()
        if session is None:
            leg.media.close()
            why = "; ".join(dict.fromkeys(map(str, refusals)))
            raise DialRefused(Dials.NOT_SENT, f"no phone of the user can be called: {why}")
        settings.own_calls.placed(session.call_id, order.request.session_id)
        leg.follow(session, settings.book)
        return leg

    def _audio(self, bindings: tuple[Binding, ...], media: MediaLeg) -> MediaSession:
        """One offer goes to all phones, so that its keys are as safe as the least safe way."""
        flows = [one.flow for one in bindings]
        weakest = next((flow for flow in flows if not is_secure(flow.transport)), flows[0])
        peer = weakest.peer
        try:
            return self._settings.audio_of(media, peer.host, transport=peer.transport)
        except NegotiationError as exc:
            media.close()
            raise DialRefused(Dials.NOTHING_TO_OFFER, exc.warning, code=exc.status) from exc

    def _leg(
        self,
        order: Order,
        binding: Binding,
        media: MediaLeg,
        audio_of: Callable[[SipLeg], LegAudio],
    ) -> SipLeg:
        settings, request, caller = self._settings, order.request, order.caller
        return SipLeg(
            identity=LegIdentity(
                number=request.to,
                callerid=caller.uri.user or "",
                display_name=request.display_name,
                from_uri=str(caller.uri),
                to_uri=f"sip:{request.to}@{self._users.realm}",
                client_type="user",
                remote=str(binding.flow.peer),
            ),
            incoming=False,
            media=media,
            audio_of=audio_of,
            now=settings.now,
            encryption=settings.encryption,
            info_digits=settings.info_digits,
        )


def shown_caller(request: DialRequest, host: str) -> NameAddr:
    """The From of a call; `callerid` is a user or number, or user@host. Raises DialRefused."""
    text = (request.callerid.strip() or ANONYMOUS).removeprefix("sip:")
    try:
        (request.display_name + text).encode()
        uri = Uri.parse(f"sip:{text}") if "@" in text else Uri(user=text, host=host)
        return NameAddr(
            display_name=request.display_name, uri=Uri(user=uri.user, host=uri.host, port=uri.port)
        )
    except (MessageError, UnicodeEncodeError) as exc:
        shown = text[:MAX_SHOWN].encode("utf-8", "replace").decode()
        raise DialRefused(Dials.BAD_CALLER, f"callerid {shown!r} is no address: {exc}") from exc
