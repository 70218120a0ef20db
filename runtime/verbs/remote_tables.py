"""How the answers of a server look in a terminal; what strangers wrote cannot steer it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.remote.upload import CHANGES, Plan
from runtime.verbs.telling import timeline_lines

MAX_CELL: Final = 60
"""Characters; the rest is in --json."""


def safe(text: str) -> str:
    """Without control characters, which could move the cursor or recolour what was said before."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def plain(value: object) -> Text:
    """As it is, and not as rich's markup."""
    text = safe(str(value))
    return Text(text if len(text) <= MAX_CELL * 5 else f"{text[: MAX_CELL * 5]}...")


def path_part(text: str) -> str:
    return quote(text, safe="")


def _cell(value: object) -> Text:
    text = safe("" if value is None else str(value))
    return Text(text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 3]}...")


def table(console: Console, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """What does not fit goes on in the next line: an id without its end is of no use."""
    drawn = Table()
    for name in names:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    console.print(drawn)


def plan_json(planned: Plan, versions: Mapping[str, int], *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "changes": planned.changes_something,
        "scenarios": {
            name: {
                **{key: each[key] for key in (*CHANGES, "same")},
                "digest": each["digest"],
                "version": versions.get(name),
            }
            for name, each in planned.scenarios.items()
        },
        "rules": {
            "added": planned.rules_added,
            "changed": list(planned.rules_changed),
            "removed": planned.rules_removed,
            "same": planned.rules_same,
            "differences": {
                name: {field: {"server": old, "project": new} for field, (old, new) in each.items()}
                for name, each in planned.rules_changed.items()
            },
            "reordered": planned.rules_reordered,
        },
        "only_on_the_server": planned.only_there,
        "sounds": sorted(planned.missing),
    }


def show_plan(console: Console, planned: Plan, versions: Mapping[str, int]) -> None:
    rows: list[tuple[object, ...]] = []
    for name, each in planned.scenarios.items():
        changes = [f"{key} {', '.join(each[key])}" for key in CHANGES if each[key]]
        rows.append(("scenario", name, versions.get(name, ""), "; ".join(changes) or "the same"))
    rows += [("scenario", name, "", "only on the server, and stays") for name in planned.only_there]
    rows += [("rule", name, "", "added") for name in planned.rules_added]
    for name, change in planned.rules_changed.items():
        told = [f"{field}: {old!r} becomes {new!r}" for field, (old, new) in change.items()]
        rows.append(("rule", name, "", "; ".join(told)))
    rows += [("rule", name, "", "removed") for name in planned.rules_removed]
    rows += [("rule", name, "", "the same") for name in planned.rules_same]
    if planned.rules_reordered:
        rows.append(("rules", "", "", "in another order"))
    table(console, ("what", "name", "version", "compared with the server"), rows)
    if not versions:
        sounds = f"{len(planned.missing)} sounds ({planned.missing_bytes:,} bytes) would be sent"
        console.print(f"nothing was changed; {sounds}", markup=False)


def show_rules(console: Console, rules: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            n,
            r["name"],
            r["to"],
            r["scenario"],
            "shared" if r["conference"] else "",
            r["custom_data"],
        )
        for n, r in enumerate(rules, 1)
    ]
    table(console, ("", "rule", "to", "scenario", "session", "custom data"), rows)


def show_sessions(console: Console, sessions: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            each["id"],
            f"{each['application']}/{each['scenario']}",
            each["version"][:12],
            each["state"],
            seconds(each["duration_s"]),
            ", ".join(
                f"{leg['callerid']} > {leg['number']} {leg['state']}" for leg in each["legs"]
            ),
        )
        for each in sessions
    ]
    table(console, ("session", "scenario", "version", "state", "for", "calls"), rows)


def show_history(console: Console, page: Mapping[str, Any]) -> None:
    rows: list[tuple[object, ...]] = []
    for each in page["sessions"]:
        head = (moment(each["started_at"]), each["id"], f"{each['application']}/{each['scenario']}")
        tail = (seconds(each["duration_s"]), each["end_cause"], len(each["recordings"]) or "")
        calls = [_call(call) for call in each["calls"]] or [""]
        rows.append((*head, calls[0], *tail))
        rows += [("", "", "", call, "", "", "") for call in calls[1:]]
    names = ("begun", "session", "scenario", "call", "lasted", "end", "recordings")
    table(console, names, rows)
    if page["next"]:
        console.print(plain(f"older ones: --after {page['next']}"))


def _call(call: Mapping[str, Any]) -> str:
    result = call["result"] if call["result"] != "failed" else f"failed {call['code']}"
    arrow = ">" if call["incoming"] else "<"
    return f"{call['callerid']} {arrow} {call['number']}  {result}"


def moment(at: float) -> str:
    """Seconds since the epoch, on this machine's clock."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def timeline_line(line: str) -> str:
    """One entry of a timeline for people."""
    try:
        return safe(timeline_lines([json.loads(line)])[0])
    except (ValueError, KeyError, TypeError, AttributeError):
        return safe(line)


def event_line(name: str, data: Mapping[str, Any]) -> str:
    """One event of all sessions for people."""
    match name:
        case "session":
            state = "began" if data["duration_s"] is None else f"over: {data['end_cause']}"
            text = f"{data['id']}  {data['application']}/{data['scenario']}  {state}"
        case "call":
            text = f"{data['session_id']}  {_call(data)}"
        case "recording":
            text = f"{data['session_id']}  recording {data['number']} complete"
        case _:
            text = json.dumps(data)
    return safe(f"{name:9}  {text}")


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Server-sent events: names and data; comments are left out."""
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
