"""`callstage secrets`: set, list and delete what scripts of an application may use and not see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import AppOption, JsonOption, ServerOption, read_secret
from runtime.verbs.kept import Kept, Where

app = typer.Typer(
    help="Values that an application's scripts may use and not see.", no_args_is_help=True
)
SECRETS: Final = Kept(
    kind="secrets",
    key="name",
    columns=("secret", "hosts", "set", "by"),
    row=lambda s: (
        s["name"],
        ", ".join(s["hosts"]),
        tables.moment(s["changed_at"]),
        s["changed_by"],
    ),
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
    SECRETS.put(name, body, Where(server=server, application=application, as_json=as_json))


@app.command("list")
def list_(
    server: ServerOption = None, application: AppOption = None, as_json: JsonOption = False
) -> None:
    """The secrets of an application, without their values."""
    SECRETS.listing(Where(server=server, application=application, as_json=as_json))


@app.command()
def delete(
    name: NameArgument,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a secret; sessions that run keep it."""
    SECRETS.delete(name, Where(server=server, application=application, as_json=as_json))
