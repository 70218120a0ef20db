"""How calls are told to people: what was heard, and a session's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from runtime.media.listening import HeardInterval

MAX_WIDTH: Final = 150


def heard_line(interval: HeardInterval) -> str:
    tones = "+".join(f"{frequency:.0f}" for frequency in interval.frequencies_hz)
    what = f"{interval.kind} {tones} Hz" if tones else interval.kind
    return f"  {interval.start_s:6.2f} - {interval.end_s:6.2f} s  {what}"


def timeline_lines(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line an entry, with the script's own file and line where there is one."""
    return [_entry_line(entry) for entry in entries]


def _entry_line(entry: Mapping[str, Any]) -> str:
    detail = entry.get("detail") or {}
    where = f"  ({detail['where']})" if detail.get("where") else ""
    shown = {name: value for name, value in detail.items() if name not in ("where", "message")}
    if entry["kind"] == "sip":
        shown = {}
    said = " ".join(f"{name}={value}" for name, value in shown.items() if value not in ("", None))
    line = f"{entry['t']:8.3f}  {entry['kind']:8} {entry['what']}  {said}".rstrip()
    line = " ".join(line.splitlines())
    return (line if len(line) <= MAX_WIDTH else f"{line[: MAX_WIDTH - 3]}...") + where
