"""The part of Call that talks to the peer: answer, reject, ring, hang up, digits, INFO, messages.

Every method returns at once; what came of it is an event, or the handle's outcome. On a call that
has ended each is ignored with a log line, hangup without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from runtime.api.call_identity import CallIdentity
from runtime.api.handle import AnswerHandle, CommandHandle, HangUpHandle
from runtime.api.options import flag, header_map, merge, text
from runtime.api.values import DTMFType
from runtime.decisions.directions import direction_in
from runtime.sandbox.commands import (
    AnswerCall,
    AnswerCallDirect,
    HandleTones,
    HangUpCall,
    ReinviteCall,
    RejectCall,
    RingCall,
    SendDigits,
    SendInfo,
    SendMessage,
    StartEarlyMedia,
)
from runtime.sandbox.schema import MAX_INFO_BODY

HeaderMap = Mapping[str, str]

ANSWER_OPTIONS: Final = (
    "conferenceCall",
    "disableDtxForAudio",
    "disableExtPlayoutDelay",
    "disableExtVideoOffset",
    "disableExtVideoOrientation",
    "disableExtVideoTiming",
    "displayName",
    "maxVideoBitrate",
    "scheme",
)
SDP: Final = "application/sdp"
DIGITS: Final = frozenset("0123456789*#ABCDabcdpP")


class CallSignalling(CallIdentity):
    """Commands to the peer."""

    __slots__ = ()

    def answer(
        self, extraHeaders: HeaderMap | None = None, parameters: object = None, **options: object
    ) -> AnswerHandle:
        """Answer an incoming call.

        Connected follows when the peer has confirmed, Disconnected when it gave up before.
        say, record and sendMediaTo may be called at once; they take effect with Connected.
        Awaiting gives Answered: true once connected, false when the call ended first; it does not
        raise, and ending the wait does not take the answer back. Answering a second time does
        nothing but write a log line, and gives the same. `extraHeaders`: X-* and User-to-User.
        Options: displayName (the others of VoxEngine are accepted and have no effect). VoxEngine
        reference: Call.answer.
        """
        given = () if parameters is None else (parameters,)
        merged = merge("Call.answer", ANSWER_OPTIONS, given, options)
        return self._answer_with(
            "Call.answer",
            AnswerCall,
            headers=header_map("Call.answer", extraHeaders),
            display_name=merged.get("displayName", ""),
        )

    def answerDirect(
        self,
        peerCall: CallSignalling,
        extraHeaders: HeaderMap | None = None,
        parameters: object = None,
        **options: object,
    ) -> AnswerHandle:
        """Answer an incoming call so that its audio passes directly between its peer and that of
        `peerCall`, which VoxEngine.callUserDirect has made for this call and which is Connected.

        Connected follows when the caller has confirmed, Disconnected when it gave up before;
        awaiting gives Answered, as for answer(). Holds and other changes that either peer asks for
        are passed on to the other; OnHold and OffHold tell of them. From now on nothing of the
        audio is here: say, startPlayback, record, sendMediaTo, sendDigits, handleTones (but for
        DTMFType.SIP_INFO) and everything that listens are refused, of both calls, and neither
        AudioStarted nor FirstAudioPacketReceived is fired. When one of the calls ends the other
        stays up, in silence: hang it up. Refused when peerCall is another call or not connected,
        and after startEarlyMedia. `extraHeaders` and options as for answer(). Raises TypeError
        for what is no Call. VoxEngine reference: Call.answerDirect.
        """
        what = "Call.answerDirect"
        if not isinstance(peerCall, CallSignalling):
            raise TypeError(f"{what}(): peerCall must be a Call, not {type(peerCall).__name__}")
        given = () if parameters is None else (parameters,)
        merged = merge(what, ANSWER_OPTIONS, given, options)
        return self._answer_with(
            what,
            AnswerCallDirect,
            peer=peerCall._unit,
            headers=header_map(what, extraHeaders),
            display_name=merged.get("displayName", ""),
        )

    def _answer_with(self, what: str, command: type[Any], **fields: Any) -> AnswerHandle:
        handle = AnswerHandle(what, self._answer if self._answering else None)
        built = self._session.build(what, command, unit=self._unit, **fields)
        if self._over:
            return self._session.ignored(handle, f"{self} has ended")
        self._answering = self.incoming()
        return self._session.command(built, handle)

    def reject(self, code: int, extraHeaders: HeaderMap | None = None) -> CommandHandle:
        """Refuse an incoming call with a SIP status of 300 to 699.

        Disconnected follows, its internalCode is `code`. Raises ValueError for another code.
        `extraHeaders`: X-*, User-to-User and Reason ('Q.850;cause=17;text="busy"'). VoxEngine
        reference: Call.reject.
        """
        headers = header_map("Call.reject", extraHeaders)
        return self._command("reject", RejectCall, code=code, headers=headers)

    def decline(self, code: int, extraHeaders: HeaderMap | None = None) -> CommandHandle:
        """The older name of reject. VoxEngine reference: Call.decline (deprecated)."""
        headers = header_map("Call.decline", extraHeaders)
        return self._command("decline", RejectCall, code=code, headers=headers)

    def hangup(self, extraHeaders: HeaderMap | None = None) -> CommandHandle:
        """End the call, whatever its state; safe to call twice, and on a call that has ended.

        Disconnected follows for a connected or incoming call, Failed (487) for an outgoing one
        that was not answered. Awaiting only waits until the command was taken; for the end itself
        await call.ended(). `extraHeaders`: X-*, User-to-User and Reason ('Q.850;cause=17').
        VoxEngine reference: Call.hangup.
        """
        what = "Call.hangup"
        handle = HangUpHandle(what)
        headers = header_map(what, extraHeaders)
        built = self._session.build(what, HangUpCall, unit=self._unit, headers=headers)
        if self._over:
            return self._session.ignored(handle, f"{self} has ended")
        return self._session.command(built, handle)

    def ring(self, extraHeaders: HeaderMap | None = None) -> CommandHandle:
        """Let the caller's device play its ring tone (180). Incoming and unanswered calls only.

        No event follows but StateChanged. VoxEngine reference: Call.ring.
        """
        return self._command("ring", RingCall, headers=header_map("Call.ring", extraHeaders))

    def startEarlyMedia(
        self,
        extraHeaders: HeaderMap | None = None,
        scheme: object = None,
        maxVideoBitrate: object = None,
        audioLevelExtension: object = None,
        conferenceCall: object = None,
        disableDtxForAudio: object = None,
    ) -> CommandHandle:
        """Open the way to an unanswered caller (183): say and playback are heard, nothing is
        heard of the caller.

        No event follows but StateChanged; after 60 s (by default) without an answer the call ends
        with 408. What follows `extraHeaders` is accepted and has no effect. VoxEngine reference:
        Call.startEarlyMedia.
        """
        headers = header_map("Call.startEarlyMedia", extraHeaders)
        return self._command("startEarlyMedia", StartEarlyMedia, headers=headers)

    def handleTones(
        self, doHandle: bool, supportedDtmfTypes: DTMFType | int | None = DTMFType.ALL
    ) -> CommandHandle:
        """With True every key press fires ToneReceived, once however it came (RFC 4733, SIP INFO,
        a tone in the audio), and is cut out of what other units hear; off at first.

        May be called before the answer. `supportedDtmfTypes` is one of DTMFType; with ALL, tones
        are not looked for any more once the phone has sent RFC 4733. VoxEngine reference:
        Call.handleTones.
        """
        handle = flag("Call.handleTones", "doHandle", doHandle)
        kinds = _dtmf_kinds(supportedDtmfTypes)
        self._handling = handle
        return self._command("handleTones", HandleTones, handle=handle, kinds=kinds)

    def sendDigits(self, digits: str) -> CommandHandle:
        """Send key presses to the peer: 0-9 * # A-D, and p for half a second of pause.

        Before the answer, or early media, they wait for it. No event follows. Raises ValueError for
        anything else. VoxEngine reference: Call.sendDigits.
        """
        wrong = set(text("Call.sendDigits", "digits", digits)) - DIGITS
        if wrong:
            raise ValueError(
                f"Call.sendDigits(): {min(wrong)!r} is no key; use 0-9 * # A-D, and p for a pause"
            )
        return self._command("sendDigits", SendDigits, digits=digits)

    def sendInfo(self, mimeType: str, body: str, headers: HeaderMap | None = None) -> CommandHandle:
        """Send a SIP INFO; `body` at most 8,192 bytes. Refused before the answer.

        `headers`: X-* and User-to-User. No event follows. VoxEngine reference: Call.sendInfo.
        """
        what = "Call.sendInfo"
        _bounded(what, "body", body)
        fields = {"mime_type": mimeType, "headers": header_map(what, headers, "headers")}
        return self._command("sendInfo", SendInfo, {"headers": "headers"}, body=body, **fields)

    def sendMessage(self, text: str) -> CommandHandle:
        """Send a text message within the call (SIP MESSAGE); at most 8,192 bytes. Refused before
        the answer.

        No event follows; a peer that does not take it is a line in the timeline. VoxEngine
        reference: Call.sendMessage.
        """
        _bounded("Call.sendMessage", "text", text)
        return self._command("sendMessage", SendMessage, text=text)

    def reInvite(
        self, headers: HeaderMap | None = None, mimeType: str = SDP, body: str = ""
    ) -> CommandHandle:
        """Ask the peer of a connected call for a change of it (SIP re-INVITE).

        `body` is a description (SDP), or a line of one: of it the direction of the audio is taken,
        `a=sendonly` or `a=inactive` to put the peer on hold, `a=sendrecv` to end that; addresses,
        codecs and keys are the runtime's own. With an empty body what stands is offered anew.
        `headers`: X-* and User-to-User. ReInviteAccepted or ReInviteRejected follows, unless the
        call ends. Refused before Connected, while the peer has not answered the one before, and
        where the audio passes directly. Raises ValueError for another mimeType, and for a body of
        more than 8,192 bytes. VoxEngine reference: Call.reInvite (undocumented; its easyProcess
        uses it).
        """
        what = "Call.reInvite"
        if text(what, "mimeType", mimeType) != SDP:
            raise ValueError(f"{what}(): mimeType must be {SDP!r}, not {mimeType[:40]!r}")
        _bounded(what, "body", body)
        direction = direction_in(body).value if body else ""
        fields = {"headers": header_map(what, headers, "headers")}
        names = {"headers": "headers"}
        return self._command("reInvite", ReinviteCall, names, direction=direction, **fields)


def _dtmf_kinds(kinds: object) -> int:
    if kinds is None:
        return int(DTMFType.ALL)
    if kinds not in tuple(DTMFType):
        names = ", ".join(f"DTMFType.{kind.name}" for kind in DTMFType)
        raise ValueError(
            f"Call.handleTones(): supportedDtmfTypes must be one of {names}, not {kinds!r:.40}"
        )
    return int(cast("DTMFType", kinds))


def _bounded(what: str, name: str, value: str) -> None:
    size = len(text(what, name, value).encode("utf-8", "replace"))
    if size > MAX_INFO_BODY:
        raise ValueError(f"{what}(): {name} has {size} bytes, the limit is {MAX_INFO_BODY}")
