"""A SIP session and an audio leg that only write down what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import attrs

from runtime.legs.leg import LegEvent, LegIdentity, Trace
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.leg_audio import EngineAudio
from runtime.legs.sip.media_session import MediaSession, capabilities, local_media
from runtime.legs.sip.trace import TraceBook
from runtime.media.findings import Detection
from runtime.media.port import (
    LegAddress,
    LegMediaListener,
    RtpStream,
)
from sip.address import PeerAddress
from sip.dialog import InviteSession, events
from sip.message import Headers, NameAddr, Request, Uri

ADDRESS = LegAddress(host="127.0.0.1", rtp_port=10_000, rtcp_port=10_001)


def offer(
    *, port: int = 4_000, formats: str = "0 101", host: str = "127.0.0.2", extra: str = ""
) -> bytes:
    """A peer's description."""
    lines = ["v=0", f"o=peer 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {formats}", "a=rtpmap:101 telephone-event/8000"]
    return "".join(f"{line}\r\n" for line in [*lines, *([extra] if extra else [])]).encode()


@attrs.define
class FakeMediaLeg:
    """Writes configurations down."""

    address: LegAddress = ADDRESS
    streams: list[RtpStream] = attrs.field(factory=list)
    sent: str = ""
    closed: int = 0
    listener: LegMediaListener | None = None

    def listen(self, listener: LegMediaListener) -> None:
        self.listener = listener

    def configure(self, stream: RtpStream) -> None:
        assert not self.closed
        self.streams.append(stream)

    def handle_tones(self, handle: bool) -> None: ...
    def detect(self, what: Detection) -> None: ...
    def measure(self) -> None: ...

    def send_digits(self, digits: str) -> None:
        self.sent += digits

    def close(self) -> None:
        self.closed += 1


@attrs.frozen
class Asked:
    """One command to the session."""

    command: str
    status: int = 0
    sdp: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    body: bytes = b""


@attrs.define
class FakeSession:
    """The commands of sip.dialog's InviteSession; `hangup` and `reject` end it at once."""

    request: Request
    remote_offer: bytes | None = None
    call_id: str = "call-1"
    peer: PeerAddress = PeerAddress(transport="udp", host="127.0.0.2", port=5060)
    asked: list[Asked] = attrs.field(factory=list)
    user: str = ""
    observer: Any = None
    uas: bool = True
    answered: bool = False
    owes_early_offer: bool = False
    is_over: bool = False

    def names(self) -> list[str]:
        return [f"{a.command} {a.status}" if a.status else a.command for a in self.asked]

    def provisional(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
        sdp: bytes | None = None,
    ) -> None:
        self.asked.append(Asked("provisional", status, sdp, tuple(headers)))

    def accept(self, sdp: bytes, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.answered = True
        self.asked.append(Asked("accept", 200, sdp, tuple(headers)))

    def reject(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.asked.append(Asked("reject", status, None, tuple(headers), reason))
        self.say(ended("local", "reject", status, reason or ""))

    def hangup(self, *, headers: Iterable[tuple[str, str]] = (), reason: str | None = None) -> None:
        self.asked.append(Asked("hangup", 0, None, tuple(headers), reason))
        kind: events.EndedKind = "bye" if self.answered else "cancel"
        self.say(ended("local", kind, 200 if self.answered else 487))

    def info(
        self, content_type: str, body: bytes, *, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.asked.append(Asked(f"info {content_type}", 0, None, tuple(headers), None, body))

    def reinvite(self, sdp: bytes, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.asked.append(Asked("reinvite", 0, sdp, tuple(headers)))

    def answer_reinvite(self, sdp: bytes) -> None:
        self.asked.append(Asked("answer_reinvite", 0, sdp))

    def reject_reinvite(
        self, status: int, reason: str | None = None, *, why: str | None = None
    ) -> None:
        self.asked.append(Asked("reject_reinvite", status, reason=why))

    def ack_with(self, sdp: bytes) -> None:
        self.asked.append(Asked("ack_with", 0, sdp))

    def say(self, event: events.SessionEvent) -> None:
        """An event of the session."""
        if self.observer is not None:
            self.observer.on_sip_event(self.as_session, event)

    @property
    def as_session(self) -> InviteSession:
        return cast(InviteSession, self)


def ended(
    by: events.EndedBy,
    kind: events.EndedKind,
    status: int,
    reason: str = "",
    **headers: str,
) -> events.Ended:
    return events.Ended(
        by=by, kind=kind, status=status, reason=reason, headers=Headers(list(headers.items()))
    )


def invite(
    uri: str = "sip:100@127.0.0.1", caller: str = '"Ann" <sip:ann@127.0.0.2>;tag=a'
) -> Request:
    headers = Headers(
        [
            ("Via", "SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKx"),
            ("From", caller),
            ("To", f"<{uri}>"),
            ("Call-ID", "call-1"),
            ("CSeq", "1 INVITE"),
            ("X-Colour", "blue"),
        ]
    )
    return Request("INVITE", uri, headers, b"")


@attrs.define
class Stage:
    """One leg, its session and its audio, and everything the leg said."""

    leg: SipLeg
    session: FakeSession
    media: FakeMediaLeg
    said: list[LegEvent]
    lines: list[Trace]

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.said]


def stage(*, incoming: bool = True, offered: bytes | None = b"") -> Stage:
    """A leg in its first phase; `offered` is the INVITE's description (b"" = a usual one)."""
    media = FakeMediaLeg()
    audio = MediaSession(capabilities(), local_media(ADDRESS, 77))
    said = (offer() if offered == b"" else offered) if incoming else None
    leg = SipLeg(
        identity=LegIdentity(
            number="100",
            callerid="ann",
            display_name="",
            from_uri="sip:ann@127.0.0.2",
            to_uri="sip:100@127.0.0.1",
        ),
        incoming=incoming,
        media=media,
        audio_of=EngineAudio.answering(audio, said),
        now=lambda: 0.0,
    )
    session = FakeSession(invite(), uas=incoming, observer=leg)
    session.remote_offer = said
    if not incoming and offered is not None:
        audio.offer()
    leg.follow(session.as_session, TraceBook(lambda: 0.0))
    made = Stage(leg, session, media, [], [])
    leg.listen(made.said.append)
    leg.trace(made.lines.append)
    return made


def uri(text: str) -> NameAddr:
    return NameAddr(uri=Uri.parse(text))
