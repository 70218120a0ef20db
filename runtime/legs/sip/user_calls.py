"""Calls to our own users: the Dialer in front of the one for addresses and numbers.

A user is rung on every phone that is registered, over the flow by which each was heard. One without
a phone is 480 at once, one that does not exist is 404.
"""

from __future__ import annotations

from typing import Final

from runtime.legs.leg import Dialer, DialRefused, DialRequest, Leg, LegIdentity
from runtime.legs.sip.forking import ForkedCall
from runtime.legs.sip.headers import dial_headers
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.media_session import MediaSession
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.users import Users
from runtime.media.port import MediaLeg, MediaUnavailable
from sip.address import is_secure
from sip.dialog import InviteSession
from sip.endpoint import Binding, Endpoint, NotRunningError, TooManySessionsError
from sip.message import MessageError, NameAddr, Uri
from sip.sdp import NegotiationError

ANONYMOUS: Final = "anonymous"
"""RFC 3261 8.1.1.3: the user of a caller that does not say who it is."""

MAX_SHOWN: Final = 80
"""Characters of a name that are repeated in a reason."""


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
            raise DialRefused(400, headers.complaint)
        bindings = self._bindings(request.to)
        caller = shown_caller(request, self._host)
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            raise DialRefused(503, f"no audio for this call: {exc}") from exc
        return self._place(request, bindings, caller, headers.written, media)

    def _bindings(self, name: str) -> tuple[Binding, ...]:
        shown = name[:MAX_SHOWN].encode("utf-8", "replace").decode()
        if not self._users:
            raise DialRefused(404, f"no user {shown!r}: none are configured; add [users.NAME]")
        if name not in self._users:
            raise DialRefused(404, f"no user {shown!r} is configured in [users]")
        bindings = self._endpoint.bindings(name)
        if not bindings:
            raise DialRefused(480, f"user {shown!r} is not registered")
        return bindings

    def _place(
        self,
        request: DialRequest,
        bindings: tuple[Binding, ...],
        caller: NameAddr,
        headers: tuple[tuple[str, str], ...],
        media: MediaLeg,
    ) -> SipLeg:
        settings, call_ids, refusals = self._settings, list[str](), list[Exception]()
        audio = self._audio(bindings, media)
        leg = self._leg(request, bindings[0], caller, media, audio)
        offer = audio.offer()

        def ring(binding: Binding, observer: ForkedCall) -> InviteSession | None:
            try:
                session = self._endpoint.invite(
                    str(binding.contact.uri),
                    sdp=offer,
                    from_=caller,
                    headers=headers,
                    over=binding,
                    call_id=call_ids[0] if call_ids else "",
                    observer=observer,
                )
            except (ValueError, TooManySessionsError, NotRunningError) as exc:
                refusals.append(exc)
                return None
            call_ids.append(session.call_id)
            return session

        session = ForkedCall(leg, bindings, ring).begin()
        if session is None:
            media.close()
            why = "; ".join(dict.fromkeys(map(str, refusals)))
            raise DialRefused(503, f"no phone of the user can be called: {why}")
        settings.own_calls.placed(session.call_id, request.session_id)
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
            raise DialRefused(exc.status, exc.warning) from exc

    def _leg(
        self,
        request: DialRequest,
        binding: Binding,
        caller: NameAddr,
        media: MediaLeg,
        audio: MediaSession,
    ) -> SipLeg:
        settings = self._settings
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
            audio=audio,
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
        raise DialRefused(400, f"callerid {shown!r} is no address: {exc}") from exc
