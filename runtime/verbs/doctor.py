"""`callstage doctor`: what this machine can do, found by trying it.

The zygote is started as `run` starts it; its locked children try what scripts must not do, and the
result is shown with what `run` would make of it.
"""

from __future__ import annotations

import json
from typing import Any

import trio
import typer
from rich.console import Console
from rich.table import Table

from runtime.config import Config
from runtime.decisions.isolation import CONTAINED, Refuse, decide
from runtime.sandbox.launcher import LaunchError, ZygoteLauncher
from runtime.sandbox.levels import Required, SandboxReport, unprobed
from runtime.server.server import sessions_that_fit


async def doctor(config: Config, *, as_json: bool) -> int:
    """Show it; 0 when scripts are locked as the configuration requires, 1 when not."""
    report = await _probe()
    required = config.sandbox.require
    sessions = config.limits.max_sessions or sessions_that_fit()
    if as_json:
        typer.echo(json.dumps(_facts(report, required, sessions)))
    else:
        _show(report, required, sessions)
    return 0 if report.level.satisfies(required) else 1


async def _probe() -> SandboxReport:
    launcher, faults = ZygoteLauncher(blanks=0), ""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(launcher.run)
            nursery.cancel_scope.cancel()
    except* LaunchError as group:
        faults = "; ".join(str(exc) for exc in group.exceptions)
    return unprobed(faults) if faults else launcher.sandbox


def _facts(report: SandboxReport, required: Required, sessions: int) -> dict[str, Any]:
    return {
        "sandbox": {**report.to_json(), "missing": report.missing, "required": required},
        "run": {
            "loopback": _verdict(report, required, loopback=True),
            "public": _verdict(report, required, loopback=False),
        },
        "sessions_that_fit": sessions,
    }


def _verdict(report: SandboxReport, required: Required, *, loopback: bool) -> str:
    verdict = decide(report, required, loopback=loopback)
    if isinstance(verdict, Refuse):
        return "refused"
    return "served" if verdict.banner is None else "served with a warning"


def _show(report: SandboxReport, required: Required, sessions: int) -> None:
    console = Console(highlight=False)
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
    console.print(f"sessions that fit into the memory available: {sessions}")


def _mark(good: bool) -> str:
    return "yes" if good else "[bold red]NO[/]"
