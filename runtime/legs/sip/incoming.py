"""An INVITE becomes a Leg: audio is found and agreed on first, then the session registry takes it.

Rules: nothing but 100 goes out before a script asks for it; an offer that we cannot take is refused
with 488 and the reason, a call that the engine cannot carry with 503; whoever hangs up while the
audio is being found leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

from runtime.decisions.problems import Calls
from runtime.legs.leg import Leg, LegIdentity
from runtime.legs.sip.headers import seen_by_script
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.leg_audio import EngineAudio
from runtime.legs.sip.own_calls import Placed
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.told import numbered_warning
from runtime.legs.sip.trunk.arriving import TrunkRefusal, identity_over
from runtime.legs.sip.trunk.caller import user_or_number
from runtime.legs.sip.trunk.desk import Line
from runtime.legs.sip.trunk.recognition import Caller, Recognised
from runtime.legs.sip.users import Users
from runtime.media.port import MediaLeg, MediaUnavailable
from sip.agent import LINE
from sip.auth import Credentials
from sip.dialog import InviteSession, events
from sip.message import MessageError, Uri
from sip.sdp import NegotiationError, SdpError

MAX_ARRIVING: Final = 256
"""Calls whose audio is being found; at 100 calls a second and some ms each, two are usual."""
RETRY_AFTER_S: Final = 5
"""An engine that was restarted is back by then."""
BUSY: Final = 503
MAX_NAME: Final = 256
"""Characters of a user part or display name; the bound of the session protocol."""
MAX_URI: Final = 2_000
STRANGERS: Final = Placed()
"""Of a call that is not our own."""
WARN_AGENT: Final = "callstage"
"""A pseudonym (RFC 3261 20.43): an address would tell strangers our network."""


@attrs.frozen(kw_only=True)
class RefusedCall:
    """A call that ended before any session; for the endpoint's log."""

    remote: str
    to_uri: str
    code: int
    reason: str
    kind: Calls


