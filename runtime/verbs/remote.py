"""Verbs that ask a running runtime: upload, rules, start, sessions, tail, history.

Where they ask and how they tell what is wrong: asking.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from runtime.remote.project import read_project
from runtime.remote.upload import carry_out, plan
from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import (
    AppOption,
    JsonOption,
    ServerOption,
    asking,
    quiet,
    show,
    terminal,
)


def add_commands(app: typer.Typer) -> None:
    for verb in (upload, rules, start, sessions, tail, history):
        app.command()(verb)


def upload(
    folder: Annotated[Path, typer.Argument(help="With callstage.toml or scenario.py.")] = Path(),
    server: ServerOption = None,
    application: AppOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and compare; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload a project's scenarios, sounds and rules: all of it, or nothing when one is wrong."""
    with asking(server, application, folder=folder, as_json=as_json) as (client, config):
        project = read_project(folder, config.rule)
        planned = plan(client, project)
        versions: dict[str, int] = {}
        if not dry_run:
            with Progress(console=Console(stderr=True), disable=quiet(as_json)) as progress:
                task = progress.add_task("sounds", total=planned.missing_bytes)
                versions = carry_out(
                    client, project, planned, lambda size: progress.advance(task, size)
                )
        if as_json:
            typer.echo(json.dumps(tables.plan_json(planned, versions, dry_run=dry_run)))
        else:
            tables.show_plan(terminal(), planned, versions)


def rules(
    server: ServerOption = None,
    application: AppOption = None,
    explain: Annotated[
        str, typer.Option("--explain", help="Tell which of them would take this number, and why.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """The rules of an application, in the order in which they are tried.

    With --explain the exit code is 1 when none of them takes the number.
    """
    with asking(server, application, as_json=as_json) as (client, _):
        if explain:
            found = client.get(client.app_path("explain"), to=explain)
            show(found, as_json, lambda c: c.print(tables.plain(found["why"])))
        else:
            found = client.get(client.app_path("rules"))
            show(found, as_json, lambda c: tables.show_rules(c, found["rules"]))
    if explain and found.get("rule") is None:
        raise typer.Exit(1)


def start(
    scenario: Annotated[str, typer.Argument(help="The name of a scenario.")],
    data: Annotated[str, typer.Option("--data", help="Its VoxEngine.customData().")] = "",
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a session without a caller; prints its id."""
    with asking(server, application, as_json=as_json) as (client, _):
        body = {"scenario": scenario, "customData": data}
        found = client.post(client.app_path("sessions"), body)
        show(found, as_json, lambda c: c.print(tables.plain(found["session_id"])))


def sessions(
    server: ServerOption = None,
    end: Annotated[str, typer.Option("--end", help="End this session instead.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Live sessions and their calls."""
    with asking(server, as_json=as_json) as (client, _):
        if end:
            client.delete(f"sessions/{tables.path_part(end)}")
            show({"ok": True, "session_id": end}, as_json, lambda c: c.print("it ends"))
            return
        found = client.get("sessions")
        show(found, as_json, lambda c: tables.show_sessions(c, found["sessions"]))


def tail(
    session: Annotated[str, typer.Argument(help="Follow this one; else all that begins.")] = "",
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """What happens now: the timeline of a session, or sessions and calls as they come and go."""
    with asking(server, as_json=as_json) as (client, _):
        if session:
            path = f"sessions/{tables.path_part(session)}/timeline"
            with client.lines(path, follow="1") as lines:
                for line in lines:
                    typer.echo(line if as_json else tables.timeline_line(line))
            return
        with client.lines("events", events=True) as lines:
            for name, data in tables.events(lines):
                line = json.dumps({"event": name, **data})
                typer.echo(line if as_json else tables.event_line(name, data))


def history(
    server: ServerOption = None,
    application: AppOption = None,
    number: Annotated[str, typer.Option(help="Dialled or calling.")] = "",
    data: Annotated[str, typer.Option("--data", help="The whole custom data.")] = "",
    contains: Annotated[str, typer.Option(help="A part of the custom data.")] = "",
    result: Annotated[str, typer.Option(help="live, answered, failed, interrupted.")] = "",
    since: Annotated[str, typer.Option(help="Begun at or after: 2026-05-01T08:00.")] = "",
    until: Annotated[str, typer.Option(help="Begun before.")] = "",
    scenario: Annotated[str, typer.Option(help="Of this scenario.")] = "",
    end_cause: Annotated[str, typer.Option(help="Ended so: terminated, script-error, ...")] = "",
    after: Annotated[str, typer.Option(help="`next` of the page before.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Sessions.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Sessions that were and are, newest first."""
    with asking(server, application, as_json=as_json) as (client, _):
        found = client.get(
            "history",
            application=application or "",
            number=number,
            custom_data=data,
            custom_data_contains=contains,
            result=result,
            since=since,
            until=until,
            scenario=scenario,
            end_cause=end_cause,
            after=after,
            limit=str(limit),
        )
        show(found, as_json, lambda c: tables.show_history(c, found))
