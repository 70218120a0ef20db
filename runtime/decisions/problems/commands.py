"""Problems of what a script asks for: E24.. The call or session goes on."""

from __future__ import annotations

from runtime.decisions.problems.known import KnownProblem


class Commands(KnownProblem):
    """As CommandFailed and the timeline show them; none has a status."""

    ENDED = (
        "E2401",
        0,
        "What the command is for has ended",
        "The call, player, recorder or conference was over before the command arrived; nothing "
        "was done.",
        "Nothing, if it crossed the end; otherwise stop using the object after its last event.",
    )
    WRONG_MOMENT = (
        "E2402",
        0,
        "The command does not fit the moment",
        "A call or socket takes it in another state only; nothing was changed.",
        "Wait for the event that the text names, Connected or OPEN above all.",
    )
    WRONG_THING = (
        "E2403",
        0,
        "The object cannot do this",
        "It is of another kind, or has no audio to send or to be sent.",
        "See the page of the object for what it takes.",
    )
    BAD_ARGUMENT = (
        "E2404",
        0,
        "An argument is not possible",
        "It names what is not known here, or is out of its range.",
        "The text says which, and what is possible.",
    )
    TOO_MANY = (
        "E2405",
        0,
        "The session has as many of these as it may",
        "Everything that a script can make or send is limited, so that no session takes what "
        "others need.",
        "Stop one first, send less at once, or raise the limit under [limits].",
    )
    AUDIO_ELSEWHERE = (
        "E2406",
        0,
        "The audio of the call is not here",
        "It passes directly between the peers (callUserDirect, answerDirect).",
        "Join the calls with VoxEngine.sendMediaBetween() instead if something of it is to be "
        "heard, said or recorded.",
    )
    FORBIDDEN_ADDRESS = (
        "E2407",
        0,
        "Scripts may not reach this address",
        "It is private, this machine's own, or a secret is not meant for it.",
        "Use a public address, or let the operator add the network to [net] allow.",
    )
    MAIL_NOT_TAKEN = (
        "E2408",
        0,
        "The message is not given to the relay",
        "There is no [mail] section, the script named another server, or the message is not one.",
        "The text says which; see the reference of [mail].",
    )
    NOBODY_LISTENS = (
        "E2409",
        0,
        "Nothing in the script listens for what came",
        "A transfer that the peer asks for, or a WebSocket that came in, needs a listener.",
        "Add one for the event that the text names, before the call is answered.",
    )
    NO_WAY_FOR_AUDIO = (
        "E2410",
        0,
        "There is no way for another stream of audio",
        "The audio engine has no leg left, or is being replaced.",
        "See the limits and the log for an engine that ended.",
    )
