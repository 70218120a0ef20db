"""`callstage doctor`: what this machine can do, found by trying it.

The zygote is started as `run` starts it; its locked children try what scripts must not do, and the
result is shown with what `run` would make of it, and the limits that are in force.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
import trio
import typer
from rich.console import Console
from rich.table import Column, Table

from runtime.config import Config
from runtime.decisions.isolation import CONTAINED, Refuse, decide
from runtime.decisions.limit import facts, shown
from runtime.decisions.limits import Limits
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.launcher import LaunchError, ZygoteLauncher
from runtime.sandbox.levels import Required, SandboxReport, unprobed
from runtime.server.server import sessions_that_fit


async def doctor(config: Config, *, as_json: bool) -> int:
    """Show it; 0 when scripts are locked as the configuration requires, 1 when not."""
    report = await _probe(config)
    required = config.sandbox.require
    if as_json:
        facts = _facts(report, required)
        typer.echo(json.dumps({**facts, "limits": _limits(config)}))
    else:
        console = Console(highlight=False)
        _show(console, report, required)
        _show_limits(console, config)
    return 0 if report.level.satisfies(required) else 1


async def _probe(config: Config) -> SandboxReport:
    launcher, faults = ZygoteLauncher(Ceilings.of(config.limits), blanks=0), ""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(launcher.run)
            nursery.cancel_scope.cancel()
    except* LaunchError as group:
        faults = "; ".join(str(exc) for exc in group.exceptions)
    return unprobed(faults) if faults else launcher.sandbox


def _facts(report: SandboxReport, required: Required) -> dict[str, Any]:
    return {
        "sandbox": {**report.to_json(), "missing": report.missing, "required": required},
        "run": {
            "loopback": _verdict(report, required, loopback=True),
            "public": _verdict(report, required, loopback=False),
        },
        "sessions_that_fit": sessions_that_fit(),
    }


def _limits(config: Config) -> dict[str, Any]:
    return {
        "operator": attrs.asdict(config.limits),
        "application": attrs.asdict(config.application_limits),
    }


def _verdict(report: SandboxReport, required: Required, *, loopback: bool) -> str:
    verdict = decide(report, required, loopback=loopback)
    if isinstance(verdict, Refuse):
        return "refused"
    return "served" if verdict.banner is None else "served with a warning"


def _show(console: Console, report: SandboxReport, required: Required) -> None:
    level = report.level
    console.print(f"Sandbox of scripts: {level.value} ({CONTAINED[level]})", markup=False)
    locks = Table("lock", "holds", "")
    for lock in report.locks:
        locks.add_row(lock.name, _mark(lock.held), lock.detail)
    console.print(locks)
    acts = Table("forbidden act, tried", "refused", "")
    for act in report.acts:
        acts.add_row(act.name, _mark(act.refused), act.how)
    console.print(acts)
    if report.missing:
        console.print(f"missing: {report.missing}", markup=False)
    for name, loopback in (("loopback", True), ("other addresses", False)):
        verdict = _verdict(report, required, loopback=loopback)
        text = f"callstage run on {name}: {verdict} ([sandbox] require = {required})"
        console.print(text, markup=False)
    console.print(f"sessions that fit into the memory available: {sessions_that_fit()}")


def _show_limits(console: Console, config: Config) -> None:
    table = Table(Column("limit", no_wrap=True), "operator", "application", "kept by")
    for name, value in attrs.asdict(config.limits).items():
        own = getattr(config.application_limits, name)
        lower = shown(own) if own != value else ""
        table.add_row(name, shown(value), lower, facts(Limits, name).keeper.value)
    console.print(table)


def _mark(good: bool) -> str:
    return "yes" if good else "[bold red]NO[/]"
