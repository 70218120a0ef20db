"""The page docs/reference/scenario-api.md, made from the API itself.

`python -m tests.docs.reference` writes it; a test sees that it is current. Signatures come from the
code, texts from its docstrings, options from the same tables that the functions check against.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

import runtime
from runtime.api import (
    amd,
    asr,
    call,
    call_listening,
    call_signalling,
    call_transfers,
    conference,
    dialing,
    http,
    mail,
    player_making,
    recorder,
    unit,
    websocket,
)
from runtime.api.event_constants import NEVER_FIRED, constants
from runtime.api.events import Event, by_name
from runtime.api.names import NamespaceType, StrictNames, public_names, shown_name

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/scenario-api.md"

INTRODUCTION: Final = """\
# The scenario API

Everything that a scenario can import: `from runtime import ...`, the same where calls are real and
in tests. What VoxEngine has keeps its names, so that its documentation applies; what is ours
is one lower-case word (`on`, `once`, `answered`, `ended`, `gather`, `tones`, `sleep`, `now`), or a
function of its own (`bridge`, `first_answered`). The
[tutorial](../tutorial/first-scenario.md) tells how to write a scenario,
[porting from VoxEngine](../howto/porting-from-voxengine.md) how to bring one over.

Commands return at once. What they return can be awaited, or not: dropping it loses nothing. A wrong
argument raises TypeError or ValueError at its line. A command that does not fit the moment is
refused with a line in the log, and raises `CommandFailed` only where it is awaited; on a call that
has ended it is ignored. Options go as keywords or as one dict, as in VoxEngine's documentation.

This page is made from the code: `python -m tests.docs.reference`.
"""
OPTIONS: Final[Mapping[str, Iterable[str]]] = {
    "VoxEngine.callSIP": dialing.SipOptions.__annotations__,
    "VoxEngine.callPSTN": dialing.PstnOptions.__annotations__,
    "VoxEngine.callUser": dialing.UserOptions.__annotations__,
    "VoxEngine.callUserDirect": dialing.DirectOptions.__annotations__,
    "VoxEngine.callConference": dialing.CONFERENCE_OPTIONS,
    "VoxEngine.createURLPlayer": player_making.PLAYER_OPTIONS,
    "VoxEngine.createTTSPlayer": player_making.TTS_PLAYER_OPTIONS,
    "VoxEngine.createToneScriptPlayer": player_making.TONE_PLAYER_OPTIONS,
    "VoxEngine.createSequencePlayer": player_making.SEQUENCE_OPTIONS,
    "VoxEngine.createRecorder": recorder.RECORD_OPTIONS,
    "VoxEngine.createConference": ("hd_audio",),
    "Conference.add": conference.ENDPOINT_OPTIONS,
    "VoxEngine.createASR": asr.ASR_OPTIONS,
    "VoxEngine.createWebSocket": websocket.SOCKET_OPTIONS,
    "WebSocket.clearMediaBuffer": websocket.CLEAR_OPTIONS,
    "Call.answer": call_signalling.ANSWER_OPTIONS,
    "Call.answerDirect": call_signalling.ANSWER_OPTIONS,
    "Call.enableBeepDetection": call_listening.BEEP_OPTIONS,
    "Call.monitorMediaStatistics": call_listening.STATISTICS_OPTIONS,
    "Call.record": recorder.RECORD_OPTIONS,
    "Call.say": call.SAY_OPTIONS,
    "Call.transferTo": call_transfers.TRANSFER_OPTIONS,
    "Call.sendMediaTo": unit.MEDIA_OPTIONS,
    "Call.startPlayback": ("loop", "progressivePlayback"),
    "Net.sendMail": mail.MAIL_OPTIONS,
    "Net.sendMailAsync": mail.MAIL_OPTIONS,
    "Net.httpRequest": http.OPTIONS,
    "Net.httpRequestAsync": http.OPTIONS,
}
"""What **options are."""
OBJECTS: Final = ("VoxEngine", "Call", "Player", "SequencePlayer", "Recorder", "Conference",
                  "Endpoint", "WebSocket", "ASR", "Net", "ApplicationStorage", "CallList", "IVR",
                  "IVRState", "Logger", "PhoneNumber", "Crypto", "Bridge",
                  "FirstAnswered")  # fmt: skip
RESULTS: Final = {"AnswerHandle": "Answered", "PlaybackHandle": "PlaybackOutcome"}
RESULTS_MORE: Final = {
    "EndHandle": "Disconnected or Failed",
    "Answering": "Answered",
    "HttpHandle": "HttpRequestResult",
    "MailHandle": "SendMailResult",
    "Bridge": "Bridged",
    "FirstAnswered": "Call",
    "Gathering": "Gathered",
}
ORDER: Final = "Order:"
"""What the last paragraph of an event's docstring begins with."""
_FIRST: Final[dict[Any, str]] = {}
"""Where a method that several objects share was described."""
_REFERENCE: Final = re.compile(
    r"\s*VoxEngine\s+reference:\s+\w+(\.\w+)?( and others)?( \(\w+\))?\."
)


