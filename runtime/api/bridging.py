"""The part of VoxEngine that joins calls: sendMediaBetween, easyProcess, forwarding.

All of it is written with the public methods of Call; a script could do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from runtime.api.call import Call
from runtime.api.conference import Conference
from runtime.api.dialing import Dialing, PstnOptions
from runtime.api.event_constants import AppEvents, CallEvents
from runtime.api.listeners import EventSource, wanted_arguments
from runtime.api.names import StrictNames
from runtime.api.options import flag, function, merge, text
from runtime.api.running import current
from runtime.api.unit import MediaSource
from runtime.api.websocket import WebSocket
from runtime.sandbox.schema import MAX_HEADER_VALUE, MAX_HEADERS_TOTAL

Established: TypeAlias = (
    Callable[[Call, Call], object] | Callable[[Call], object] | Callable[[], object]
)
"""Told of both calls, the first, or nothing."""
FORWARD_OPTIONS: Final = ("callerid", "followDiversion")
RELAYED_BOTH_WAYS: Final = (CallEvents.MessageReceived, CallEvents.InfoReceived)


class Bridging(StrictNames):
    """sendMediaBetween, stopMediaBetween, easyProcess."""

    __slots__ = ()

    def sendMediaBetween(self, mediaUnit1: MediaSource, mediaUnit2: MediaSource) -> None:
        """Let two units hear each other: both sendMediaTo calls. VoxEngine reference:
        VoxEngine.sendMediaBetween."""
        _both_ways("sendMediaBetween", mediaUnit1=mediaUnit1, mediaUnit2=mediaUnit2)
        mediaUnit1.sendMediaTo(mediaUnit2)
        mediaUnit2.sendMediaTo(mediaUnit1)

    def stopMediaBetween(self, mediaUnit1: MediaSource, mediaUnit2: MediaSource) -> None:
        """Undo sendMediaBetween, where it was not replaced. VoxEngine reference:
        VoxEngine.stopMediaBetween."""
        _both_ways("stopMediaBetween", mediaUnit1=mediaUnit1, mediaUnit2=mediaUnit2)
        mediaUnit1.stopMediaTo(mediaUnit2)
        mediaUnit2.stopMediaTo(mediaUnit1)

    def easyProcess(
        self,
        call1: Call,
        call2: Call,
        onEstablishedCallback: Established | None = None,
        direct: bool = False,
    ) -> None:
        """Join an incoming call with an outgoing one until either ends.

        At once: media both ways. Then: call2 Ringing rings call1, AudioStarted opens early media,
        Connected answers call1 (with call2's headers, displayName and scheme), call1 Connected
        calls `onEstablishedCallback(call1, call2)` (it may take fewer parameters); messages and
        INFO are passed on both ways; Failed or Disconnected of either terminates the session (take
        that back with removeEventListener). With `direct`, for a call2 of callUserDirect, no media
        is sent here and call1 is answered with answerDirect. Raises ValueError when `direct` and
        call2 do not go together. VoxEngine reference: VoxEngine.easyProcess.
        """
        session = current()
        for name, call in (("call1", call1), ("call2", call2)):
            if not isinstance(call, Call):
                kind = type(call).__name__
                raise TypeError(f"VoxEngine.easyProcess(): {name} must be a Call, not {kind}")
        established = _established("easyProcess", onEstablishedCallback, call1, call2)
        _check_direct(call1, call2, direct)
        if not direct:
            self.sendMediaBetween(call1, call2)
        _join_progress(call1, call2, direct)
        if established is not None:
            call1.addEventListener(CallEvents.Connected, established)
        for one, other in ((call1, call2), (call2, call1)):
            _relay(one, other)
            one.addEventListener(CallEvents.Failed, session.terminate)
            one.addEventListener(CallEvents.Disconnected, session.terminate)


def _both_ways(what: str, **units: object) -> None:
    for name, unit in units.items():
        if not isinstance(unit, Call | Conference | WebSocket):
            kind = type(unit).__name__
            raise TypeError(
                f"VoxEngine.{what}(): {name} must be a Call, Conference or WebSocket, not {kind}"
            )


def _established(
    what: str, callback: Established | None, *calls: Call
) -> Callable[[], object] | None:
    """The callback with as many of the calls as it takes. Raises TypeError."""
    if callback is None:
        return None
    name = f"VoxEngine.{what}"
    function(name, "onEstablishedCallback", callback)
    call: Callable[..., object] = callback
    told = calls[: wanted_arguments(callback, 2, name)]
    return lambda: call(*told)


def _check_direct(call1: Call, call2: Call, direct: bool) -> None:
    what = "VoxEngine.easyProcess"
    made_for = call2._direct_for
    if flag(what, "direct", direct) and made_for != call1._unit:
        raise ValueError(
            f"{what}(): direct=True is for a call2 that VoxEngine.callUserDirect(call1, ...) made"
        )
    if made_for and not direct:
        raise ValueError(f"{what}(): call2 was made by callUserDirect; give direct=True")


def _join_progress(call1: Call, call2: Call, direct: bool) -> None:
    def connected(event: CallEvents.Connected) -> None:
        if call1.incoming():
            options: dict[str, Any] = {"displayName": call2.displayName(), "scheme": event.scheme}
            headers = relayable(event.headers)
            if direct:
                call1.answerDirect(call2, headers, options)
            else:
                call1.answer(headers, options)

    def ringing() -> None:
        if call1.incoming():
            call1.ring()

    def audio_started() -> None:
        if call1.incoming():
            call1.startEarlyMedia()

    call2.addEventListener(CallEvents.Connected, connected)
    call2.addEventListener(CallEvents.Ringing, ringing)
    call2.addEventListener(CallEvents.AudioStarted, audio_started)


def _relay(source: Call, sink: Call) -> None:
    """Pass on messages and INFO; what the other side may not be sent is logged, not raised."""

    def message(event: CallEvents.MessageReceived) -> None:
        try:
            sink.sendMessage(event.text)
        except ValueError as exc:
            current().log(f"message not passed on: {exc}")

    def info(event: CallEvents.InfoReceived) -> None:
        try:
            sink.sendInfo(event.mimeType, event.body, relayable(event.headers))
        except ValueError as exc:
            current().log(f"INFO not passed on: {exc}")

    source.addEventListener(CallEvents.MessageReceived, message)
    source.addEventListener(CallEvents.InfoReceived, info)


def relayable(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a peer that may be passed on: X-* and User-to-User within the limits."""
    passed: dict[str, str] = {}
    left = MAX_HEADERS_TOTAL
    for name, value in headers.items():
        fits = name.lower().startswith("x-") or name.lower() == "user-to-user"
        size = len(name) + len(value) + 4
        if fits and size <= left and len(value.encode("utf-8", "replace")) <= MAX_HEADER_VALUE:
            passed[name] = value
            left -= size
    return passed


class Forwarding(Dialing, Bridging, EventSource):
    """Whole scenarios in one call: each installs a handler for CallAlerting."""

    __slots__ = ()

    def forwardCallToPSTN(
        self,
        numberTransform: Callable[[str], str] | None = None,
        onEstablishedCallback: Established | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Pass every incoming call on to the dialled number, changed by `numberTransform`.

        Option callerid replaces the caller's own number. Then as easyProcess. VoxEngine
        reference: VoxEngine.forwardCallToPSTN.
        """
        what = "forwardCallToPSTN"
        given = merge(
            f"VoxEngine.{what}", FORWARD_OPTIONS, () if options is None else (options,), {}
        )
        callerid = text(f"VoxEngine.{what}", "callerid", given.get("callerid", ""))
        if numberTransform is not None:
            function(f"VoxEngine.{what}", "numberTransform", numberTransform)
        _established(what, onEstablishedCallback)

        def alerting(event: AppEvents.CallAlerting) -> None:
            number = event.destination
            number = numberTransform(number) if numberTransform is not None else number
            diverted: PstnOptions = {"followDiversion": bool(given.get("followDiversion"))}
            call2 = self.callPSTN(number, callerid or event.callerid, diverted)
            self.easyProcess(event.call, call2, onEstablishedCallback)

        self.addEventListener(AppEvents.CallAlerting, alerting)

    def forwardCallToSIP(
        self, onEstablishedCallback: Established | None = None, video: bool = False
    ) -> None:
        """Pass every incoming call on to the SIP address it asked for (toURI), then as
        easyProcess. VoxEngine reference: VoxEngine.forwardCallToSIP."""
        _established("forwardCallToSIP", onEstablishedCallback)

        def alerting(event: AppEvents.CallAlerting) -> None:
            caller = event.call
            call2 = self.callSIP(
                event.toURI, callerid=event.callerid, displayName=caller.displayName()
            )
            self.easyProcess(caller, call2, onEstablishedCallback)

        self.addEventListener(AppEvents.CallAlerting, alerting)

    def forwardCallToUser(
        self, onEstablishedCallback: Established | None = None, video: bool = False
    ) -> None:
        """Pass every incoming call on to the registered user it asked for, then as easyProcess.
        VoxEngine reference: VoxEngine.forwardCallToUser."""
        _established("forwardCallToUser", onEstablishedCallback)

        def alerting(event: AppEvents.CallAlerting) -> None:
            call2 = self.callUser(username=event.destination, callerid=event.callerid)
            self.easyProcess(event.call, call2, onEstablishedCallback)

        self.addEventListener(AppEvents.CallAlerting, alerting)

    def forwardCallToUserDirect(self, onEstablishedCallback: Established | None = None) -> None:
        """Pass every incoming call on to the registered user it asked for with callUserDirect, then
        as easyProcess with `direct`. VoxEngine reference: VoxEngine.forwardCallToUserDirect."""
        _established("forwardCallToUserDirect", onEstablishedCallback)

        def alerting(event: AppEvents.CallAlerting) -> None:
            caller = event.call
            call2 = self.callUserDirect(
                caller,
                event.destination,
                callerid=event.callerid,
                displayName=caller.displayName(),
            )
            self.easyProcess(caller, call2, onEstablishedCallback, direct=True)

        self.addEventListener(AppEvents.CallAlerting, alerting)

    def playSoundAndHangup(self, fileURL: str) -> None:
        """Answer every incoming call, play one sound, and end the session. VoxEngine reference:
        VoxEngine.playSoundAndHangup."""
        text("VoxEngine.playSoundAndHangup", "fileURL", fileURL)
        ends = (CallEvents.Failed, CallEvents.Disconnected, CallEvents.PlaybackFinished)

        def alerting(event: AppEvents.CallAlerting) -> None:
            call = event.call
            call.addEventListener(CallEvents.Connected, lambda: call.startPlayback(fileURL))
            for end in ends:
                call.addEventListener(end, current().terminate)
            call.answer()

        self.addEventListener(AppEvents.CallAlerting, alerting)
