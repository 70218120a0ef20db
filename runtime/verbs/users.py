"""`callstage users` and `callstage numbers`: who may call, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import AppOption, JsonOption, ServerOption, read_secret
from runtime.verbs.kept import Kept, Where

users = typer.Typer(help="Who may register and call for an application.", no_args_is_help=True)
numbers = typer.Typer(help="Which numbers are an application's.", no_args_is_help=True)
USERS: Final = Kept(
    kind="users",
    key="name",
    columns=("user", "shown as", "phones at most", "set"),
    row=lambda u: (
        u["name"],
        u["display_name"],
        u["max_contacts"],
        tables.moment(u["changed_at"]),
    ),
)
NUMBERS: Final = Kept(
    kind="numbers",
    key="number",
    columns=("number", "scenario", "custom data"),
    row=lambda n: (n["number"], n["scenario"] or "by the rules", n["custom_data"]),
)
UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="User part of its address.")]
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="As it is dialled.")]


@users.command("set")
def set_user(
    name: UserArgument,
    display_name: Annotated[str | None, typer.Option(help="Shown to who is called.")] = None,
    max_contacts: Annotated[int | None, typer.Option(min=1, max=12, help="Phones.")] = None,
    keep_password: Annotated[
        bool, typer.Option("--keep-password", help="Change the rest of a user that is there.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Holds the password; else standard input.")
    ] = None,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a user; its password is asked for, or read from standard input or a file."""
    given = {"display_name": display_name, "max_contacts": max_contacts}
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if not keep_password:
        body["password"] = read_secret(file, "password", as_json=as_json)
    USERS.put(name, body, Where(server=server, application=application, as_json=as_json))


@users.command("list")
def list_users(
    server: ServerOption = None, application: AppOption = None, as_json: JsonOption = False
) -> None:
    """The users of an application."""
    USERS.listing(Where(server=server, application=application, as_json=as_json))


@users.command("delete")
def delete_user(
    name: UserArgument,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a user; its phones are forgotten."""
    USERS.delete(name, Where(server=server, application=application, as_json=as_json))


@numbers.command("set")
def set_number(
    number: NumberArgument,
    scenario: Annotated[str, typer.Option(help="Takes its calls; else the rules decide.")] = "",
    data: Annotated[str, typer.Option("--data", help="Its VoxEngine.customData().")] = "",
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a number is this application's, and what takes calls to it."""
    body = {"scenario": scenario, "custom_data": data}
    NUMBERS.put(number, body, Where(server=server, application=application, as_json=as_json))


@numbers.command("list")
def list_numbers(
    server: ServerOption = None, application: AppOption = None, as_json: JsonOption = False
) -> None:
    """The numbers of an application."""
    NUMBERS.listing(Where(server=server, application=application, as_json=as_json))


@numbers.command("delete")
def delete_number(
    number: NumberArgument,
    server: ServerOption = None,
    application: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a number back."""
    NUMBERS.delete(number, Where(server=server, application=application, as_json=as_json))
