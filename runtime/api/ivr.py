"""IVR and IVRState: menus that are declared instead of programmed.

All of it is written with the public methods of Call; a script could do the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import attrs

from runtime.api.call import TTS_OPTIONS, Call
from runtime.api.event_constants import CallEvents
from runtime.api.listeners import wanted_arguments
from runtime.api.names import StrictNames, unknown
from runtime.api.options import function, inner_options, merge, seconds, text
from runtime.api.running import current
from runtime.api.timers import clearTimeout, setTimeout
from runtime.decisions.gather import KEYS, MAX_DIGITS

Kind = Literal["select", "inputfixed", "inputunknown", "noinput"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
SETTINGS: Final = (
    "inputLength",
    "inputValidator",
    "nextState",
    "nextStates",
    "prompt",
    "terminateOn",
    "timeout",
    "type",
)
PROMPT: Final = ("lang", "play", "say")
DEFAULT_TIMEOUT_MS: Final = 5_000
MAX_TIMEOUT_S: Final = 3_600.0
"""Longer waits for a key than an hour are a mistake in the unit."""

Told = Callable[[str], object] | Callable[[], object]


@attrs.frozen(kw_only=True)
class Settings:
    """The checked settings of one state."""

    kind: str
    say: str
    voice: str
    play: str
    length: int
    validator: Callable[[str], object] | None
    finish: str
    timeout_ms: float
    following: IVRState | None
    by_key: Mapping[str, IVRState]


class IVRState(StrictNames):
    """One step of a menu: a prompt, what is to be keyed in, and where that leads.

    `IVRState(name, settings, onInputComplete, onInputTimeout)`; both functions are plain or async
    and are called with what was keyed in, or with nothing. Settings, as one dict or keywords: type
    ("select": one key; "inputfixed": `inputLength` keys; "inputunknown": keys up to one of
    `terminateOn`, which is not part of the input, or until `inputValidator(keys)` is true;
    "noinput": only the prompt), prompt {say, lang, play}, timeout (ms without a key after the
    prompt or the last key, 5,000 by default), nextStates (key -> IVRState, for "select") and
    nextState (for the others). A key stops the prompt. A key of "select" that leads nowhere repeats
    the state when there is no onInputComplete. `input` is what was keyed in when the state was left
    last, `settings` what it was made with. VoxEngine reference: IVRState.
    """

    __slots__ = ("_complete", "_given", "_input", "_name", "_settings", "_timed_out")

    def __init__(
        self,
        name: str,
        settings: Mapping[str, object] | None = None,
        onInputComplete: Told | None = None,
        onInputTimeout: Told | None = None,
        **options: object,
    ) -> None:
        self._name = text("IVRState", "name", name)
        given = () if settings is None else (settings,)
        self._given = merge("IVRState", SETTINGS, given, options)
        self._settings = _checked(self._given)
        self._input = ""
        self._complete = _told("onInputComplete", onInputComplete)
        self._timed_out = _told("onInputTimeout", onInputTimeout)

    def __repr__(self) -> str:
        return f"<IVRState {self._name!r} {self._settings.kind}>"

    @property
    def input(self) -> str:
        """What was keyed in when this state was left last. VoxEngine reference: IVRState.input."""
        return self._input

    @property
    def settings(self) -> dict[str, Any]:
        """What the state was made with; changing it changes nothing. VoxEngine reference:
        IVRState.settings."""
        return dict(self._given)

    def enter(self, call: Call) -> None:
        """Begin this state on a connected call; a state that it was in before is left. VoxEngine
        reference: IVRState.enter."""
        if not isinstance(call, Call):
            kind = type(call).__name__
            raise TypeError(f"IVRState.enter(): call must be a Call, not {kind}")
        _leave(call)
        if not call._over:
            call._visit = Visit(self, call)
            call._visit.begin()


class InteractiveVoice(StrictNames):
    """Menus of all calls of the session.

    `IVR.ttsOptions = {"rate": "slow"}` (rate, pitch, volume) is how prompts are spoken from then
    on. VoxEngine reference: IVR.
    """

    __slots__ = ()
    _shown_as = "IVR"

    def __repr__(self) -> str:
        return "IVR"

    @property
    def ttsOptions(self) -> Mapping[str, str]:
        """How prompts are spoken. VoxEngine reference: IVRPrompt."""
        return current().prompt_options

    @ttsOptions.setter
    def ttsOptions(self, value: Mapping[str, str]) -> None:
        current().prompt_options = inner_options("IVR", "ttsOptions", value, TTS_OPTIONS)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name == "ttsOptions":
                object.__setattr__(self, name, value)
            else:
                super().__setattr__(name, value)

    def reset(self) -> None:
        """Leave the states that calls are in: keys lead nowhere any more. Prompts play on.
        VoxEngine reference: IVR.reset."""
        for unit in list(current().units.values()):
            if isinstance(unit, Call):
                _leave(unit)


IVR: Final = InteractiveVoice()


def _leave(call: Call) -> None:
    if call._visit is not None:
        call._visit.leave()
        call._visit = None


class Visit:
    """A call in a state."""

    def __init__(self, state: IVRState, call: Call) -> None:
        self._state, self._call = state, call
        self._settings = state._settings
        self._keys = ""
        self._timer: int | None = None
        self._prompted = False

    def begin(self) -> None:
        call, settings = self._call, self._settings
        call.addEventListener(CallEvents.Disconnected, self.leave)
        if settings.kind != "noinput":
            call.addEventListener(CallEvents.ToneReceived, self._key)
            call.handleTones(True)
        if settings.play or settings.say:
            call.addEventListener(CallEvents.PlaybackFinished, self._played)
            self._prompted = True
            if settings.play:
                call.startPlayback(settings.play)
            else:
                call.say(settings.say, settings.voice, ttsOptions=IVR.ttsOptions)
        elif settings.kind == "noinput":
            self._timer = setTimeout(self._played)
        else:
            self._wait()

    def leave(self) -> None:
        """Listen no more. Safe twice."""
        clearTimeout(self._timer)
        self._call.removeEventListener(CallEvents.ToneReceived, self._key)
        self._call.removeEventListener(CallEvents.PlaybackFinished, self._played)
        self._call.removeEventListener(CallEvents.Disconnected, self.leave)

    def _wait(self) -> None:
        clearTimeout(self._timer)
        self._timer = setTimeout(self._timeout, self._settings.timeout_ms)

    def _played(self) -> Awaitable[None] | None:
        self._prompted = False
        if self._settings.kind == "noinput":
            return self._over(self._state._complete, complete=True)
        self._wait()
        return None

    def _key(self, event: CallEvents.ToneReceived) -> Awaitable[None] | None:
        if self._prompted:
            self._prompted = False
            self._call.stopPlayback()
        finished = self._settings.kind == "inputunknown" and event.tone in self._settings.finish
        if not finished:
            self._keys += event.tone
        if finished or self._is_complete():
            return self._over(self._state._complete, complete=True)
        self._wait()
        return None

    def _is_complete(self) -> bool:
        settings = self._settings
        if settings.validator is not None and settings.validator(self._keys):
            return True
        return len(self._keys) >= settings.length

    def _timeout(self) -> Awaitable[None] | None:
        return self._over(self._state._timed_out, complete=False)

    def _over(
        self, told: Callable[[str], object] | None, *, complete: bool
    ) -> Awaitable[None] | None:
        """Tell the script, then go on to the next state, after an async function has ended."""
        _leave(self._call)
        self._state._input = self._keys
        result = told(self._keys) if told is not None else None
        if inspect.iscoroutine(result):
            return self._finish(result, complete=complete)
        self._go_on(complete=complete)
        return None

    async def _finish(self, result: Awaitable[object], *, complete: bool) -> None:
        await result
        self._go_on(complete=complete)

    def _go_on(self, *, complete: bool) -> None:
        if not complete or self._call._visit is not None:  # the script went elsewhere itself
            return
        settings = self._settings
        following = settings.following
        if settings.kind == "select":
            nowhere = self._state if self._state._complete is None else None
            following = settings.by_key.get(self._keys, nowhere)
        if following is not None:
            following.enter(self._call)


# --- checks -------------------------------------------------------------------------------------


def _told(name: str, callback: Told | None) -> Callable[[str], object] | None:
    if callback is None:
        return None
    function("IVRState", name, callback)
    wanted = wanted_arguments(callback, 1, f"IVRState(): {name}")
    call: Any = callback
    return call if wanted else lambda _: call()


def _checked(given: Mapping[str, Any]) -> Settings:
    what = "IVRState"
    kind = text(what, "type", given.get("type", "select")).lower()
    if kind not in KINDS:
        raise ValueError(unknown(f"{what}(): there is no type", kind, KINDS))
    finish = text(what, "terminateOn", given.get("terminateOn", ""))
    if set(finish) - KEYS:
        raise ValueError(f"{what}(): terminateOn may hold the keys 0-9 * # A-D, not {finish!r}")
    validator = given.get("inputValidator")
    if validator is not None:
        function(what, "inputValidator", validator)
        wanted_arguments(validator, 1, f"{what}(): inputValidator")
    if kind == "inputunknown" and not finish and validator is None:
        raise ValueError(f"{what}(): type inputunknown needs terminateOn or inputValidator")
    prompt = inner_options(what, "prompt", given.get("prompt"), PROMPT)
    timeout = given.get("timeout", DEFAULT_TIMEOUT_MS)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        kind = type(timeout).__name__
        raise TypeError(f"{what}(): timeout must be a number of milliseconds, not {kind}")
    return Settings(
        kind=kind,
        say=prompt.get("say", ""),
        voice=prompt.get("lang", ""),
        play=prompt.get("play", ""),
        length=_length(kind, given),
        validator=validator,
        finish=finish,
        timeout_ms=seconds(what, "timeout / 1000", timeout / 1000, MAX_TIMEOUT_S) * 1000,
        following=None if "nextState" not in given else _state("nextState", given["nextState"]),
        by_key=_states(given.get("nextStates", {})),
    )


def _length(kind: str, given: Mapping[str, Any]) -> int:
    """How many keys complete the input in any case."""
    if kind != "inputfixed":
        return 1 if kind == "select" else MAX_DIGITS
    length = given.get("inputLength")
    if type(length) is not int or not 1 <= length <= MAX_DIGITS:
        raise ValueError(
            f"IVRState(): type inputfixed needs inputLength, a whole number from 1 to "
            f"{MAX_DIGITS}, not {length!r}"
        )
    return length


def _state(name: str, value: object) -> IVRState:
    if not isinstance(value, IVRState):
        raise TypeError(f"IVRState(): {name} must be an IVRState, not {type(value).__name__}")
    return value


def _states(value: object) -> Mapping[str, IVRState]:
    if not isinstance(value, Mapping):
        kind = type(value).__name__
        raise TypeError(f"IVRState(): nextStates must be a dict of key and IVRState, not {kind}")
    given = cast("Mapping[object, object]", value)
    return {str(key): _state(f"nextStates[{key!r}]", each) for key, each in given.items()}