def page() -> str:
    """The whole page."""
    _FIRST.clear()
    parts = [INTRODUCTION]
    parts += [_object(getattr(runtime, name)) for name in OBJECTS]
    parts.append(_amd())
    parts.append(_functions(runtime.setTimeout, runtime.setInterval, runtime.clearTimeout))
    parts.append(_functions(runtime.clearInterval, runtime.require))
    parts.append(_functions(runtime.bridge, runtime.first_answered))
    spaces = (
        "AppEvents",
        "CallEvents",
        "PlayerEvents",
        "SequencePlayerEvents",
        "RecorderEvents",
        "ConferenceEvents",
        "WebSocketEvents",
        "ASREvents",
    )
    parts += [_events(getattr(runtime, name)) for name in spaces]
    parts.append(_events(amd.AMDEvents))
    parts.append("## Values\n")
    parts += [_values(getattr(runtime, name)) for name in _value_names()]
    parts.append("## Exceptions\n")
    parts += [_exception(getattr(runtime, name)) for name in _exception_names()]
    return "\n".join(parts).rstrip() + "\n"


def _value_names() -> list[str]:
    return ["Answered", "ASRDictionary", "ASRLanguage", "ASRModel", "ASRModelList",
            "ASRProfileList", "Bridged", "BridgeReason", "CallAudioQuality", "CallState",
            "ConferenceDirection", "ConferenceMode",
            "DTMFType", "Gathered", "GatherReason",
            "Handle", "HttpHeader", "HttpHeaders", "HttpRequestOptions", "HttpRequestResult",
            "KeyList", "KeyValue", "Language", "Modules", "PhoneNumberInfo",
            "PlaybackOutcome", "RecordExpireTime", "SendMailResult",
            "TranscriptionProvider", "VoiceList",
            "WebSocketAudioEncoding", "WebSocketReadyState"]  # fmt: skip


def _exception_names() -> list[str]:
    return ["CommandFailed", "LimitReached", "NobodyAnswered", "NoSession", "SessionOver"]


def _amd() -> str:
    """The name space, and what its `create` gives."""
    head = "### `AMD.create(**options) -> AMD`"
    options = ", ".join(f"`{option}`" for option in amd.OPTIONS)
    results = ", ".join(f"`{each}`" for each in runtime.AMD.ResultClass)
    return (
        f"{_object(amd.AMDDetector)}\n{head}\n\n{text_of(runtime.AMD.create)}\n\n"
        f"Options that are taken: {options}.\n\n`AMD.ResultClass`: {results}.\n"
    )


# --- objects ------------------------------------------------------------------------------------


def _object(thing: object) -> str:
    owner: type[StrictNames] = thing if isinstance(thing, type) else type(thing)
    name = shown_name(owner)
    lines = [f"## {name}\n", text_of(owner) + "\n"]
    told: dict[str, list[str]] = {}
    for member in in_order(owner):
        function = inspect.unwrap(getattr(owner, member))
        first = _FIRST.setdefault(function, name)
        if first == name:
            lines.append(_method(owner, name, member))
        else:
            told.setdefault(first, []).append(f"`{member}`")
    for first, members in told.items():
        lines.append(f"{', '.join(members)}: as for {first}.\n")
    if owner._later:
        later = ", ".join(f"`{each}`" for each in sorted(owner._later))
        lines.append(f"VoxEngine has these, this version does not yet: {later}.\n")
    return "\n".join(lines)


def in_order(owner: type[StrictNames]) -> list[str]:
    """Methods as they stand in the code, what is shared with others last."""
    found: dict[str, None] = {}
    for part in owner.__mro__:
        for name, member in vars(part).items():
            if not name.startswith("_") and callable(member) and not isinstance(member, type):
                found.setdefault(name)
    return list(found)


