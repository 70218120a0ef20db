"""What becomes of a playback on a leg: one table from (stage, input) to (stage, actions).

A leg plays one thing at a time. A newer playback, or any other new inbound edge, replaces the one
before at once and for good: no PlaybackFinished (voxengine.md 0.2, M2-M8). Loops and progress tones
never finish by themselves. Runs in the core.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs


class Ability(enum.Enum):
    """What the leg can do with a playback that is issued now."""

    PLAYS = "hears it now"
    HOLDS = "answered, hears it from Connected on"
    NEVER = "not answered and without early media"


class Stage(enum.Enum):
    LOADING = "loading"
    LOADING_HELD = "loading, the leg does not hear yet"
    HELD = "loaded, the leg does not hear yet"
    OPENED = "handed to the engine"
    PLAYING = "playing"
    OVER = "over"


class Input(enum.Enum):
    LOADED = "loaded"
    BROKEN = "cannot be loaded"
    HEARS = "the leg hears from now on"
    STARTED = "first frame played"
    FINISHED = "played to its end"
    FAILED = "failed while playing"
    STOP = "stopPlayback()"
    REPLACED = "replaced"
    CALL_ENDED = "the call has ended"


class Action(enum.Enum):
    OPEN = "open a player"
    DROP = "stop loading or playing, remove the edge, give the sound back"
    READY = "emit PlaybackReady"
    STARTED = "emit PlaybackStarted"
    FINISHED = "emit PlaybackFinished"
    FINISHED_WITH_ERROR = "emit PlaybackFinished(error)"
    SETTLE_FINISHED = "settle: finished"
    SETTLE_STOPPED = "settle: stopped"
    SETTLE_REPLACED = "settle: replaced"
    SETTLE_CALL_ENDED = "settle: call_ended"
    SETTLE_ERROR = "settle with the error"


SETTLED: Final[Mapping[Action, str]] = {
    Action.SETTLE_FINISHED: "finished",
    Action.SETTLE_STOPPED: "stopped",
    Action.SETTLE_REPLACED: "replaced",
    Action.SETTLE_CALL_ENDED: "call_ended",
}
"""The value that `await call.say(...)` gets."""


@attrs.frozen
class Step:
    stage: Stage
    actions: tuple[Action, ...]


_S, _I, _A = Stage, Input, Action

_CUT: Final[Mapping[Input, Step]] = {
    _I.STOP: Step(_S.OVER, (_A.DROP, _A.SETTLE_STOPPED)),
    _I.REPLACED: Step(_S.OVER, (_A.DROP, _A.SETTLE_REPLACED)),
    _I.CALL_ENDED: Step(_S.OVER, (_A.DROP, _A.SETTLE_CALL_ENDED)),
}
_ERROR: Final = Step(_S.OVER, (_A.DROP, _A.FINISHED_WITH_ERROR, _A.SETTLE_ERROR))
_FINISHED: Final = Step(_S.OVER, (_A.DROP, _A.FINISHED, _A.SETTLE_FINISHED))

TABLE: Final[Mapping[Stage, Mapping[Input, Step]]] = {
    _S.LOADING: {
        **_CUT,
        _I.LOADED: Step(_S.OPENED, (_A.READY, _A.OPEN)),
        _I.BROKEN: _ERROR,
    },
    _S.LOADING_HELD: {
        **_CUT,
        _I.LOADED: Step(_S.HELD, ()),
        _I.BROKEN: _ERROR,
        _I.HEARS: Step(_S.LOADING, ()),
    },
    _S.HELD: {**_CUT, _I.HEARS: Step(_S.OPENED, (_A.READY, _A.OPEN))},
    _S.OPENED: {
        **_CUT,
        _I.STARTED: Step(_S.PLAYING, (_A.STARTED,)),
        _I.FINISHED: Step(_S.OVER, (_A.STARTED, *_FINISHED.actions)),
        _I.FAILED: _ERROR,
    },
    _S.PLAYING: {**_CUT, _I.FINISHED: _FINISHED, _I.FAILED: _ERROR},
    _S.OVER: {},
}


def begin(ability: Ability) -> Stage:
    """The first stage of a playback, from which on the leg's inbound edge is its own."""
    return Stage.LOADING if ability is Ability.PLAYS else Stage.LOADING_HELD


def step(stage: Stage, given: Input) -> Step:
    """What `given` does; what came too late (a player that ended as it was cut) does nothing."""
    return TABLE[stage].get(given, Step(stage, ()))


def refusal(what: str) -> str:
    """The PlaybackFinished error of a playback on a leg that cannot hear."""
    return (
        f"{what}: the call is not answered yet, so it hears nothing; "
        "use it after answer(), startEarlyMedia() or Connected"
    )
