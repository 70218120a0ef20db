"""The frames of the session protocol, both ways, and their checked parsing.

Both sides build and parse only through this file and commands.py; the core hands every object that
came out of the decoder to `parse_worker_frame`, which raises ProtocolError and nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, TypeVar, get_args

import attrs

from runtime.decisions.access import ANSWERS
from runtime.sandbox.commands import COMMANDS, Command
from runtime.sandbox.schema import (
    MAX_BODY_PIECE,
    MAX_LOG,
    MAX_NAME,
    MAX_TRACEBACK,
    checked,
    flag,
    one_of,
    text_of,
    unit_field,
    whole_number,
)
from runtime.sandbox.wire import JsonObject, ProtocolError

T = TypeVar("T")

MAX_CODE_PIECE: Final = 48 * 1024
"""Characters of base64; fits a worker's frame."""
MAX_FAULT: Final = 160
"""Characters of what is wrong with a frame's fields."""
UNIT_ENDED: Final = "unit_ended"
SESSION_ENDING: Final = "session_ending"
"""Values of a `ResultFrame`."""


@attrs.frozen(kw_only=True)
class CommandFrame:
    """`req` rises by one per command; `where` is the script's own "file.py:line" for the timeline.

    The core answers every command with exactly one ResultFrame: at once, or (answer, say, play,
    progress tone) when it has settled.
    """

    type: ClassVar[str] = "cmd"
    req: int = checked(whole_number(0, 2**31))
    command: Command
    where: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class ReadyFrame:
    """The bundle's top level has run; Started may be sent."""

    type: ClassVar[str] = "ready"


@attrs.frozen(kw_only=True)
class LogFrame:
    """One Logger.write."""

    type: ClassVar[str] = "log"
    text: str = checked(text_of(MAX_LOG, lines=True))
    where: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class ErrorFrame:
    """An uncaught exception of the script. `unit` is the leg it belongs to, None for none.

    `kind`: "import" (the session never got ready), "handler", "task", "timer".
    """

    type: ClassVar[str] = "error"
    unit: int | None = unit_field(optional=True)
    kind: str = checked(one_of("import", "handler", "task", "timer"))
    message: str = checked(text_of(MAX_TRACEBACK, lines=True))
    traceback: str = checked(text_of(MAX_TRACEBACK, lines=True))
    where: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class ReplyFrame:
    """All handlers of event `seq`, which asked for a reply, have returned.

    `handled` is False when the script has no listener for it: an unheard CallAlerting is refused.
    """

    type: ClassVar[str] = "reply"
    seq: int = checked(whole_number(0, 2**31))
    handled: bool = checked(flag, True)


@attrs.frozen(kw_only=True)
class PongFrame:
    type: ClassVar[str] = "pong"
    nonce: str = checked(text_of(64))


@attrs.frozen(kw_only=True)
class CodeFrame:
    """A piece of one compiled module, base64; only a worker that checks a bundle sends them.

    All pieces of a module follow each other. The core never looks into what they make up: it hands
    them to workers that run the same bundle.
    """

    type: ClassVar[str] = "code"
    module: str = checked(text_of(MAX_NAME))
    data: str = checked(text_of(MAX_CODE_PIECE))


@attrs.frozen(kw_only=True)
class BodyFrame:
    """A piece of an HTTP body, as base64: of request `req` to the core, of its answer back."""

    type: ClassVar[str] = "body"
    req: int = checked(whole_number(0, 2**31))
    data: str = checked(text_of(MAX_BODY_PIECE))

    @property
    def content(self) -> bytes:
        """Raises ProtocolError when it is no base64."""
        return _decoded(self.data, f"the body of request {self.req}")


def body_frames(req: int, body: bytes) -> Iterator[BodyFrame]:
    """A body, or a part of one, as frames that fit."""
    size = MAX_BODY_PIECE // 4 * 3
    for start in range(0, len(body), size):
        data = base64.b64encode(body[start : start + size]).decode("ascii")
        yield BodyFrame(req=req, data=data)


