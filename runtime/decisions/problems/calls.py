"""Problems before there is a session: E21.. of calls, E22.. of the signalling.

The SIP endpoint knows nothing of numbers: what it refuses by itself is numbered by its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runtime.decisions.problems.known import KnownProblem


class Calls(KnownProblem):
    """As the log, /api/v1/refusals and the metrics show them."""

    DRAINING = (
        "E2101",
        503,
        "The runtime is shutting down",
        "It lets calls in progress end and takes no new ones.",
        "Call again when Retry-After is over.",
    )
    TOO_MANY_SESSIONS = (
        "E2102",
        503,
        "As many sessions run as may",
        "[limits] max_sessions, or as many as the memory of the machine has room for.",
        "Raise the limit if there is memory, spread the calls over more machines, or see why "
        "sessions do not end.",
    )
    SCENARIO_FAILING = (
        "E2103",
        503,
        "The scenario is failing",
        "So many of its sessions crashed lately that no more are given to it ([limits] crashes).",
        "See the timelines of those sessions; load another version, which starts with a clean"
        " slate.",
    )
    NO_RULE = (
        "E2104",
        404,
        "No rule takes the number",
        "None of the rules, numbers and scenario names matches what was dialled; the text "
        "lists what was tried.",
        "Add a rule, or see with `callstage explain NUMBER` why none fits.",
    )
    CONFERENCE_FULL = (
        "E2105",
        486,
        "The conference is full",
        "As many callers are in it as [limits] conference_callers allows.",
        "Raise the limit, or let callers in again when somebody has left.",
    )
    CALLS_ITSELF = (
        "E2106",
        482,
        "The call comes from our own session, again and again",
        "A scenario calls a number that leads to a scenario that calls on.",
        "Break the circle: call another number, or answer the call.",
    )
    NOT_READY = (
        "E2107",
        503,
        "The runtime is not ready for calls",
        "It starts, or stops.",
        "Call again in a few seconds.",
    )
    TOO_MANY_ARRIVING = (
        "E2108",
        503,
        "Too many calls arrive at once",
        "The audio of so many calls is being found at this moment.",
        "Call again; if it goes on, the machine is too small for its traffic.",
    )
    NO_AUDIO = (
        "E2109",
        503,
        "There is no audio for the call",
        "The audio engine has no port or no leg left, or is being replaced.",
        "Widen [rtp] ports, raise the limit of open files (ulimit -n); see the log for an "
        "engine that ended.",
    )
    BAD_DESCRIPTION = (
        "E2110",
        400,
        "The session description cannot be read",
        "The SDP of the offer is not as RFC 8866 says.",
        "The text says where; it is the peer's to mend.",
    )
    NO_AUDIO_IN_COMMON = (
        "E2111",
        488,
        "No audio can be agreed on",
        "The offer has no codec of ours, or wants audio encrypted, or not, where we may not.",
        "Compare the offer with [rtp] codecs and srtp; the text says what is missing.",
    )
    TRUNK_ONE_WAY = (
        "E2112",
        403,
        "The trunk takes no calls in this direction",
        "[[trunk]] calls says so.",
        "Change it, or let the carrier send calls elsewhere.",
    )
    TRUNK_FULL = (
        "E2113",
        503,
        "The trunk has no line for the call",
        "So many calls, or calls a second, as its limits allow.",
        "Raise the limits of the trunk to what the contract says.",
    )
    NO_SCENARIO = (
        "E2114",
        404,
        "There is no such scenario",
        "A session was to be started with one that the application does not have.",
        "The text lists those that there are.",
    )
    TOO_MANY_STARTED = (
        "E2115",
        503,
        "Too many sessions were started over HTTP",
        "So many of one application may run at once ([limits] started_sessions).",
        "End some, or start the next when one is over.",
    )
    NO_LISTENER = (
        "E2116",
        480,
        "The scenario takes no calls",
        "It has no listener for AppEvents.CallAlerting.",
        "Add one while the script loads; it decides whether to answer.",
    )
    TOO_FAST = (
        "E2117",
        503,
        "The peer asks too much inside its call",
        "More requests a second came than [limits] allow for one call, which was ended.",
        "It is the peer's to mend; the text names the rate.",
    )
    SCENARIO_ENDED = (
        "E2118",
        480,
        "The scenario ended without an answer",
        "It terminated the session, nobody answered within [limits] unanswered_s, or the runtime "
        "shut down meanwhile.",
        "See the timeline of the session; its last lines say why it ended.",
    )
    SCENARIO_FAILED = (
        "E2119",
        500,
        "The scenario failed",
        "Its code raised an exception, passed a limit, or its process ended.",
        "The timeline of the session has the traceback or the limit.",
    )
    AUDIO_LOST = (
        "E2120",
        503,
        "The audio of the call was lost",
        "The audio engine ended and is being replaced; new calls have audio again.",
        "Call again; the log says what ended the engine.",
    )
    BRIDGE_OVER = (
        "E2121",
        500,
        "The other side of the bridge has hung up",
        "The calls of a failed script were left to talk to each other (on_failure keep), and one "
        "is over.",
        "Nothing; the timeline of the session says why the script failed.",
    )
    NOT_REPLACED = (
        "E2122",
        603,
        "The call may not take the place of another",
        "An INVITE with Replaces is taken for answered calls that handleBlindTransfer was called "
        "for, over transports as safe as theirs.",
        "The text says what is missing.",
    )
    SIGNALLING = (
        "E2200",
        0,
        "The request is refused",
        "The SIP endpoint answered by itself; the text says why.",
        "See the status in RFC 3261 21.",
    )
    STRANGER = (
        "E2201",
        403,
        "The peer may not do this",
        "Its address is in no network of [sip] allow, it is no trunk and no user, or it asks "
        "for what is not served to anybody.",
        "Allow its network, configure it as a trunk, or register it as a user.",
    )
    WRONG_LOGIN = (
        "E2202",
        401,
        "The login is wrong",
        "User, realm or password do not fit, or the answer to the challenge is too old.",
        "Compare the phone's login with [users] or the users of its application.",
    )
    MALFORMED = (
        "E2203",
        400,
        "The message is not SIP",
        "It breaks a rule of RFC 3261 25 that cannot be passed over.",
        "It is the peer's to mend; the text says what is wrong.",
    )
    NOT_SERVED = (
        "E2204",
        405,
        "The request asks for what is not served",
        "A method, extension, event, scheme or body that is not offered here.",
        "The response lists what is, in Allow, Unsupported, Allow-Events or Accept.",
    )
    NO_DIALOG = (
        "E2205",
        481,
        "The request belongs to no call",
        "Its call is over, or never was; or a response was lost and the peer goes on.",
        "Nothing, if it comes once; otherwise look what the peer believes.",
    )
    OVERLOADED = (
        "E2206",
        503,
        "The signalling takes no more now",
        "Too many calls, transactions or subscriptions, too many requests of one address, or "
        "the runtime is shutting down.",
        "Send fewer; Retry-After says when. The limits are named in the text.",
    )
    LOOP = (
        "E2207",
        482,
        "The request goes in circles",
        "It came here before, or has passed too many proxies.",
        "Look at the routes of the proxies between.",
    )
    BANNED = (
        "E2208",
        0,
        "The address is ignored",
        "It sent too many requests without right credentials, or is a scanner.",
        "Nothing; if it is one of yours, allow it, and its ban ends with the first right password.",
    )


_BY_STATUS: Final[Mapping[int, Calls]] = MappingProxyType(
    {
        400: Calls.MALFORMED,
        401: Calls.WRONG_LOGIN,
        403: Calls.STRANGER,
        405: Calls.NOT_SERVED,
        406: Calls.NOT_SERVED,
        407: Calls.WRONG_LOGIN,
        415: Calls.NOT_SERVED,
        416: Calls.NOT_SERVED,
        420: Calls.NOT_SERVED,
        481: Calls.NO_DIALOG,
        482: Calls.LOOP,
        483: Calls.LOOP,
        489: Calls.NOT_SERVED,
        501: Calls.NOT_SERVED,
        503: Calls.OVERLOADED,
        505: Calls.NOT_SERVED,
    }
)


def of_status(status: int) -> Calls:
    """What the SIP endpoint refused with this status."""
    return _BY_STATUS.get(status, Calls.SIGNALLING)
