"""An uncaught exception of a script as bounded text, whatever the script has done to it.

A hostile `__str__` or `__repr__` runs here, in the worker, and can at worst raise; what it returns
is cut. The traceback shows the script's own source lines, so it does not need the disk.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final

import attrs

from runtime.sandbox.clip import clip

MAX_MESSAGE: Final = 1_000
MAX_TRACEBACK: Final = 15_000
MAX_FRAMES: Final = 40
"""Of a deep recursion the first and the last twenty calls tell the story."""
MAX_CAUSES: Final = 4
MAX_LEAVES: Final = 4
"""Exceptions shown of a group; hundreds of tasks usually fail for one reason."""
MAX_NESTED: Final = 1_000
"""Groups within groups that are searched for the first exception; a script's own kind of group may
say that it holds itself."""
MAX_LINES: Final = 2_000
"""Of a traceback that is cut to MAX_TRACEBACK characters anyway; more are not even made."""
MAX_DEPTH: Final = 8
"""Groups within groups, as nested nurseries make them."""
MAX_NAME: Final = 200
MAX_WHERE: Final = 250

_RUNTIME: Final = Path(__file__).parents[1]
_HIDDEN: Final = (
    f"{_RUNTIME}/sandbox/",
    f"{_RUNTIME}/api/names.py",
    f"{_RUNTIME}/testing/stuck.py",
)
"""Code between the script and what it called, which tells its author nothing."""

Sources = Mapping[str, str]
"""Path as compiled -> source text of the bundle's modules."""


@attrs.frozen(kw_only=True)
class Fault:
    """What an ErrorFrame says."""

    message: str
    traceback: str
    where: str


def describe(error: BaseException, sources: Sources) -> Fault:
    """Message, traceback and the innermost line of the script itself."""
    try:
        leaf = _first_leaf(error)
        return Fault(
            message=clip(_message(leaf), MAX_MESSAGE),
            traceback=clip("\n".join(islice(_chain(error, sources), MAX_LINES)), MAX_TRACEBACK),
            where=_where(leaf, sources) or _where(error, sources),
        )
    except BaseException as exc:  # noqa: BLE001 - the script's own properties; as for __str__ below
        text = f"{_name(error)}: <it cannot be shown: {_name(exc)} when it was looked at>"
        return Fault(message=text, traceback=text, where="")


def _first_leaf(error: BaseException) -> BaseException:
    for _ in range(MAX_NESTED):
        if not isinstance(error, BaseExceptionGroup) or not error.exceptions:
            break
        error = error.exceptions[0]
    return error


def _name(error: BaseException) -> str:
    """Past what a metaclass makes of it."""
    name: str = vars(type)["__name__"].__get__(type(error))
    return clip(name, MAX_NAME)


def _message(error: BaseException) -> str:
    name = _name(error)
    try:
        text = str(error)[:MAX_MESSAGE]
    except BaseException as exc:  # noqa: BLE001 - the script's own __str__; whatever it raises, we go on
        text = f"<its text cannot be shown: __str__ raised {_name(exc)}>"
    return f"{name}: {text}" if text else name


def _where(error: BaseException, sources: Sources) -> str:
    if isinstance(error, SyntaxError) and error.filename in sources and not _ours(error, sources):
        return f"{error.filename}:{error.lineno or 0}"[:MAX_WHERE]
    places = _ours(error, sources)
    return f"{places[-1][0]}:{places[-1][1]}"[-MAX_WHERE:] if places else ""


def _ours(error: BaseException, sources: Sources) -> list[tuple[str, int]]:
    return [(path, line) for path, line, _ in _frames(error.__traceback__) if path in sources]


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """The calls of a traceback, without the worker's own between two modules of a script."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_HIDDEN):
            yield code.co_filename, trace.tb_lineno, code.co_name
        trace = trace.tb_next


def _chain(error: BaseException, sources: Sources) -> Iterator[str]:
    """Causes first, as Python prints them."""
    chain: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    link = ""
    while current is not None and id(current) not in seen and len(chain) <= MAX_CAUSES:
        chain.append((current, link))
        seen.add(id(current))
        if current.__cause__ is not None:
            current, link = current.__cause__, "which was the direct cause of:"
        elif current.__context__ is not None and not current.__suppress_context__:
            current, link = current.__context__, "and while that was handled:"
        else:
            current = None
    for shown, after in reversed(chain):
        yield from _one(shown, sources)
        if after:
            yield after


def _one(error: BaseException, sources: Sources, depth: int = 0) -> Iterator[str]:
    frames = list(_frames(error.__traceback__))
    first = next((i for i, frame in enumerate(frames) if frame[0] in sources), 0)
    frames = frames[first:]
    if frames:
        yield "Traceback (most recent call last):"
    skipped = len(frames) - MAX_FRAMES
    for index, frame in enumerate(frames):
        if skipped > 0 and index == MAX_FRAMES // 2:
            yield f"  ... {skipped} more calls ..."
        if skipped <= 0 or not MAX_FRAMES // 2 <= index < MAX_FRAMES // 2 + skipped:
            yield from _frame(*frame, sources)
    if isinstance(error, SyntaxError) and error.filename in sources:
        yield from _frame(str(error.filename), error.lineno or 0, "", sources)
    yield _message(error)
    if isinstance(error, BaseExceptionGroup) and depth < MAX_DEPTH:
        for leaf in error.exceptions[:MAX_LEAVES]:
            yield from (f"  | {line}" for line in _one(leaf, sources, depth + 1))


def _frame(path: str, line: int, name: str, sources: Sources) -> Iterator[str]:
    yield f'  File "{path}", line {line}' + (f", in {name}" if name else "")
    text = _source_line(path, line, sources).strip()
    if text:
        yield f"    {text[:200]}"


def _source_line(path: str, line: int, sources: Sources) -> str:
    source = sources.get(path)
    if source is None:
        return linecache.getline(path, line)
    lines = source.splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""