@attrs.frozen(kw_only=True)
class AnswerFrame:
    """What the script's handlers answer to request `request` at its access URL, or a piece of it.

    `kind` says what they returned, or why there is no answer (decisions/access.py).
    """

    type: ClassVar[str] = "answer"
    request: int = checked(whole_number(0, 2**31))
    kind: str = checked(one_of(*ANSWERS))
    data: str = checked(text_of(MAX_BODY_PIECE), "")
    more: bool = checked(flag, False)

    @property
    def content(self) -> bytes:
        """Raises ProtocolError when it is no base64."""
        return _decoded(self.data, f"the answer to request {self.request}")


def _decoded(data: str, what: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as exc:
        raise ProtocolError(f"{what} is not base64") from exc


def answer_frames(request: int, kind: str, body: bytes) -> Iterator[AnswerFrame]:
    """An answer as frames that fit; one at least."""
    size = MAX_BODY_PIECE // 4 * 3
    for start in range(0, max(len(body), 1), size):
        data = base64.b64encode(body[start : start + size]).decode("ascii")
        more = start + size < len(body)
        yield AnswerFrame(request=request, kind=kind, data=data, more=more)


WorkerFrame = (
    CommandFrame
    | ReadyFrame
    | LogFrame
    | ErrorFrame
    | ReplyFrame
    | AnswerFrame
    | PongFrame
    | BodyFrame
    | CodeFrame
)
_WORKER_FRAMES: Final[Mapping[str, type[WorkerFrame]]] = {
    frame.type: frame for frame in get_args(WorkerFrame) if frame is not CommandFrame
}
"""Those whose fields are checked one by one; a command's are in it."""


def code_frames(module: str, code: bytes) -> Iterator[CodeFrame]:
    """One compiled module in pieces that fit the wire."""
    text = base64.b64encode(code).decode("ascii")
    for start in range(0, len(text), MAX_CODE_PIECE):
        yield CodeFrame(module=module, data=text[start : start + MAX_CODE_PIECE])


def parse_worker_frame(data: JsonObject) -> WorkerFrame:
    """Check one frame from a worker; ProtocolError, and nothing else, when it is not exact."""
    kind = data.get("type")
    fields = {name: value for name, value in data.items() if name != "type"}
    if kind == CommandFrame.type:
        return _parse_command(fields)
    frame = _WORKER_FRAMES.get(kind) if isinstance(kind, str) else None
    if frame is not None:
        return _build(frame, fields)
    raise ProtocolError(f"unknown frame type {str(kind)[:40]!r}")


def _parse_command(fields: JsonObject) -> CommandFrame:
    op = fields.pop("op", None)
    args = fields.pop("args", None)
    command = COMMANDS.get(op) if isinstance(op, str) else None
    if command is None or not isinstance(args, dict):
        raise ProtocolError(f"unknown command {str(op)[:40]!r}")
    return _build(CommandFrame, {**fields, "command": _build(command, args)})


def _build(cls: type[T], fields: Mapping[str, Any]) -> T:
    try:
        return cls(**fields)
    except TypeError as exc:
        # It repeats the name of a field, which is the peer's and as long as a frame.
        why = str(exc)[:MAX_FAULT].encode("unicode_escape").decode("ascii")
        raise ProtocolError(f"{cls.__name__}: {why}") from exc


def worker_frame_to_json(frame: WorkerFrame) -> JsonObject:
    if isinstance(frame, CommandFrame):
        args = attrs.asdict(frame.command, recurse=False)
        head: JsonObject = {"type": frame.type, "req": frame.req, "op": frame.command.op}
        return {**head, "args": args, "where": frame.where}
    return {"type": frame.type, **attrs.asdict(frame, recurse=False)}


# --- frames: core to worker ---------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ModuleFrame:
    """One module of the bundle; all of them come before StartFrame. `path` is for tracebacks.

    `code` is what CodeFrames said of the same source, if it was compiled before.
    """

    type: ClassVar[str] = "module"
    name: str
    path: str
    source: str
    code: str = ""


@attrs.frozen(kw_only=True)
class StartFrame:
    """Run the top level of `main`; `settings` holds the limits that the worker itself keeps.

    With `check_only` every module is compiled and nothing is run: CodeFrames and ReadyFrame, or an
    "import" ErrorFrame, are the answer. So a script is tried before calls meet it, and compiled
    once.
    """

    type: ClassVar[str] = "start"
    session_id: str
    application: str
    main: str
    custom_data: str = ""
    settings: dict[str, float] = attrs.field(factory=dict)
    secrets: dict[str, str] = attrs.field(factory=dict)
    """Name -> placeholder: what stands for the value, which never comes here."""
    check_only: bool = False


@attrs.frozen(kw_only=True)
class EventFrame:
    """One scenario event.

    `name` is the event's string value ("Call.Connected"); `unit` the handle it belongs to (None for
    AppEvents); `fields` its payload without call/name/id, spelled as in the scenario API; `state`
    the call's new state; `reply` asks for a ReplyFrame after the handlers have run. A CallAlerting
    event and an inbound leg's first event carry the leg under fields["call"] = CallInfo's fields.
    """

    type: ClassVar[str] = "event"
    seq: int
    name: str
    unit: int | None = None
    fields: dict[str, Any] = attrs.field(factory=dict)
    state: str | None = None
    reply: bool = False


@attrs.frozen(kw_only=True)
class CallInfo:
    """What a Call object can be asked without a round trip."""

    unit: int
    number: str
    callerid: str
    display_name: str
    incoming: bool
    client_type: str = "sip"
    custom_data: str = ""


@attrs.frozen(kw_only=True)
class ResultFrame:
    """The one answer to command `req`: `error` is None when it was carried out.

    With UNIT_ENDED or SESSION_ENDING as `value` nothing was done because what it was for has ended,
    or all is about to: no fault of the script's, who may not have heard of that yet.
    """

    type: ClassVar[str] = "result"
    req: int
    value: str | None = None
    error: str | None = None


@attrs.frozen(kw_only=True)
class ResponseFrame:
    """The answer to the HTTP request `req`; its body came before, in BodyFrames.

    `code` is the HTTP status, or the platform's code of a failure, whose reason is `error`.
    """

    type: ClassVar[str] = "response"
    req: int
    code: int
    headers: list[tuple[str, str]] = attrs.field(factory=list)
    error: str | None = None


@attrs.frozen(kw_only=True)
class ReleaseFrame:
    """No event of `unit` follows: its handlers get 10 s to end, then its nursery is cancelled."""

    type: ClassVar[str] = "release"
    unit: int


@attrs.frozen(kw_only=True)
class PingFrame:
    type: ClassVar[str] = "ping"
    nonce: str


@attrs.frozen(kw_only=True)
class StopFrame:
    """Leave: cancel everything and exit with status 0. A worker that stays is killed."""

    type: ClassVar[str] = "stop"
    reason: str


CoreFrame = (
    ModuleFrame
    | StartFrame
    | EventFrame
    | ResultFrame
    | BodyFrame
    | ResponseFrame
    | ReleaseFrame
    | PingFrame
    | StopFrame
)

_CORE_FRAMES: Final[Mapping[str, type[CoreFrame]]] = {
    frame.type: frame for frame in get_args(CoreFrame)
}


def core_frame_to_json(frame: CoreFrame) -> JsonObject:
    return {"type": frame.type, **attrs.asdict(frame, recurse=False)}


def parse_core_frame(data: JsonObject) -> CoreFrame:
    """The worker trusts the core; a frame that does not fit is a bug and raises ProtocolError."""
    frame = _CORE_FRAMES.get(str(data.get("type")))
    if frame is None:
        raise ProtocolError(f"unknown frame type {data.get('type')!r}")
    return _build(frame, {name: value for name, value in data.items() if name != "type"})


def call_id(session_id: str, unit: int) -> str:
    """`Call.id()`: both sides can name a leg without asking the other."""
    return f"{session_id}-{unit}"
