"""`Call.gather`: the rules of a collection (decisions/gather.py) meet the call, its keys, a
recogniser and the clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import trio

from runtime.api.asr import ASR_OPTIONS, make_recogniser
from runtime.api.event_constants import ASREvents
from runtime.api.handle import Handle, PlaybackHandle
from runtime.api.names import StrictNames, unknown
from runtime.api.options import flag, seconds, text
from runtime.api.session import Phase
from runtime.api.tones import Tones
from runtime.api.values import Gathered, GatherReason, PlaybackOutcome
from runtime.decisions.gather import KEYS, MAX_DIGITS, Action, Done, Gather, Plan, StopPrompt

if TYPE_CHECKING:
    from runtime.api.call import Call

MAX_GATHER_S: Final = 3_600.0
"""Longer waits for a key than an hour are a mistake in the unit."""
MAX_HEARD: Final = 64
"""What a recogniser says that waits for a look; more of it is not of one utterance."""

Heard = ASREvents.CaptureStarted | ASREvents.Result | ASREvents.ASRError


class Ears(StrictNames):
    """A recogniser that hears the call for one collection."""

    __slots__ = ("_asr", "_heard", "_notice")

    def __init__(self, call: Call, wishes: dict[str, Any], tones: Tones) -> None:
        self._notice = tones._notice
        self._heard: deque[Heard] = deque(maxlen=MAX_HEARD)
        self._asr = make_recogniser("Call.gather", wishes)
        for event in (ASREvents.CaptureStarted, ASREvents.Result, ASREvents.ASRError):
            self._asr.addEventListener(event, self._hear)
        call.sendMediaTo(self._asr)

    def _hear(self, event: Heard) -> None:
        self._heard.append(event)
        self._notice()

    def _close(self) -> None:
        """Nothing is heard any more, and the recogniser is free for others."""
        for event in (ASREvents.CaptureStarted, ASREvents.Result, ASREvents.ASRError):
            self._asr.removeEventListener(event, self._hear)
        if not self._asr._over and self._asr._session.phase is Phase.RUNNING:
            self._asr.stop()


class Gathering(StrictNames):
    """A collection under way; awaiting it gives Gathered. See Call.gather."""

    __slots__ = (
        "_call",
        "_core",
        "_ears",
        "_error",
        "_prompt",
        "_reading",
        "_result",
        "_tones",
        "_wishes",
    )

    def __init__(
        self,
        call: Call,
        plan: Plan,
        tones: Tones,
        prompt: Handle[PlaybackOutcome] | None,
        wishes: dict[str, Any],
    ) -> None:
        self._call = call
        self._core = Gather(plan, trio.current_time(), prompting=prompt is not None)
        self._tones = tones
        self._prompt = prompt
        self._wishes = wishes
        self._ears: Ears | None = None
        self._error = ""
        self._result: Gathered | None = None
        self._reading = trio.Lock()
        if prompt is not None:
            prompt._then.append(tones._notice)

    def __repr__(self) -> str:
        return f"<Call.gather {'pending' if self._result is None else self._result}>"

    def __await__(self) -> Generator[Any, Any, Gathered]:
        return self._collect().__await__()

    async def _collect(self) -> Gathered:
        async with self._reading:
            try:
                while self._result is None:
                    actions = self._next_input()
                    if actions is not None:
                        self._act(actions)
                        continue
                    self._listen()
                    deadline = self._core.next_timeout()
                    with trio.move_on_at(math.inf if deadline is None else deadline):
                        await self._tones._changed()
            finally:  # also when the wait is ended from outside: a recogniser is not left behind
                self._stop_listening()
            return self._result

    def _listen(self) -> None:
        """Have a recogniser exactly while speech would be taken."""
        if not self._core.listening:
            self._stop_listening()
        elif self._ears is None and not self._call._over:
            self._ears = Ears(self._call, self._wishes, self._tones)

    def _stop_listening(self) -> None:
        if self._ears is not None:
            self._ears._close()
            self._ears = None

    def _next_input(self) -> list[Action] | None:
        """Feed the core one thing that happened, keys first; None when nothing has."""
        now = trio.current_time()
        if self._tones._keys:
            return self._core.on_digit(self._tones._keys.popleft(), now)
        if self._ears is not None and self._ears._heard:
            return self._heard(self._ears._heard.popleft(), now)
        if self._tones._ended:
            return self._core.on_call_ended()
        if self._prompt is not None and self._prompt.done:
            self._prompt = None
            return self._core.on_prompt_over(now)
        deadline = self._core.next_timeout()
        return self._core.on_time(now) if deadline is not None and deadline <= now else None

    def _heard(self, event: Heard, now: float) -> list[Action]:
        if isinstance(event, ASREvents.CaptureStarted):
            return self._core.on_voice(now)
        if isinstance(event, ASREvents.Result):
            return self._core.on_speech(event.text, event.confidence, now)
        self._error = event.error
        return self._core.on_recogniser_lost(now)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case StopPrompt():
                    self._call.stopPlayback()
                    self._prompt = None
                case Done(digits, reason, speech, confidence):
                    self._result = Gathered(
                        digits=digits,
                        reason=GatherReason[reason.name],
                        speech=speech,
                        confidence=confidence,
                        error=self._error,
                    )


# --- checks -------------------------------------------------------------------------------------


def plan_of(
    digits: int, finish: str, timeout: float, between: float | None, barge_in: bool, speech: object
) -> Plan:
    """The checked rules of a collection. Raises TypeError and ValueError."""
    what = "Call.gather"
    if type(digits) is not int or not 1 <= digits <= MAX_DIGITS:
        raise ValueError(
            f"{what}(): maxDigits must be a whole number from 1 to {MAX_DIGITS}, not {digits!r}"
        )
    wrong = set(text(what, "finishOn", finish)) - KEYS
    if wrong:
        raise ValueError(f"{what}(): finishOn may hold the keys 0-9 * # A-D, not {min(wrong)!r}")
    first = seconds(what, "timeout", timeout, MAX_GATHER_S)
    return Plan(
        max_digits=digits,
        finish_on=finish,
        timeout_s=first,
        inter_digit_s=first
        if between is None
        else seconds(what, "interDigitTimeout", between, MAX_GATHER_S),
        barge_in=flag(what, "bargeIn", barge_in),
        speech=speech is not False,
    )


def check_prompt(prompt: object) -> None:
    """A text, or what plays already. Raises TypeError."""
    if prompt is not None and not isinstance(prompt, str | PlaybackHandle):
        raise TypeError(
            "Call.gather(): prompt must be a text, or what say or startPlayback gave, not "
            f"{type(prompt).__name__}"
        )


def recogniser_options(speech: object, hints: object) -> dict[str, Any]:
    """The options of createASR for a collection. Raises TypeError and ValueError."""
    what = "Call.gather"
    if not isinstance(hints, list | tuple) or not all(
        isinstance(hint, str) for hint in cast("Sequence[object]", hints)
    ):
        raise TypeError(f"{what}(): hints must be a list of strings, not {hints!r}"[:200])
    if isinstance(speech, Mapping):
        options = {str(name): value for name, value in cast("Any", speech).items()}
        for name in options:
            if name not in ASR_OPTIONS:
                raise TypeError(unknown(f"{what}(): speech has no option", name, ASR_OPTIONS))
    elif isinstance(speech, bool):
        options = {}
    else:
        kind = type(speech).__name__
        raise TypeError(
            f"{what}(): speech must be True, False or a dict of options for createASR, not {kind}"
        )
    if hints and speech is False:
        raise ValueError(f"{what}(): hints are for speech; give speech=True too")
    if hints and "phraseHints" in options:
        raise TypeError(f"{what}(): give hints or speech={{'phraseHints': ...}}, not both")
    return {**options, "phraseHints": list(cast("Sequence[str]", hints))} if hints else options
