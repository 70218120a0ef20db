"""ASR: what is said in a call as text, by the embedded recogniser or one of the operator's."""

from __future__ import annotations

import json
from typing import Any, Final

from runtime.api.event_constants import ASREvents
from runtime.api.handle import CommandHandle
from runtime.api.listeners import EventSource
from runtime.api.options import flag, merge, text
from runtime.api.running import current
from runtime.api.unit import MediaUnit
from runtime.sandbox.recognition_commands import CreateRecogniser, StopRecogniser

ASR_OPTIONS: Final = (
    "dict",
    "headers",
    "interimResults",
    "lang",
    "language",
    "model",
    "phraseHints",
    "profanityFilter",
    "profile",
    "request",
    "singleUtterance",
)
OLDER: Final = {"lang": "language", "dict": "phraseHints"}
"""Names that options had before, and have in many scripts -> what they are called now."""
TOLD: Final = tuple(
    name for name in ASR_OPTIONS if name not in ("headers", "interimResults", *OLDER)
)
"""What the recogniser is told."""


class ASR(MediaUnit):
    """Made by VoxEngine.createASR; `call.sendMediaTo(asr)`: it hears the call. It hears one source
    at a time, and goes on after a Result, until stop(). VoxEngine reference: ASR."""

    __slots__ = ()
    _namespace = ASREvents
    _made_by = "VoxEngine.createASR()"
    _hears = True

    def stop(self) -> CommandHandle:
        """Listen no more: Stopped follows, and nothing else. VoxEngine reference: ASR.stop."""
        handle = self._command("stop", StopRecogniser)
        self._stopped = True
        return handle


class RecogniserMaking(EventSource):
    """createASR."""

    __slots__ = ()

    def createASR(self, *parameters: object, **options: object) -> ASR:
        """Start speech recognition, with the recogniser of `[asr] url`, or with the embedded one
        when there is none or `profile` is one of ASRProfileList.Offline.

        The embedded one tells phrases apart, in English: phraseHints are needed, and "" is what is
        none of them. Started follows, then CaptureStarted, InterimResult, SpeechCaptured and Result
        as they come; ASRError when nothing can be recognised, or not any more. Options, as keywords
        or one dict: interimResults (those events are fired, if the recogniser has any); profile
        (ASRProfileList, or a language tag), model, language, singleUtterance, phraseHints,
        profanityFilter and request are told to the recogniser, 2,000 characters of JSON together;
        headers is accepted. The older lang and dict, by position too, are language and phraseHints.
        Nobody tells when nothing is said: set a timer. At most 10 at once.
        VoxEngine reference: VoxEngine.createASR.
        """
        what = "VoxEngine.createASR"
        given = merge(what, ASR_OPTIONS, parameters, options, legacy=tuple(OLDER))
        for older, name in OLDER.items():
            if older in given:
                given.setdefault(name, given[older])
        return make_recogniser(what, given)


def make_recogniser(what: str, given: dict[str, Any]) -> ASR:
    """Send the command that creates a recogniser, and return its ASR."""
    session = current()
    session.refuse_late(what)
    unit = session.new_unit()
    command = session.build(
        what,
        CreateRecogniser,
        {"wishes": "options"},
        unit=unit,
        wishes=_wishes(what, given),
        interim=flag(what, "interimResults", given.get("interimResults", False)),
    )
    session.command(command, CommandHandle(what))
    return ASR(session, unit)


def _wishes(what: str, given: dict[str, Any]) -> str:
    told = {name: given[name] for name in TOLD if name in given}
    for name in ("language", "model", "profile"):
        text(what, name, told.get(name, ""))
    try:
        return json.dumps(told, ensure_ascii=False) if told else ""
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{what}(): options cannot be JSON: {exc}") from None
