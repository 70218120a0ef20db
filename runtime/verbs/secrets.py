"""`callstage secrets`: set, list and delete what scripts of an application may use and not see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import AppOption, JsonOption, ServerOption, asking, read_secret, show

app = typer.Typer(
    help="Values that an application's scripts may use and not see.", no_args_is_help=True
)
NameArgument = Annotated[str, typer.Argument(help="Asked for by VoxEngine.getSecretValue.")]


@app.command("set")
def set_(
    name: NameArgument,
    host: Annotated[
        list[str], typer.Option("--host", help="Who may be sent it: host[:port]; repeatable.")
    ],
    file: Annotated[
        Path | None, typer.Option("--file", help="Holds the value; else standard input.")
    ] = None,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a secret; its value is asked for, or read from standard input or a file."""
    body = {"value": read_secret(file, "value", as_json=as_json), "hosts": host}
    with asking(server, application, as_json=as_json) as (client, _):
        found = client.put(client.app_path("secrets", name), body)
        show(found, as_json, lambda c: c.print(tables.plain(f"{name} is set")))


@app.command("list")
def list_(
    server: ServerOption = None, application: AppOption = None, as_json: JsonOption = False
) -> None:
    """The secrets of an application, without their values."""
    with asking(server, application, as_json=as_json) as (client, _):
        found = client.get(client.app_path("secrets"))
        show(found, as_json, lambda c: _show(c, found["secrets"]))


@app.command()
def delete(
    name: NameArgument,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a secret; sessions that run keep it."""
    with asking(server, application, as_json=as_json) as (client, _):
        client.delete(client.app_path("secrets", name))
        told = {"ok": True, "name": name}
        show(told, as_json, lambda c: c.print(tables.plain(f"{name} is gone")))


def _show(console: Console, secrets: list[dict[str, Any]]) -> None:
    rows = [
        (s["name"], ", ".join(s["hosts"]), tables.moment(s["changed_at"]), s["changed_by"])
        for s in secrets
    ]
    tables.table(console, ("secret", "hosts", "set", "by"), rows)
