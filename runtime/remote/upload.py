"""`callstage upload`: first everything is tried, then what is missing is sent, then it is served.

A fault in any scenario or rule stops all of it before anything was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from runtime.remote.client import Client, RemoteError
from runtime.remote.project import LocalScenario, Project, pieces

OnBytes = Callable[[int], object]
"""Told as a sound is sent."""


RuleChange = dict[str, tuple[Any, Any]]
"""What the server has and what the project has, by field."""


@attrs.frozen(kw_only=True)
class Plan:
    """What an upload would do."""

    scenarios: dict[str, dict[str, Any]]
    """The server's answer to a dry run, by scenario."""
    rules_added: list[str]
    rules_changed: dict[str, RuleChange]
    rules_removed: list[str]
    rules_same: list[str]
    rules_reordered: bool
    only_there: list[str]
    """Scenarios that the server has and the project has not; an upload leaves them alone."""
    missing: dict[str, Path]
    """Sounds that the server does not have, by SHA-256."""

    @property
    def changes_something(self) -> bool:
        changed = [each[key] for each in self.scenarios.values() for key in CHANGES]
        rules = (self.rules_added, self.rules_changed, self.rules_removed, self.rules_reordered)
        return any([*changed, *rules])

    @property
    def missing_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.missing.values())


CHANGES = ("added", "changed", "removed")


def plan(client: Client, project: Project) -> Plan:
    """Compare with the server. Raises RemoteError with the faults of all scenarios."""
    tried: dict[str, dict[str, Any]] = {}
    faults: list[str] = []
    missing: dict[str, Path] = {}
    for name, scenario in project.scenarios.items():
        try:
            path = client.app_path("scenarios", name)
            tried[name] = client.put(path, scenario.body, dry_run="1")
        except RemoteError as exc:
            if not exc.faults:
                raise
            faults += [f"{name}: {fault}" for fault in exc.faults]
        else:
            missing |= {sha: scenario.files[sha] for sha in tried[name]["missing_sounds"]}
    if faults:
        raise RemoteError("nothing was uploaded", tuple(faults))
    there = client.get("applications")["applications"].get(client.server.application)
    mine = {rule["name"]: rule for rule in project.rules or ()}
    theirs = {} if project.rules is None or there is None else _rules_there(client)
    changed = {n: _difference(theirs[n], mine[n]) for n in mine if n in theirs}
    return Plan(
        scenarios=tried,
        rules_added=[name for name in mine if name not in theirs],
        rules_changed={name: change for name, change in changed.items() if change},
        rules_removed=[name for name in theirs if name not in mine],
        rules_same=[name for name, change in changed.items() if not change],
        rules_reordered=[n for n in mine if n in theirs] != [n for n in theirs if n in mine],
        only_there=sorted((there or {"scenarios": {}})["scenarios"].keys() - tried.keys()),
        missing=missing,
    )


def carry_out(client: Client, project: Project, planned: Plan, on_bytes: OnBytes) -> dict[str, int]:
    """Send what is missing, then the scenarios, then the rules; the versions by scenario."""
    for sha256, file in planned.missing.items():
        content = _counted(pieces(file), on_bytes)
        client.put_file(client.app_path("sounds", sha256), content, file.stat().st_size)
    versions = {name: _put(client, name, each) for name, each in project.scenarios.items()}
    if project.rules is not None:
        client.put(client.app_path("rules"), {"rules": list(project.rules)})
    return versions


def _put(client: Client, name: str, scenario: LocalScenario) -> int:
    return int(client.put(client.app_path("scenarios", name), scenario.body)["version"])


def _difference(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> RuleChange:
    names = dict.fromkeys([*theirs, *mine])
    pairs = {name: (theirs.get(name), mine.get(name)) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _rules_there(client: Client) -> dict[str, Any]:
    return {rule["name"]: rule for rule in client.get(client.app_path("rules"))["rules"]}


def _counted(content: Iterator[bytes], on_bytes: OnBytes) -> Iterator[bytes]:
    for piece in content:
        yield piece
        on_bytes(len(piece))
