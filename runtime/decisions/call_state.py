"""The state of a call leg: one table from (phase, input) to (phase, effects). Runs in the core.

A scenario sees four states; the phases below divide them by direction and by what was already
promised to the peer. The table is looked up first, then things are written and emitted; an input
that a phase does not know changes nothing (IllegalInput says why). Local ends are immediate: after
a hangup or a refusal the leg is TERMINATED at once and what the wire still says is not heard.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from runtime.decisions.problems import Commands


class CallState(enum.StrEnum):
    """What `call.state()` returns."""

    ALERTING = "ALERTING"
    PROGRESSING = "PROGRESSING"
    CONNECTED = "CONNECTED"
    TERMINATED = "TERMINATED"


class Phase(enum.Enum):
    IN_ALERTING = "incoming, waits for the script"
    IN_RINGING = "incoming, rings"
    IN_EARLY = "incoming, early media"
    IN_ANSWERED = "incoming, answered without ringing, waits for the caller's ACK"
    IN_ANSWERED_RINGING = "incoming, answered, waits for the caller's ACK"
    IN_ANSWERED_EARLY = "incoming, answered from early media, waits for the caller's ACK"
    OUT_ALERTING = "outgoing, dialled"
    OUT_RINGING = "outgoing, rings"
    OUT_EARLY = "outgoing, early media"
    CONNECTED = "connected"
    TERMINATED = "ended"


class Input(enum.Enum):
    RING = "ring()"
    EARLY_MEDIA = "startEarlyMedia()"
    ANSWER = "answer()"
    ANSWER_DIRECT = "answerDirect()"
    REJECT = "reject()"
    HANG_UP = "hangup()"
    REFUSE = "refusal of an unanswered call by the runtime"
    NO_ANSWER = "no-answer limit"
    PEER_RINGS = "180"
    PEER_RINGS_AFTER_EARLY = "180 with allow180After183"
    PEER_EARLY_MEDIA = "183"
    PEER_CONNECTED = "answer of the peer"
    PEER_CONNECTED_DIRECT = "answer of the peer, whose audio passes by"
    ENDED = "end of the leg"


class Effect(enum.Enum):
    STATE_CHANGED = "emit StateChanged"
    RINGING = "emit Ringing"
    AUDIO_STARTED = "emit AudioStarted"
    CONNECTED = "emit Connected"
    FAILED = "emit Failed"
    DISCONNECTED = "emit Disconnected"
    SEND_RINGING = "send 180"
    SEND_EARLY_MEDIA = "send 183"
    SEND_ANSWER = "send 200"
    SEND_DIRECT_ANSWER = "send 200 with the description of another call's peer"
    SEND_REFUSAL = "send a final refusal"
    SEND_HANG_UP = "send BYE or CANCEL"


class IllegalInput(Exception):
    """The input does not fit the phase; nothing was changed."""

    kind: ClassVar[Commands] = Commands.WRONG_MOMENT


@attrs.frozen
class Step:
    phase: Phase
    effects: tuple[Effect, ...]


STATES: Final[Mapping[Phase, CallState]] = {
    Phase.IN_ALERTING: CallState.ALERTING,
    Phase.IN_RINGING: CallState.PROGRESSING,
    Phase.IN_EARLY: CallState.PROGRESSING,
    Phase.IN_ANSWERED: CallState.ALERTING,
    Phase.IN_ANSWERED_RINGING: CallState.PROGRESSING,
    Phase.IN_ANSWERED_EARLY: CallState.PROGRESSING,
    Phase.OUT_ALERTING: CallState.ALERTING,
    Phase.OUT_RINGING: CallState.PROGRESSING,
    Phase.OUT_EARLY: CallState.PROGRESSING,
    Phase.CONNECTED: CallState.CONNECTED,
    Phase.TERMINATED: CallState.TERMINATED,
}

CAN_HEAR: Final = frozenset(
    {Phase.IN_EARLY, Phase.IN_ANSWERED_EARLY, Phase.OUT_EARLY, Phase.CONNECTED}
)
"""Edges to the leg are effective (voxengine.md M8)."""
CAN_BE_HEARD: Final = frozenset({Phase.OUT_EARLY, Phase.CONNECTED})
"""Edges from the leg are effective: early media on an incoming leg does not let us listen."""
HOLDS_PLAYBACK: Final = frozenset({Phase.IN_ANSWERED, Phase.IN_ANSWERED_RINGING})
"""A playback issued now waits for Connected (voxengine.md M8)."""
UNANSWERED: Final = frozenset(
    {
        Phase.IN_ALERTING,
        Phase.IN_RINGING,
        Phase.IN_EARLY,
        Phase.OUT_ALERTING,
        Phase.OUT_RINGING,
        Phase.OUT_EARLY,
    }
)
"""Counts for the limit of unanswered calls, and the no-answer clock runs."""

COMMANDS_TO_CALLERS: Final = frozenset(
    {Input.RING, Input.EARLY_MEDIA, Input.ANSWER, Input.ANSWER_DIRECT, Input.REJECT}
)

_P, _I, _E = Phase, Input, Effect
_REFUSED: Final = Step(_P.TERMINATED, (_E.DISCONNECTED, _E.SEND_REFUSAL))
_HUNG_UP: Final = Step(_P.TERMINATED, (_E.DISCONNECTED, _E.SEND_HANG_UP))
_GONE: Final = Step(_P.TERMINATED, (_E.DISCONNECTED,))
_CANCELLED: Final = Step(_P.TERMINATED, (_E.FAILED, _E.SEND_HANG_UP))
_FAILED: Final = Step(_P.TERMINATED, (_E.FAILED,))
_ANSWERED_OUT: Final = Step(_P.CONNECTED, (_E.AUDIO_STARTED, _E.CONNECTED))
_CONNECTED: Final = Step(_P.CONNECTED, (_E.CONNECTED,))

_UNANSWERED_IN: Final[Mapping[Input, Step]] = {
    _I.REJECT: _REFUSED,
    _I.HANG_UP: _REFUSED,
    _I.REFUSE: _REFUSED,
    _I.NO_ANSWER: _REFUSED,
    _I.ENDED: _GONE,
}
_ANSWERED_IN: Final[Mapping[Input, Step]] = {
    _I.PEER_CONNECTED: _CONNECTED,
    _I.HANG_UP: _HUNG_UP,
    _I.REFUSE: _HUNG_UP,
    _I.ENDED: _GONE,
}
_UNANSWERED_OUT: Final[Mapping[Input, Step]] = {
    _I.HANG_UP: _CANCELLED,
    _I.REFUSE: _CANCELLED,
    _I.NO_ANSWER: _CANCELLED,
    _I.ENDED: _FAILED,
}

TABLE: Final[Mapping[Phase, Mapping[Input, Step]]] = {
    _P.IN_ALERTING: {
        **_UNANSWERED_IN,
        _I.RING: Step(_P.IN_RINGING, (_E.SEND_RINGING,)),
        _I.EARLY_MEDIA: Step(_P.IN_EARLY, (_E.SEND_EARLY_MEDIA,)),
        _I.ANSWER: Step(_P.IN_ANSWERED, (_E.SEND_ANSWER,)),
        _I.ANSWER_DIRECT: Step(_P.IN_ANSWERED, (_E.SEND_DIRECT_ANSWER,)),
    },
    _P.IN_RINGING: {
        **_UNANSWERED_IN,
        _I.RING: Step(_P.IN_RINGING, (_E.SEND_RINGING,)),
        _I.EARLY_MEDIA: Step(_P.IN_EARLY, (_E.SEND_EARLY_MEDIA,)),
        _I.ANSWER: Step(_P.IN_ANSWERED_RINGING, (_E.SEND_ANSWER,)),
        _I.ANSWER_DIRECT: Step(_P.IN_ANSWERED_RINGING, (_E.SEND_DIRECT_ANSWER,)),
    },
    _P.IN_EARLY: {
        **_UNANSWERED_IN,
        _I.RING: Step(_P.IN_EARLY, (_E.SEND_RINGING,)),
        _I.ANSWER: Step(_P.IN_ANSWERED_EARLY, (_E.SEND_ANSWER,)),
    },
    _P.IN_ANSWERED: _ANSWERED_IN,
    _P.IN_ANSWERED_RINGING: _ANSWERED_IN,
    _P.IN_ANSWERED_EARLY: _ANSWERED_IN,
    _P.OUT_ALERTING: {
        **_UNANSWERED_OUT,
        _I.PEER_RINGS: Step(_P.OUT_RINGING, (_E.RINGING,)),
        _I.PEER_RINGS_AFTER_EARLY: Step(_P.OUT_RINGING, (_E.RINGING,)),
        _I.PEER_EARLY_MEDIA: Step(_P.OUT_EARLY, (_E.AUDIO_STARTED,)),
        _I.PEER_CONNECTED: _ANSWERED_OUT,
        _I.PEER_CONNECTED_DIRECT: _CONNECTED,
    },
    _P.OUT_RINGING: {
        **_UNANSWERED_OUT,
        # A peer repeats 180 every minute so that proxies keep the call (RFC 3261 13.3.1.1): once.
        _I.PEER_RINGS: Step(_P.OUT_RINGING, ()),
        _I.PEER_RINGS_AFTER_EARLY: Step(_P.OUT_RINGING, ()),
        _I.PEER_EARLY_MEDIA: Step(_P.OUT_EARLY, (_E.AUDIO_STARTED,)),
        _I.PEER_CONNECTED: _ANSWERED_OUT,
        _I.PEER_CONNECTED_DIRECT: _CONNECTED,
    },
    _P.OUT_EARLY: {
        **_UNANSWERED_OUT,
        _I.PEER_RINGS: Step(_P.OUT_EARLY, ()),
        _I.PEER_RINGS_AFTER_EARLY: Step(_P.OUT_EARLY, (_E.RINGING,)),
        _I.PEER_EARLY_MEDIA: Step(_P.OUT_EARLY, ()),
        _I.PEER_CONNECTED: _CONNECTED,
    },
    _P.CONNECTED: {_I.HANG_UP: _HUNG_UP, _I.REFUSE: _HUNG_UP, _I.ENDED: _GONE},
    # The wire may still report what crossed our own end; commands to an ended leg are harmless.
    _P.TERMINATED: {_I.ENDED: Step(_P.TERMINATED, ()), _I.REFUSE: Step(_P.TERMINATED, ())},
}

_EVENTS: Final = frozenset({_E.RINGING, _E.AUDIO_STARTED, _E.CONNECTED, _E.FAILED, _E.DISCONNECTED})


def step(phase: Phase, given: Input) -> Step:
    """What `given` does in `phase`, StateChanged included. Raises IllegalInput."""
    found = TABLE[phase].get(given)
    if found is None:
        raise IllegalInput(_explain(phase, given))
    if STATES[found.phase] is STATES[phase]:
        return found
    return Step(found.phase, _announce(found.effects))


def _announce(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """StateChanged comes right before the last event of the step, or first without one."""
    last = max((n for n, effect in enumerate(effects) if effect in _EVENTS), default=0)
    return (*effects[:last], Effect.STATE_CHANGED, *effects[last:])


_SITUATIONS: Final[Mapping[Phase, str]] = {
    Phase.IN_ANSWERED: "the call is answered already",
    Phase.IN_ANSWERED_RINGING: "the call is answered already",
    Phase.IN_ANSWERED_EARLY: "the call is answered already",
    Phase.OUT_ALERTING: "this is an outgoing call",
    Phase.OUT_RINGING: "this is an outgoing call",
    Phase.OUT_EARLY: "this is an outgoing call",
}


def _explain(phase: Phase, given: Input) -> str:
    if phase is Phase.TERMINATED:
        return f"{given.value}: the call has ended; nothing was done"
    if given is Input.EARLY_MEDIA and phase is Phase.IN_EARLY:
        return f"{given.value}: the call has early media already; nothing was done"
    if given is Input.ANSWER_DIRECT and phase is Phase.IN_EARLY:
        return f"{given.value}: the caller has early media of ours already; nothing was done"
    if given in COMMANDS_TO_CALLERS:
        rule = f"{given.value} is only for incoming calls that are not answered yet"
        return f"{given.value}: {_SITUATIONS.get(phase, 'the call is connected')}; {rule}"
    return f"{given.value} does not fit a call that is {phase.value}; it was ignored"
