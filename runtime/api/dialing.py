"""The part of VoxEngine that places calls.

Every function returns a Call at once; what becomes of it are its events. Even a refusal that is
known at once arrives as Failed, after the code that placed the call has returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack, overload

from runtime.api.amd import AMDDetector, detector_of
from runtime.api.call import Call
from runtime.api.handle import CommandHandle
from runtime.api.names import StrictNames
from runtime.api.options import header_map, merge, text
from runtime.api.running import current
from runtime.api.session import SPELLED
from runtime.sandbox.commands import CreateCall
from runtime.sandbox.frames import CallInfo

TIMEOUT_HEADER: Final = "VI-CallTimeout"
SHORTEST_S: Final = 10
LONGEST_S: Final = 400
"""VoxEngine's range of VI-CallTimeout."""


class SipOptions(TypedDict, total=False):
    callerid: str
    displayName: str
    password: str
    authUser: str
    headers: Mapping[str, str]
    extraHeaders: Mapping[str, str]
    video: bool
    outProxy: str
    regId: str | int
    amd: AMDDetector
    scheme: object
    allow180After183: bool
    strictCodecList: bool


class PstnOptions(TypedDict, total=False):
    amd: AMDDetector
    followDiversion: bool
    headers: Mapping[str, str]


class UserOptions(TypedDict, total=False):
    username: str
    callerid: str
    displayName: str
    headers: Mapping[str, str]
    extraHeaders: Mapping[str, str]
    video: bool
    amd: AMDDetector
    scheme: object
    pushNotificationTimeout: int
    analyticsLabel: str


SIP_LEGACY: Final = (
    "callerid",
    "displayName",
    "password",
    "authUser",
    "extraHeaders",
    "video",
    "outProxy",
)


class DirectOptions(TypedDict, total=False):
    callerid: str
    displayName: str
    headers: Mapping[str, str]
    extraHeaders: Mapping[str, str]


USER_LEGACY: Final = ("username", "callerid", "displayName", "headers", "video", "scheme")
WITHOUT_EFFECT: Final = ("strictCodecList", "video")
"""Asking for these and not getting them matters enough for a log line."""

DESTINATIONS: Final = {
    "sip": "to",
    "pstn": "number",
    "user": "username",
    "conference": "conferenceId",
}
CONFERENCE_OPTIONS: Final = ("callerid", "displayName", "headers", "scheme")
"""What each function calls the one to be called."""


class Dialing(StrictNames):
    """callSIP, callPSTN, callUser, callUserDirect."""

    __slots__ = ()

    @overload
    def callSIP(self, to: str, **options: Unpack[SipOptions]) -> Call: ...
    @overload
    def callSIP(self, to: str, parameters: SipOptions, scheme: object = None) -> Call: ...
    @overload
    def callSIP(self, to: str, callerid: str, /, *legacy: object) -> Call: ...
    def callSIP(self, to: str, *positional: object, **options: object) -> Call:
        """Call a SIP address: "sip:bob@example.com", "sips:...", "...;transport=tcp".

        Ringing, AudioStarted, Connected follow as they happen; Failed(code, reason) when it never
        connects, 408 after 60 s (header VI-CallTimeout, 10 to 400 s), 403 above the limits of
        calls per session. Options, as keywords or one dict: callerid, displayName, password,
        authUser, headers (X-*), outProxy, regId, allow180After183, amd (what AMD.create gave);
        video, scheme (also behind the dict) and strictCodecList have no effect. The older
        positional form (callerid, displayName, password, authUser, extraHeaders, video, outProxy)
        works. Raises ValueError and
        TypeError for what cannot be sent, SessionOver while the session ends. VoxEngine reference:
        VoxEngine.callSIP.
        """
        known = tuple(SipOptions.__annotations__)
        given = merge(
            "VoxEngine.callSIP", known, positional, options, legacy=SIP_LEGACY, behind=("scheme",)
        )
        return place("VoxEngine.callSIP", "sip", to, given)

    def callPSTN(
        self,
        number: str,
        callerid: str = "",
        parameters: PstnOptions | None = None,
        **options: Unpack[PstnOptions],
    ) -> Call:
        """Call a telephone number over the trunks that are configured for it, one after the other.

        Events, limits and errors as for callSIP; Failed(403) says so when no trunk carries such
        numbers or when the operator does not permit this callerid. A trunk that is down, full or
        fails goes unnoticed while another one of the route can take the call. With followDiversion
        the trunk is told (Diversion, RFC 5806) which number passed the call on: the one that the
        session's caller dialled.
        VoxEngine reference: VoxEngine.callPSTN.
        """
        positional = () if parameters is None else (parameters,)
        known = ("callerid", *PstnOptions.__annotations__)
        given = merge("VoxEngine.callPSTN", known, positional, options)
        return place("VoxEngine.callPSTN", "pstn", number, {"callerid": callerid, **given})

    @overload
    def callUser(self, /, parameters: UserOptions) -> Call: ...
    @overload
    def callUser(self, username: str, callerid: str, /, *legacy: object) -> Call: ...
    @overload
    def callUser(self, /, **options: Unpack[UserOptions]) -> Call: ...
    def callUser(self, /, *positional: object, **options: object) -> Call:
        """Call a registered user by name: all phones ring, the first that answers wins.

        Events, limits and errors as for callSIP; Failed(480) when the user is not registered,
        Failed(404) when there is no such user. When all phones refuse, the code is the best of
        theirs (RFC 3261 16.7); 603 from one is from the user.
        Options, as keywords or one dict: username, callerid, displayName, headers or extraHeaders
        (X-*, and VI-CallTimeout), amd; the others of VoxEngine have no effect. The older positional
        form (username, callerid, displayName, headers, video, scheme) works. VoxEngine reference:
        VoxEngine.callUser.
        """
        known = tuple(UserOptions.__annotations__)
        given = merge("VoxEngine.callUser", known, positional, options, legacy=USER_LEGACY)
        if "username" not in given:
            raise TypeError(
                "VoxEngine.callUser(): username is missing; the form is callUser(username=...,"
                " callerid=...)"
            )
        return place("VoxEngine.callUser", "user", given.pop("username"), given)

    def callConference(self, conferenceId: str, *positional: object, **options: object) -> Call:
        """Call one of this runtime's shared sessions: the one of the rule with `conference = true`
        whose pattern `conferenceId` matches. The first call begins it, later ones join it.

        There it is a CallAlerting like any other, with `destination` = conferenceId; to be heard
        here, join this call with a caller's. Events, limits and errors as for callSIP; Failed(404)
        says so when no such rule is there. Options, by position or as keywords: callerid,
        displayName, headers (X-*); scheme has no effect. VoxEngine reference:
        VoxEngine.callConference.
        """
        what = "VoxEngine.callConference"
        given = merge(what, CONFERENCE_OPTIONS, positional, options, legacy=CONFERENCE_OPTIONS)
        return place(what, "conference", conferenceId, given)

    @overload
    def callUserDirect(
        self, incomingCall: Call, username: str, **options: Unpack[DirectOptions]
    ) -> Call: ...
    @overload
    def callUserDirect(
        self, incomingCall: Call, username: str, parameters: DirectOptions
    ) -> Call: ...
    def callUserDirect(
        self, incomingCall: Call, username: str, *positional: object, **options: object
    ) -> Call:
        """Call a registered user, so that audio passes directly between it and the peer of
        `incomingCall`, which is not answered yet.

        Its phones are offered what that peer has offered: each learns where the other is. Ringing
        follows, then Connected (answer then with `incomingCall.answerDirect(call)`) or Failed as
        for callUser; AudioStarted is never fired. Failed(488) when audio could not pass (the peers
        could not reach each other's addresses, or keys would travel unprotected), Failed(403) when
        the operator forbids direct calls, Failed(487) when incomingCall has ended; callUser is
        possible instead. What is refused on such calls: see Call.answerDirect. Options, as keywords
        or one dict: callerid, displayName, headers or extraHeaders (X-*, and VI-CallTimeout).
        Raises ValueError and TypeError for an outgoing call and for what is no Call. VoxEngine
        reference: VoxEngine.callUserDirect.
        """
        what = "VoxEngine.callUserDirect"
        if not isinstance(incomingCall, Call):
            kind = type(incomingCall).__name__
            raise TypeError(f"{what}(): incomingCall must be a Call, not {kind}")
        if not incomingCall.incoming():
            raise ValueError(f"{what}(): {incomingCall} is an outgoing call")
        known = tuple(DirectOptions.__annotations__)
        given = merge(what, known, positional, options)
        return place(what, "user", username, given, direct_for=incomingCall)


