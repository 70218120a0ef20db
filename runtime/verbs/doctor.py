"""`callstage doctor`: what this machine can do, found by trying it.

One process of each kind is started as `run` starts it; its locked children try what must not be
done, and the result is shown with what `run` would make of it, the SIP listeners with what peers
are told of them, and the limits that are in force. Trunks are shown as a runtime that runs with
this configuration reports them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from runtime.legs.sip.listeners import ListenerReport
from runtime.legs.sip.listeners import examine as examine_listeners
from runtime.media.native.library import available, means
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.levels import Isolation, Required, SandboxReport
from runtime.server.isolation import find_isolation
from runtime.server.machine import sessions_that_fit
from runtime.verbs.trunks import running_trunks, show_trunks


async def doctor(config: Config, *, as_json: bool) -> int:
    """Show it; 0 when all are locked as the configuration requires and every listener can be had
    (or is had by a runtime that answers), 1 when not."""
    found = await find_isolation(Ceilings.of(config.limits))
    listeners = await examine_listeners(config.sip)
    required = config.sandbox.require
    trunks = await trio.to_thread.run_sync(running_trunks, config)
    if as_json:
        known = {
            "sip": [attrs.asdict(report) for report in listeners],
            "audio": {"host": config.rtp_host, "without": config.without_audio},
            "limits": _limits(config),
            "users": _users(config),
            "trunks": trunks,
        }
        typer.echo(json.dumps({**_facts(found, required), **known}))
    else:
        console = Console(highlight=False)
        _show(console, found, required)
        _show_listeners(console, listeners)
        _show_audio(console, config)
        _show_limits(console, config)
        _show_users(console, config)
        show_trunks(console, config, trunks)
    can_listen = not any(report.is_fatal for report in listeners)
    return 0 if found.level.satisfies(required) and can_listen else 1


def _facts(found: Isolation, required: Required) -> dict[str, Any]:
    return {
        "sandbox": {**found.to_json(), "required": required},
        "run": {
            "loopback": _verdict(found, required, loopback=True),
            "public": _verdict(found, required, loopback=False),
        },
        "audio_engine": means(available()),
        "sessions_that_fit": sessions_that_fit(),
    }


def _limits(config: Config) -> dict[str, Any]:
    return {
        "operator": attrs.asdict(config.limits),
        "application": attrs.asdict(config.application_limits),
    }


def _users(config: Config) -> dict[str, Any]:
    """Who may register: names and what they have, never a password."""
    return {
        name: {
            "display_name": user.display_name,
            "max_contacts": user.max_contacts,
            "secret": "ha1" if user.ha1 else "password",
        }
        for name, user in config.users.items()
    }


def _verdict(found: Isolation, required: Required, *, loopback: bool) -> str:
    verdict = decide(found, required, loopback=loopback)
    if isinstance(verdict, Refuse):
        return "refused"
    return "served" if verdict.banner is None else "served with a warning"


def _show(console: Console, found: Isolation, required: Required) -> None:
    level = found.level
    console.print(f"Sandbox: {level.value} ({CONTAINED[level]})", markup=False)
    console.print(_table_of_kinds(found))
    console.print(_table_of_acts(found))
    if found.missing:
        console.print(f"missing: {found.missing}", markup=False)
    for name, loopback in (("loopback", True), ("other addresses", False)):
        verdict = _verdict(found, required, loopback=loopback)
        text = f"callstage run on {name}: {verdict} ([sandbox] require = {required})"
        console.print(text, markup=False)
    console.print(f"audio engine: {means(available())}", markup=False)
    console.print(f"sessions that fit into the memory available: {sessions_that_fit()}")


def _table_of_kinds(found: Isolation) -> Table:
    """A row per kind of process: its level, its locks, its acts."""
    names = list(dict.fromkeys(lock.name for each in found.kinds.values() for lock in each.locks))
    table = Table("process", "level", *names, "acts refused")
    for kind, report in found.kinds.items():
        refused = sum(act.refused for act in report.acts)
        level = report.level.value
        table.add_row(
            kind,
            level if level == "full" else f"[bold red]{level}[/]",
            *(_lock(report, name) for name in names),
            f"{refused} of {len(report.acts)}",
        )
    return table


def _lock(report: SandboxReport, name: str) -> str:
    return next((_mark(lock.held) for lock in report.locks if lock.name == name), "")


def _table_of_acts(found: Isolation) -> Table:
    """A row per act, with the processes that could do it, and those whose work it is."""
    table = Table("forbidden act, tried", "refused", "is the work of")
    kinds = {kind: {act.name: act.refused for act in r.acts} for kind, r in found.kinds.items()}
    for name in dict.fromkeys(name for acts in kinds.values() for name in acts):
        able = [kind for kind, acts in kinds.items() if not acts.get(name, True)]
        work = [kind for kind, acts in kinds.items() if acts and name not in acts]
        mark = f"{_mark(False)} to: {', '.join(able)}" if able else _mark(True)
        table.add_row(name, mark, ", ".join(work))
    return table


def _show_listeners(console: Console, reports: Sequence[ListenerReport]) -> None:
    table = Table(Column("SIP listener", no_wrap=True), "bound", "peers are told", "reached")
    for report in reports:
        reached = "not tried" if report.reached is None else _mark(report.reached)
        table.add_row(report.listener, _mark(report.bound), report.told, reached)
    console.print(table)
    for report in reports:
        if report.problem:
            console.print(f"{report.listener}: {report.problem}", markup=False)


def _show_audio(console: Console, config: Config) -> None:
    console.print(f"audio: {config.rtp_host}, ports {config.rtp.ports}", markup=False)
    for line in config.without_audio:
        console.print(line, markup=False)


def _show_limits(console: Console, config: Config) -> None:
    table = Table(Column("limit", no_wrap=True), "operator", "application", "kept by")
    for name, value in attrs.asdict(config.limits).items():
        own = getattr(config.application_limits, name)
        lower = shown(own) if own != value else ""
        table.add_row(name, shown(value), lower, facts(Limits, name).keeper.value)
    console.print(table)


def _mark(good: bool) -> str:
    return "yes" if good else "[bold red]NO[/]"


def _show_users(console: Console, config: Config) -> None:
    if not config.users:
        console.print("users: none configured; REGISTER is refused ([users.NAME])", markup=False)
        return
    offered = ", ".join(config.registrar.digest)
    realm = config.registrar.realm
    console.print(f"registrar: realm {realm}, digest {offered}", markup=False)
    table = Table("user", "display name", "contacts at most", "secret")
    for name, user in _users(config).items():
        table.add_row(name, user["display_name"], str(user["max_contacts"]), user["secret"])
    console.print(table)
