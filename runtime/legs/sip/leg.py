"""One SIP call as a Leg: the port's commands onto an INVITE session and an audio leg, and back.

Rules: 180, 183 and 200 go out only when asked for; the audio (leg_audio.py) hears of every
description that either side gives; the leg says Ended once, last, and closes its audio.
A command that does not fit the state does nothing and leaves a line in the trace.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from typing import Final, assert_never

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.decisions.problems import Calls
from runtime.legs.leg import (
    Connected,
    EarlyMedia,
    Headers,
    Leg,
    LegEvent,
    LegIdentity,
    LegListener,
    Replaced,
    Ringing,
    TraceListener,
)
from runtime.legs.sip.direct import DirectAudio
from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.headers import script_headers, seen_by_script
from runtime.legs.sip.info import Understandable, line_about, understand
from runtime.legs.sip.leg_audio import EngineAudio, LegAudio
from runtime.legs.sip.reason import Cause, end_of_leg, reason_to_leave
from runtime.legs.sip.telling import Telling
from runtime.legs.sip.told import numbered_warning
from runtime.legs.sip.trace import LegLines, TraceBook
from runtime.legs.sip.transfers import SipTransfers
from runtime.media.port import MediaLeg
from sip.dialog import InviteSession, SessionStateError, events
from sip.message import Headers as SipHeaders
from sip.message import MessageError, NameAddr, Uri
from sip.sdp import SrtpPolicy

RETRY_AFTER: Final = "Retry-After"
"""The one header of a refusal beside the script's: when it is worth trying again."""


class Phase(enum.Enum):
    ALERTING = "called, not answered"
    ANSWERED = "answered, not acknowledged"
    DIALLING = "dialled, not answered"
    CONNECTED = "connected"
    REPLACED = "connected, the answer to another peer not acknowledged"
    OVER = "over"