class IncomingCalls:
    """Takes the endpoint's INVITEs; `run` owns the tasks in which audio is found."""

    def __init__(
        self,
        settings: LegSettings,
        *,
        deliver: Callable[[Leg], object],
        on_refused: Callable[[RefusedCall], object],
        users: Users | None = None,
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._on_refused = on_refused
        self._users = Users() if users is None else users
        self._nursery: trio.Nursery | None = None
        self._arriving = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def on_invite(self, session: InviteSession) -> ArrivingCall:
        """The endpoint's callback."""
        ours = self._placed(session).conference
        recognised = None if ours else self._settings.recognise(caller_of(session))
        line = self._settings.enter(recognised.trunk.name if recognised else "")
        call = ArrivingCall(
            recognised=recognised, line=Line() if isinstance(line, TrunkRefusal) else line
        )
        if isinstance(line, TrunkRefusal):
            wait_s = line.retry_after_s
            assert isinstance(line.kind, Calls)
            self._refuse(session, line.kind, line.reason, retry_after_s=wait_s)
        elif self._nursery is None:
            self._refuse(session, Calls.NOT_READY, "the runtime is not ready for calls")
        elif self._arriving >= MAX_ARRIVING:
            why = f"{MAX_ARRIVING} calls are arriving at this moment"
            self._refuse(session, Calls.TOO_MANY_ARRIVING, why)
        else:
            self._arriving += 1
            self._nursery.start_soon(self._take, session, call)
        return call

    def _placed(self, session: InviteSession) -> Placed:
        """Whose doing a call is. Into a shared session leads only what comes from our own socket:
        others may have read the Call-ID."""
        placed = self._settings.own_calls.of(session.call_id)
        ours = session.peer is not None and self._settings.is_own(session.peer)
        return placed if ours or not placed.conference else STRANGERS

    async def _take(self, session: InviteSession, call: ArrivingCall) -> None:
        try:
            media = await self._settings.open_media()
        except MediaUnavailable as exc:
            if not call.over:
                self._refuse(session, Calls.NO_AUDIO, f"no audio for this call: {exc}")
            return
        finally:
            self._arriving -= 1
        leg = None if call.over else self._leg(session, media, call.recognised)
        if leg is None:
            media.close()
        else:
            call.leg = leg
            self._deliver(leg)

    def _leg(
        self, session: InviteSession, media: MediaLeg, recognised: Recognised | None
    ) -> SipLeg | None:
        """The leg of an INVITE whose offer we can take; otherwise None, and it is refused."""
        try:
            leg = self._made(session, media, recognised)
        except SdpError as exc:
            what = f"unreadable session description: {exc.reason}"
            self._refuse(session, Calls.BAD_DESCRIPTION, what)
        except NegotiationError as exc:
            kind = Calls.NO_AUDIO_IN_COMMON
            why = ("Warning", exc.warning_header(WARN_AGENT, f"{kind.number} "))
            self._refuse(session, kind, exc.warning, why, code=exc.status)
        else:
            leg.follow(session, self._settings.book)
            if recognised is not None:
                leg.note(
                    "sip", f"comes from trunk {recognised.trunk.name}, known by {recognised.by}"
                )
            return leg
        return None

    def _made(
        self, session: InviteSession, media: MediaLeg, recognised: Recognised | None
    ) -> SipLeg:
        """Raises NegotiationError when no audio may be agreed on with this peer, SdpError."""
        settings, peer = self._settings, session.peer
        host, transport = (peer.host, peer.transport) if peer else ("", "udp")
        trunk = recognised.trunk if recognised else None
        srtp = trunk.srtp if trunk else None
        if trunk is not None and trunk.user and trunk.password:
            session.use_credentials(Credentials(trunk.user, trunk.password))
        audio = EngineAudio.answering(
            settings.audio_of(media, host, transport=transport, srtp=srtp), session.remote_offer
        )
        identity = identity_of(session, self._placed(session))
        if recognised is not None:
            identity = identity_over(recognised, identity, session.request)
        return SipLeg(
            identity=self._users.identity(session.user, identity),
            incoming=True,
            media=media,
            audio_of=audio,
            now=settings.now,
            encryption=settings.encryption,
            trunk=trunk.name if trunk else "",
            srtp=srtp,
            info_digits=settings.info_digits,
        )

    def _refuse(
        self,
        session: InviteSession,
        kind: Calls,
        reason: str,
        *headers: tuple[str, str],
        code: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """`code`: where it is not that of the kind."""
        request, code = session.request, code or kind.status
        if code == BUSY:
            headers = (*headers, ("Retry-After", str(retry_after_s or RETRY_AFTER_S)))
        if not headers or code == BUSY:
            headers = (*headers, numbered_warning(kind.number, reason))
        session.reject(code, None, headers=headers)
        self._on_refused(
            RefusedCall(
                remote=str(session.peer),
                to_uri=clean(request.uri, MAX_URI),
                code=code,
                reason=reason,
                kind=kind,
            )
        )


@attrs.define
class ArrivingCall:
    """The observer of an INVITE until its leg exists, then a passage to it."""

    recognised: Recognised | None = None
    line: Line = attrs.field(factory=Line)
    """Its place among the calls of its trunk."""
    leg: SipLeg | None = None
    over: bool = False

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        if isinstance(event, events.Ended):
            self.line.leave()
        if self.leg is not None:
            self.leg.on_sip_event(session, event)
        elif isinstance(event, events.Ended):
            self.over = True

    def on_replacement(self, session: InviteSession) -> None:
        """Only answered calls are replaced, which have a leg."""
        if self.leg is not None:
            self.leg.on_replacement(session)
        else:
            kind, why = Calls.NOT_REPLACED, "the call to be replaced is not answered"
            session.reject(kind.status, headers=[numbered_warning(kind.number, why)])


def caller_of(session: InviteSession) -> Caller:
    """What is known of a caller that it cannot make up, and the token of a registration."""
    try:
        line = session.request.request_uri.params.get(LINE) or ""
    except MessageError:
        line = ""
    peer = session.peer
    if peer is None:
        return Caller(host="", line=line)
    return Caller(host=peer.host, certificate_names=peer.names, line=line, login=session.user)


def identity_of(session: InviteSession, placed: Placed = STRANGERS) -> LegIdentity:
    """Who calls whom, as a scenario may ask; a peer's odd bytes become replacement marks."""
    request = session.request
    caller = request.from_
    return LegIdentity(
        number=dialled_user(request.uri),
        callerid=clean(user_or_number(caller), MAX_NAME),
        display_name=clean(caller.display_name, MAX_NAME),
        from_uri=clean(str(caller.uri), MAX_URI),
        to_uri=clean(request.uri, MAX_URI),
        headers=seen_by_script(request.headers),
        remote=str(session.peer),
        own_session=placed.session,
        to_conference=placed.conference,
    )


def dialled_user(request_uri: str) -> str:
    """The unescaped user part of the Request-URI; of a tel: URI its number."""
    try:
        uri = Uri.parse(request_uri)
    except MessageError:
        return ""
    if uri.opaque is not None:
        return clean(uri.opaque.partition(";")[0], MAX_NAME)
    return clean(uri.user or "", MAX_NAME)


def clean(text: str, limit: int) -> str:
    """Text that JSON and scripts can hold."""
    return text[:limit].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