def place(
    what: str,
    kind: str,
    to: object,
    given: Mapping[str, Any],
    *,
    direct_for: Call | None = None,
) -> Call:
    """Send the command that creates the leg, and return its Call."""
    session = current()
    session.refuse_late(what)
    headers = {
        **header_map(what, given.get("headers"), "headers"),
        **header_map(what, given.get("extraHeaders")),
    }
    for name in WITHOUT_EFFECT:
        if given.get(name):
            session.log(f"{what}(): option {name} has no effect in this version")
    detector = detector_of(what, given.get("amd"))
    unit = session.new_unit()
    command = session.build(
        what,
        CreateCall,
        {**SPELLED, "to": DESTINATIONS[kind], "headers": "headers"},
        unit=unit,
        kind=kind,
        to=text(what, DESTINATIONS[kind], to),
        callerid=given.get("callerid", ""),
        display_name=given.get("displayName", ""),
        auth_user=given.get("authUser", ""),
        password=given.get("password", ""),
        out_proxy=given.get("outProxy", ""),
        registration=str(given.get("regId", "")),
        timeout_s=_timeout(what, headers),
        headers=headers,
        allow_180_after_183=given.get("allow180After183", False),
        follow_diversion=given.get("followDiversion", False),
        direct_for=None if direct_for is None else direct_for._unit,
    )
    session.command(command, CommandHandle(what))
    info = CallInfo(
        unit=unit,
        number=command.to,
        callerid=command.callerid,
        display_name=command.display_name,
        incoming=False,
        client_type="sip" if kind == "conference" else kind,
    )
    call = Call(session, info)
    if direct_for is not None:
        call._direct_for = direct_for._unit
    if detector is not None:
        detector._listen_to(call)
    return call


def _timeout(what: str, headers: dict[str, str]) -> float:
    """Take VI-CallTimeout out of the headers."""
    named: Sequence[str] = [name for name in headers if name.lower() == TIMEOUT_HEADER.lower()]
    value = [headers.pop(name) for name in named]
    if not value:
        return 60
    seconds = value[-1].strip()
    digits = seconds.isascii() and seconds.isdigit() and len(seconds) < 4
    if not digits or not SHORTEST_S <= int(seconds) <= LONGEST_S:
        raise ValueError(
            f"{what}(): {TIMEOUT_HEADER} must be {SHORTEST_S} to {LONGEST_S} seconds, not "
            f"{seconds[:40]!r}"
        )
    return int(seconds)
