"""A simulation as a person reads it when a test has failed: one line each, by time.

What people heard stands between what was signalled, sent to the script and asked for by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from runtime.testing.chronicle import Row
from runtime.testing.hearing import Heard
from runtime.testing.peers import SimPeer

MAX_LINES: Final = 400
"""A failure report that is longer is read by nobody; the beginning and the end are kept."""
MAX_WIDTH: Final = 160
INDENT: Final = " " * 20
LONG_DETAILS: Final = ("traceback",)
"""Details that are texts of many lines, shown below their line."""


def timeline_text(rows: Iterable[Row], people: Iterable[SimPeer]) -> str:
    """The whole story, in the order in which it happened."""
    story = [(row.t, _row_lines(row)) for row in rows]
    story += [(one.start, [_heard(person, one)]) for person in people for one in person.heard]
    story.sort(key=lambda part: part[0])
    lines = [line for _, part in story for line in part]
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        lines[half:-half] = [f"{INDENT}... {len(lines) - MAX_LINES} lines left out ..."]
    return "\n".join(lines) or "(nothing happened)"


def _heard(person: SimPeer, one: Heard) -> str:
    length = "" if one.seconds is None else f" for {one.seconds:.2f} s"
    return _cut(_line(one.start, "heard", person.name, f"{one.kind} {one.what!r}{length}"))


def _row_lines(row: Row) -> list[str]:
    short = {name: value for name, value in row.detail.items() if name not in LONG_DETAILS}
    head = _line(row.t, row.kind, row.leg or "", f"{row.what}{_details(short)}")
    below = [str(row.detail[name]) for name in LONG_DETAILS if row.detail.get(name)]
    return [_cut(head), *(f"{INDENT}{line}" for text in below for line in text.splitlines())]


def _line(t: float, kind: str, who: str, what: str) -> str:
    return f"{t:9.3f}  {kind:8} {who + ': ' if who else ''}{what}"


def _details(detail: Mapping[str, Any]) -> str:
    shown = [f"{name}={value!r}" for name, value in detail.items() if value not in (None, "", {})]
    return f"  {' '.join(shown)}" if shown else ""


def _cut(line: str) -> str:
    one_line = " ".join(line.split("\n"))
    return one_line if len(one_line) <= MAX_WIDTH else f"{one_line[: MAX_WIDTH - 3]}..."
