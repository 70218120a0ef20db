"""Problems of calls that a script dials and that are refused here: E23... What the far side refuses
has its SIP status."""

from __future__ import annotations

from runtime.decisions.problems.known import KnownProblem


class Dials(KnownProblem):
    """As the timeline and the log show them, beside the code and reason of CallEvents.Failed."""

    BAD_ADDRESS = (
        "E2301",
        400,
        "What is dialled is no address or number",
        "It cannot be read, or has what may not be dialled: another scheme or transport, a "
        "password, headers, a route.",
        "Dial sip:user@host or a telephone number; passwords and headers have parameters of "
        "their own.",
    )
    BAD_CALLER = (
        "E2302",
        400,
        "The caller cannot be written so",
        "callerid or displayName is no number, user or address.",
        "Give a number, a user, or user@host.",
    )
    BAD_HEADERS = (
        "E2303",
        400,
        "A header may not be sent so",
        "Scripts send X- headers and a few others, with printable values of a bounded length.",
        "The text names the header and what is wrong with it.",
    )
    NEEDS_TRUNK = (
        "E2304",
        403,
        "The call needs a trunk",
        "Without one, only calls from loopback to loopback are placed.",
        "Add a [[trunk]] whose uri is the carrier's; see what becomes of a call with `callstage "
        "explain NUMBER`.",
    )
    NO_ROUTE = (
        "E2305",
        403,
        "No route leads to the number",
        "None of [[route]] matches what was dialled; the text lists what was tried.",
        "Add a [[route]], or see with `callstage explain NUMBER` why none fits.",
    )
    TRUNK_ONE_WAY = (
        "E2306",
        403,
        "The trunk carries no outgoing calls",
        "[[trunk]] calls says so.",
        "Change it, or dial over another trunk.",
    )
    CALLER_NOT_PERMITTED = (
        "E2307",
        403,
        "The trunk does not carry this caller",
        "A call over it may show only the numbers that are configured for it.",
        "Use one of those that the text names, or add the number to [[trunk]] callerids.",
    )
    TRUNK_UNAVAILABLE = (
        "E2308",
        503,
        "The trunk cannot carry the call now",
        "It has no line left, does not answer, or has us not registered.",
        "Try again later, give the route a second trunk, or look at /api/v1/trunks.",
    )
    NO_REGISTRATION = (
        "E2309",
        400,
        "There is no such registration",
        "regId is the name of a [[trunk]] with [trunk.register], and goes without outProxy.",
        "Use one of those that the text names.",
    )
    NO_USER = (
        "E2310",
        404,
        "There is no such user",
        "callUser() finds users of the configuration and of the script's application.",
        "Look at the spelling, or add the user.",
    )
    USER_AWAY = (
        "E2311",
        480,
        "The user is not registered",
        "None of the user's phones has registered here, or its registration is over.",
        "Look whether the phone is on and has the right server and password.",
    )
    NOT_DIRECT = (
        "E2312",
        488,
        "The audio cannot pass directly",
        "callUserDirect() joins two SIP phones that can exchange their audio as it is, where [rtp] "
        "direct permits it.",
        "Use callUser() and VoxEngine.sendMediaBetween().",
    )
    NO_AUDIO = (
        "E2313",
        503,
        "There is no audio for the call",
        "The audio engine has no port or no leg left, or is being replaced.",
        "Widen [rtp] ports, raise the limit of open files (ulimit -n); see the log for an "
        "engine that ended.",
    )
    NOTHING_TO_OFFER = (
        "E2314",
        488,
        "No audio may be offered there",
        "Codecs or encryption of the trunk or phone leave nothing that may be offered.",
        "Compare [rtp] and [[trunk]] codecs and srtp with the transport of the call.",
    )
    NOT_SENT = (
        "E2315",
        503,
        "The INVITE cannot be sent",
        "The signalling has as many calls as it may, is shutting down, or none of the addresses "
        "can be reached.",
        "Try again later; the text says which.",
    )
    TOO_MANY_CALLS = (
        "E2316",
        403,
        "The session has as many calls as it may",
        "Calls of a session, those not answered yet, and attempts altogether are limited.",
        "Hang up first, start another session, or raise the limit under [limits].",
    )
    DRAINING = (
        "E2317",
        503,
        "The runtime is shutting down",
        "It lets calls in progress end and places no new ones.",
        "Dial again when it has started anew.",
    )
    NOT_FOR_THIS_HOST = (
        "E2318",
        403,
        "A secret is not meant for where the call goes",
        "Each secret names the hosts that it may be sent to.",
        "Dial one of them, or add the host to the secret.",
    )
    NOT_ASKED_FOR = (
        "E2319",
        403,
        "The place to be taken is no call of a transfer",
        "A Replaces header may only be passed on as a TransferRequested named it.",
        "Pass on the headers of the event as they are.",
    )
    NO_CALLER = (
        "E2320",
        400,
        "The call to be joined directly cannot be",
        "callUserDirect() takes a caller that waits for its answer and is joined with nobody.",
        "The text says what the call is instead.",
    )
    NO_LISTENER = (
        "E2321",
        503,
        "Conferences cannot be called",
        "A call to a conference is placed to the runtime itself, over UDP.",
        "Add a udp:// listener to [sip] listen.",
    )
    AS_SIMULATED = (
        "E2399",
        0,
        "The test refuses the call",
        "A simulation said that this call is not placed, with this code.",
        "See what the test expects of the number.",
    )