def _method(owner: type[StrictNames], shown: str, name: str) -> str:
    function = inspect.unwrap(getattr(owner, name))
    result = str(inspect.signature(function).return_annotation)
    head = f"{name}({_parameters(function)})"
    gives = RESULTS.get(result) or RESULTS_MORE.get(result)
    if gives:
        head += f" -> {result} of {gives}" if result in RESULTS else f" -> awaitable {gives}"
    elif result not in ("None", "Any"):
        head += f" -> {result}"
    if inspect.iscoroutinefunction(function):
        head = f"await {head}"
    options = ", ".join(f"`{option}`" for option in sorted(OPTIONS.get(f"{shown}.{name}", ())))
    taken = f"\nOptions that are taken: {options}.\n" if options else ""
    return f"### `{head}`\n\n{text_of(function)}\n{taken}"


def _parameters(function: Any) -> str:
    shown = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            shown.append("**options")
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name != "parameters":
            shown.append(_parameter(parameter))
    return ", ".join(shown)


def _parameter(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if default is parameter.empty:
        return parameter.name
    if isinstance(default, enum.Enum):
        return f"{parameter.name}={type(default).__name__}.{default.name}"
    return f"{parameter.name}={default!r}"


_TITLES: Final = {"setTimeout": "Timers and modules", "bridge": "Joining calls"}


def _functions(*functions: Any) -> str:
    title = _TITLES.get(functions[0].__name__)
    lines = [f"## {title}\n"] if title else []
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        head = f"{function.__name__}({', '.join(map(_parameter, parameters))})"
        gives = RESULTS_MORE.get(str(inspect.signature(function).return_annotation))
        head += f" -> awaitable {gives}" if gives else ""
        lines.append(f"### `{head}`\n\n{text_of(function)}\n")
    return "\n".join(lines)


def text_of(thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    return _REFERENCE.sub("", text).strip()


def without_order(event: type[Event]) -> str:
    """What an event is; when it comes stands on its own page (api_pages.py)."""
    return text_of(event).partition(ORDER)[0].strip() if event.__doc__ else ""


# --- events -------------------------------------------------------------------------------------


def _events(space: NamespaceType) -> str:
    lines = [f"## {space.__name__}\n", text_of(space) + "\n"]
    lines += ["| constant | string value | payload | when |", "|---|---|---|---|"]
    values = by_name(space)
    names = constants(space)
    for value, event in values.items():
        if value not in NEVER_FIRED:
            lines.append(_event(names[event], value, event))
    silent = [f"`{names[event]}`" for value, event in values.items() if value in NEVER_FIRED]
    if silent:
        lines.append(
            f"\nKnown, and never fired in this version (listening writes a log line): "
            f"{', '.join(sorted(silent))}."
        )
    return "\n".join(lines) + "\n"


def _event(constant: str, value: str, event: type[Event]) -> str:
    own = [
        name
        for name in attrs.fields_dict(event)
        if name not in ("call", "player", "sequencePlayer", "websocket", "asr")
    ]
    source = {"Application": [], "AppEvents": ["websocket"], "Call": ["call", "id"],
              "Player": ["player", "id"], "SequencePlayer": ["sequencePlayer", "id"],
              "WebSocket": ["websocket", "id"], "ASR": ["asr", "id"], "Recorder": ["id"],
              "Conference": ["id"],
              "AMD": ["call"]}[value.partition(".")[0]]  # fmt: skip
    if constant == "CallAlerting":
        source = ["call"]
    fields = ", ".join(f"`{name}`" for name in [*source, *own, "name"])
    text = " ".join(without_order(event).split())
    return f"| `{constant}` | `{value}` | {fields} | {text.replace('|', '&#124;')} |"


# --- values -------------------------------------------------------------------------------------


def _values(thing: Any) -> str:
    lines = [f"### `{thing.__name__}`", text_of(thing)]
    if isinstance(thing, enum.EnumMeta):
        members: Mapping[str, Any] = thing.__members__
        lines.append(", ".join(f"`{name}` = {each.value!r}" for name, each in members.items()))
    elif isinstance(thing, NamespaceType):
        lines.append(", ".join(f"`{name}`" for name in public_names(thing)))
    elif attrs.has(thing):
        lines.append("Fields: " + ", ".join(f"`{name}`" for name in attrs.fields_dict(thing)))
    elif thing is runtime.HttpRequestOptions:
        lines.append("Fields: " + ", ".join(f"`{name}`" for name in http.OPTIONS))
    elif thing is runtime.Handle:
        lines.append("Properties: `done`, `error`")
    return "\n\n".join(lines) + "\n"


def _exception(thing: type[Exception]) -> str:
    return f"### `{thing.__name__}`\n\n{text_of(thing)}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
