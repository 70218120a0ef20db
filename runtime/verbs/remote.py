"""Verbs that ask a running runtime: upload, rules, start, sessions, tail, history.

Where: --server, CALLSTAGE_SERVER, or [project] of the folder's callstage.toml. With which right:
CALLSTAGE_TOKEN, or [project] token_file. Exit code 1 when the server refuses, 2 for bad usage.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from runtime.config import Config, ConfigError, load_config
from runtime.remote import Client, RemoteError, Server
from runtime.remote.client import read_token
from runtime.remote.project import ProjectFault, read_project
from runtime.remote.upload import carry_out, plan
from runtime.sandbox.bundle import BundleError
from runtime.session.rules import DEFAULT_APPLICATION
from runtime.verbs import remote_tables as tables

PROJECT_FILE: Final = "callstage.toml"

ServerOption = Annotated[
    str | None,
    typer.Option("--server", envvar="CALLSTAGE_SERVER", help="URL of the HTTP interface."),
]
AppOption = Annotated[
    str | None, typer.Option("--application", "-a", help="Whose; else that of the project.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]


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
    config = _config(folder)
    with _told(), _client(config, folder, server, application) as client:
        project = read_project(folder, config.rule)
        planned = plan(client, project)
        versions: dict[str, int] = {}
        if not dry_run:
            with Progress(console=Console(stderr=True), disable=as_json) as progress:
                task = progress.add_task("sounds", total=planned.missing_bytes)
                versions = carry_out(
                    client, project, planned, lambda size: progress.advance(task, size)
                )
        if as_json:
            typer.echo(json.dumps(tables.plan_json(planned, versions, dry_run=dry_run)))
        else:
            tables.show_plan(Console(), planned, versions)


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
    with _told(), _client(_config(Path()), Path(), server, application) as client:
        if explain:
            found = client.get(client.app_path("explain"), to=explain)
            _show(found, as_json, lambda c: c.print(tables.plain(found["why"])))
        else:
            found = client.get(client.app_path("rules"))
            _show(found, as_json, lambda c: tables.show_rules(c, found["rules"]))
    if explain and found["rule"] is None:
        raise typer.Exit(1)


def start(
    scenario: Annotated[str, typer.Argument(help="The name of a scenario.")],
    data: Annotated[str, typer.Option("--data", help="Its VoxEngine.customData().")] = "",
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a session without a caller; prints its id."""
    with _told(), _client(_config(Path()), Path(), server, application) as client:
        body = {"scenario": scenario, "customData": data}
        found = client.post(client.app_path("sessions"), body)
        _show(found, as_json, lambda c: c.print(tables.plain(found["session_id"])))


def sessions(
    server: ServerOption = None,
    end: Annotated[str, typer.Option("--end", help="End this session instead.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Live sessions and their calls."""
    with _told(), _client(_config(Path()), Path(), server, None) as client:
        if end:
            client.delete(f"sessions/{tables.path_part(end)}")
            return
        found = client.get("sessions")
        _show(found, as_json, lambda c: tables.show_sessions(c, found["sessions"]))


def tail(
    session: Annotated[str, typer.Argument(help="Follow this one; else all that begins.")] = "",
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """What happens now: the timeline of a session, or sessions and calls as they come and go."""
    with _told(), _client(_config(Path()), Path(), server, None) as client:
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
    limit: Annotated[int, typer.Option(min=1, max=200, help="Sessions.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Sessions that were and are, newest first."""
    with _told(), _client(_config(Path()), Path(), server, application) as client:
        found = client.get(
            "history",
            application=application or "",
            number=number,
            custom_data=data,
            custom_data_contains=contains,
            result=result,
            since=since,
            until=until,
            limit=str(limit),
        )
        _show(found, as_json, lambda c: tables.show_history(c, found["sessions"]))


# --- where, who, and how it is told -----------------------------------------------------------


def _config(folder: Path) -> Config:
    file = folder / PROJECT_FILE
    try:
        return load_config(file if file.is_file() else None)
    except ConfigError as exc:
        _fail(2, *map(str, exc.faults))


def _client(config: Config, folder: Path, url: str | None, application: str | None) -> Client:
    project = config.project
    token = os.environ.get("CALLSTAGE_TOKEN", "").strip()
    if not token and project.token_file is not None:
        token = read_token(folder / project.token_file)
    own = project.application or _name_of(folder.resolve())
    return Client(
        Server(url=(url or project.server).rstrip("/"), token=token, application=application or own)
    )


def _name_of(folder: Path) -> str:
    """A project is called like its folder; elsewhere it is the operator's own scenarios."""
    if folder.suffix == ".py":
        return folder.parent.name
    is_project = any((folder / name).is_file() for name in (PROJECT_FILE, "scenario.py"))
    return folder.name if is_project else DEFAULT_APPLICATION


def _show(found: Any, as_json: bool, show: Any) -> None:
    if as_json:
        typer.echo(json.dumps(found))
    else:
        show(Console(highlight=False))


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong, in sentences; Ctrl-C is how `tail` ends."""
    try:
        yield
    except RemoteError as exc:
        _fail(1, str(exc), *exc.faults)
    except BundleError as exc:
        _fail(2, *exc.faults)
    except ProjectFault as exc:
        _fail(2, str(exc))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _fail(code: int, *lines: str) -> NoReturn:
    for line in lines:
        typer.echo(f"callstage: {tables.safe(line)}", err=True)
    raise typer.Exit(code)