@attrs.define(kw_only=True)
class SipLeg:
    """See runtime/legs/leg.py for the contract of every public method."""

    identity: LegIdentity
    incoming: bool
    media: MediaLeg
    _audio_of: Callable[[SipLeg], LegAudio]
    _now: Callable[[], float]
    _encryption: Encryption = attrs.field(factory=Encryption)
    trunk: str = ""
    """Its name, for people."""
    srtp: SrtpPolicy | None = None
    """What that trunk wishes, if it does."""
    _info_digits: bool = False
    transfers: SipTransfers = attrs.field(init=False)
    _session: InviteSession | None = attrs.field(default=None, init=False)
    _lines: LegLines = attrs.field(init=False)
    _book: TraceBook | None = attrs.field(default=None, init=False)
    _phase: Phase = attrs.field(init=False)
    _telling: Telling = attrs.field(factory=Telling, init=False)
    audio: LegAudio = attrs.field(init=False)
    _farewell: tuple[int, str] | None = attrs.field(default=None, init=False)
    """Code and reason that we gave when we ended it."""

    def __attrs_post_init__(self) -> None:
        self._phase = Phase.ALERTING if self.incoming else Phase.DIALLING
        self._lines = LegLines(self._now)
        note = functools.partial(self._lines.note, "sip")
        self.transfers = SipTransfers(lambda: self._session, self._telling.tell, note)
        self.audio = self._audio_of(self)

    def __repr__(self) -> str:
        arrow = "from" if self.incoming else "to"
        peer = self.identity.from_uri if self.incoming else self.identity.to_uri
        return f"<SipLeg {arrow} {peer} {self._phase.value}>"

    def follow(
        self, session: InviteSession, book: TraceBook, audio: LegAudio | None = None
    ) -> None:
        """Belong to this session and its lines; `audio` is its offer, when it is another one."""
        self._session, self._book, self.audio = session, book, audio or self.audio
        self._lines.follow(session.call_id, book)
        if self._phase is Phase.OVER:
            self._lines.release()

    def lead(self, session: InviteSession) -> None:
        """Of several phones that are rung, this one is heard and gets the next command."""
        self._session = session

    def listen(self, listener: LegListener) -> None:
        self._telling.listen(listener)

    def trace(self, listener: TraceListener) -> None:
        self._lines.listen(listener)

    def note(self, kind: str, what: str) -> None:
        self._lines.note(kind, what)

    # --- what its audio asks ----------------------------------------------------------------

    @property
    def session(self) -> InviteSession | None:
        return self._session

    @property
    def is_alerting(self) -> bool:
        return self._phase is Phase.ALERTING

    @property
    def is_connected(self) -> bool:
        return self._phase is Phase.CONNECTED

    def tell(self, event: LegEvent) -> None:
        if self._phase is not Phase.OVER:
            self._telling.tell(event)

    def warn_of_exposure(self) -> None:
        """Keys are in use; whoever has to know that they can be read is told, once."""
        peer = self._session.peer if self._session is not None else None
        warning = self._encryption.exposure(peer.transport, self.trunk) if peer else None
        if warning is not None:
            self.note("media", warning)

    # --- commands ---------------------------------------------------------------------------

    def ring(self, headers: Headers) -> None:
        if session := self._live("ring", Phase.ALERTING):
            body = self.audio.early_body() if session.owes_early_offer else None
            session.provisional(180, headers=self._allowed(headers), sdp=body)

    def early_media(self, headers: Headers) -> None:
        if session := self._live("early_media", Phase.ALERTING):
            body = self.audio.early_body()
            session.provisional(183, headers=self._allowed(headers), sdp=body)
            self.audio.begin()

    def answer(self, headers: Headers, display_name: str = "") -> None:
        if session := self._live("answer", Phase.ALERTING):
            self._phase = Phase.ANSWERED
            written = self._allowed(headers)
            written += _asserted(self.identity.to_uri, display_name)
            session.accept(self.audio.body(), headers=written)
            self.audio.begin()

    def answer_directly(self, peer: Leg, headers: Headers, display_name: str = "") -> None:
        direct = peer.audio if isinstance(peer, SipLeg) else None
        if not isinstance(direct, DirectAudio) or not direct.may_join(self):
            self.note("sip", "answer_directly does nothing: the other call was not made for it")
        elif self._live("answer_directly", Phase.ALERTING):
            self.audio = direct.other
            self.answer(headers, display_name)

    def reject(self, code: int, reason: str, headers: Headers, *, problem: str = "") -> None:
        if session := self._live("reject", Phase.ALERTING):
            self._refuse(session, code, reason, headers, problem)

    def hangup(self, headers: Headers, *, code: int = 487, reason: str = "") -> None:
        session = self._session
        if session is None or self._phase is Phase.OVER:
            return
        if self._phase is Phase.ALERTING:
            self._refuse(session, code, reason, headers)
            return
        self._farewell = (code, reason)
        why = reason_to_leave(code, reason, connected=self._phase is Phase.CONNECTED)
        session.hangup(headers=self._allowed(headers, ending=True), reason=why)

    def reinvite(self, direction: AudioDirection | None, headers: Headers) -> None:
        if session := self._live("reinvite", Phase.CONNECTED):
            session.reinvite(self.audio.change(direction), headers=self._allowed(headers))

    @property
    def digits_by_info(self) -> bool:
        stream = self.audio.stream
        return self._info_digits and stream is not None and stream.dtmf_send_payload_type is None

    def send_info(self, mime_type: str, body: str, headers: Headers) -> None:
        data = body.encode("utf-8", "replace")
        self._say("INFO", lambda s: s.info(mime_type, data, headers=self._allowed(headers)))

    def send_message(self, text: str) -> None:
        self._say("MESSAGE", lambda session: session.message(text))

    def _say(self, what: str, send: Callable[[InviteSession], None]) -> None:
        if session := self._live(what, Phase.ANSWERED, Phase.CONNECTED):
            try:
                send(session)
            except (SessionStateError, ValueError) as exc:
                self.note("sip", f"{what} not sent: {exc}")

    def _live(self, command: str, *phases: Phase) -> InviteSession | None:
        """The session when `command` makes sense now; else a line that says why it does not."""
        if self._phase in phases:
            return self._session
        self.note("sip", f"{command} does nothing: the leg is {self._phase.value}")
        return None

    def _refuse(
        self,
        session: InviteSession,
        code: int,
        reason: str,
        headers: Headers,
        problem: str = "",
    ) -> None:
        self._farewell = (code, reason)
        own = {name: value for name, value in headers.items() if name == RETRY_AFTER}
        rest = {name: value for name, value in headers.items() if name not in own}
        written = [*own.items(), *self._allowed(rest, ending=True)]
        if problem:
            written.append(numbered_warning(problem, reason))
        session.reject(code, reason or None, headers=written)

    def _allowed(self, headers: Headers, *, ending: bool = False) -> list[tuple[str, str]]:
        sorted_out = script_headers(headers, ending=ending)
        if sorted_out.complaint:
            self.note("sip", f"headers left out: {sorted_out.complaint}")
        return list(sorted_out.written)

    # --- what the session says --------------------------------------------------------------

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        if self._phase is Phase.OVER:  # Ended was told, and is last
            return
        if session is not self._session and not isinstance(event, events.TransferEnded):
            return  # another peer has taken its place; what it began there is over, too
        match event:
            case events.Provisional():
                self._on_provisional(event)
            case events.Answered():
                self._on_answered(session, event)
            case events.Acknowledged():
                self._on_acknowledged(session, event)
            case events.ReinviteReceived():
                self._on_reinvite(session, event)
            case events.ReinviteAnswered():
                self._understood(event)
                self.audio.offer_answered(event.sdp)
            case events.ReinviteOffered():
                if isinstance(self.audio, DirectAudio):  # the engine asks for none
                    self.audio.offer_came(event.sdp)
            case events.ReinviteFailed():
                self.note("sip", line_about(event))
                self._understood(event)
                self.audio.offer_refused(event.status, event.reason)
            case events.Redirected() | events.MessageRefused():
                self.note("sip", line_about(event))
            case events.InfoReceived() | events.MessageReceived():
                self._understood(event)
            case events.TransferRequested() | events.TransferProgress() | events.TransferEnded():
                self.transfers.on_event(session, event)
            case events.Ended():
                self._on_ended(event)
            case _:
                assert_never(event)

    def _understood(self, event: Understandable) -> None:
        if told := understand(event):
            self._telling.tell(told)

    def _on_provisional(self, event: events.Provisional) -> None:
        if self._phase is not Phase.DIALLING:
            return
        media = event.sdp is not None and self.audio.provisional(event.sdp)
        seen = seen_by_script(event.headers)
        direct = self.audio.is_direct
        if event.status == 180 or (direct and event.status == 183):
            self._telling.once(Ringing(headers=seen))
        if media or (event.status == 183 and not direct):
            self._telling.once(EarlyMedia(headers=seen))

    def _on_answered(self, session: InviteSession, event: events.Answered) -> None:
        if self._phase is not Phase.DIALLING:
            return
        if why := self.audio.answered(session, event.sdp):
            self._give_up(session, 488, why)
            return
        self._connected(event.headers)

    def _on_acknowledged(self, session: InviteSession, event: events.Acknowledged) -> None:
        if self._phase not in (Phase.ANSWERED, Phase.REPLACED):
            return
        if why := self.audio.acknowledged(event.sdp):
            self._give_up(session, 488, why)
            return
        self._connected(event.headers)

    def _connected(self, headers: SipHeaders) -> None:
        seen, before = seen_by_script(headers), self._phase
        self._phase = Phase.CONNECTED
        self.audio.settle()
        replaced = before is Phase.REPLACED
        self._telling.tell(Replaced(headers=seen) if replaced else Connected(headers=seen))

    def _give_up(self, session: InviteSession, code: int, reason: str) -> None:
        self._farewell = (code, reason)
        session.hangup(reason=str(Cause("SIP", code, reason)))

    def _on_reinvite(self, session: InviteSession, event: events.ReinviteReceived) -> None:
        if self._phase is Phase.CONNECTED and (told := understand(event)):
            self._telling.tell(told)
        self.audio.offered(session, event.sdp)

    def on_replacement(self, session: InviteSession) -> None:
        """Another peer takes the place of ours (RFC 3891), if the script takes transfers."""
        former, audio = self._session, self.audio
        if former is None or self._book is None or session.is_over:
            return
        if not isinstance(audio, EngineAudio):
            self._refuse_successor(session, 603, "its audio passes directly to another peer")
        elif why := _no_successor(self, session, self._phase, self._encryption):
            self._refuse_successor(session, 603, why)
        elif isinstance(agreement := audio.successor(session.remote_offer), str):
            self._refuse_successor(session, 488, agreement)
        else:
            self.note("sip", f"{session.peer} takes the place of the peer")
            self._lines.follow(session.call_id, self._book)
            connected = self._phase is Phase.CONNECTED
            self._session, self._phase = session, Phase.REPLACED if connected else Phase.ANSWERED
            session.accept(audio.offer() if agreement is None else agreement.sdp)
            if agreement is not None:
                audio.follow(agreement)
            former.hangup(reason=str(Cause("SIP", 200, "another call has taken its place")))

    def _refuse_successor(self, session: InviteSession, code: int, why: str) -> None:
        self.note("sip", f"{session.peer} may not take the place of the peer: {why}")
        told = numbered_warning(Calls.NOT_REPLACED.number, why)
        session.reject(code, headers=[told])

    def _on_ended(self, event: events.Ended) -> None:
        connected = self._phase in (Phase.CONNECTED, Phase.REPLACED)
        ended = end_of_leg(event, connected=connected)
        if self._farewell is not None and ended.by == "us":
            code, reason = self._farewell
            code = ended.code if connected else code
            ended = attrs.evolve(ended, code=code, reason=reason or ended.reason)
        self._phase = Phase.OVER
        self.audio.close()
        self._telling.tell(ended)
        self._lines.release()


def _asserted(to_uri: str, display_name: str) -> list[tuple[str, str]]:
    """RFC 3325 9.1: who answered, for the caller's display."""
    name = "".join(c for c in display_name if c.isprintable())
    try:
        uri = Uri.parse(to_uri)
    except MessageError:  # dialled in a way that cannot be said again
        return []
    return [("P-Asserted-Identity", str(NameAddr(display_name=name, uri=uri)))] if name else []


def _no_successor(leg: SipLeg, session: InviteSession, phase: Phase, encryption: Encryption) -> str:
    """Why that session may not take the place of the leg's; empty when it may."""
    if phase not in (Phase.CONNECTED, Phase.DIALLING):
        return f"the leg is {phase.value}"
    stream = leg.audio.stream
    encrypted = stream is not None and stream.srtp is not None
    if encrypted and session.peer and not encryption.may_carry(session.peer.transport):
        return "its signalling is not protected, and ours carries keys"
    return leg.transfers.refuse_successor()
