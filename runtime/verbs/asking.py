"""Where a verb asks, with which right, and how it tells the answer or what is wrong.

Where: --server, CALLSTAGE_SERVER, or [project] of the folder's callstage.toml. With which right:
CALLSTAGE_TOKEN, or [project] token_file. Exit code 1 when the server refuses, 2 for bad usage; with
--json what is wrong is an object on standard output, too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

from runtime.config import Config, ConfigError, load_config
from runtime.config.secret_sources import SourceFault, from_file
from runtime.decisions.secrets import MAX_VALUE
from runtime.remote import Client, RemoteError, Server
from runtime.remote.client import read_token
from runtime.remote.project import ProjectFault
from runtime.sandbox.bundle import BundleError
from runtime.session.rules import DEFAULT_APPLICATION
from runtime.verbs import remote_tables as tables

PROJECT_FILE: Final = "callstage.toml"
PIPED_WIDTH: Final = 500
"""Columns: seven cells of the longest (remote_tables.py)."""

ServerOption = Annotated[
    str | None,
    typer.Option("--server", envvar="CALLSTAGE_SERVER", help="URL of the HTTP interface."),
]
AppOption = Annotated[
    str | None, typer.Option("--application", "-a", help="Whose; else that of the project.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]


@contextmanager
def asking(
    server: str | None,
    application: str | None = None,
    *,
    folder: Path = Path(),
    as_json: bool = False,
) -> Iterator[tuple[Client, Config]]:
    """A client for what the options and the project in `folder` say, and the project's settings.

    What goes wrong is told in sentences, or as an object; Ctrl-C is how `tail` ends.
    """
    try:
        config = _config(folder)
        with _client(config, folder, server, application) as client:
            yield client, config
    except RemoteError as exc:
        fail(1, str(exc), exc.faults, as_json=as_json)
    except ConfigError as exc:
        fail(2, "the configuration cannot be used", list(map(str, exc.faults)), as_json=as_json)
    except BundleError as exc:
        fail(2, "a scenario cannot be used", exc.faults, as_json=as_json)
    except ProjectFault as exc:
        fail(2, str(exc), as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _config(folder: Path) -> Config:
    file = folder / PROJECT_FILE
    return load_config(file if file.is_file() else None)


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


def read_secret(file: Path | None, what: str, *, as_json: bool) -> str:
    """From a file, a person, or standard input; never from the command line, which others see."""
    if file is not None:
        try:
            return from_file(file, "--file")
        except SourceFault as exc:
            fail(2, str(exc), as_json=as_json)
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True))
    try:
        given = sys.stdin.buffer.read(2 * MAX_VALUE).decode()
    except UnicodeDecodeError:
        fail(2, f"the {what} on standard input is not UTF-8 text", as_json=as_json)
    return given.removesuffix("\n").removesuffix("\r")


def show(found: Any, as_json: bool, in_words: Callable[[Console], object]) -> None:
    """The answer as it came, or as people read it. Raises RemoteError for one that lacks what this
    version looks for."""
    if as_json:
        typer.echo(json.dumps(found))
        return
    try:
        in_words(terminal())
    except (KeyError, TypeError, AttributeError) as exc:
        raise RemoteError(
            f"the answer lacks what this version looks for ({exc}): is the server of another one? "
            "--json shows it as it came"
        ) from exc


def terminal() -> Console:
    """Standard output; as wide as needed where nobody looks at it, so that what is piped on can be
    searched and cut into words."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def quiet(as_json: bool) -> bool:
    """Whether nobody watches how far it is."""
    return as_json or not sys.stderr.isatty()


def fail(code: int, what: str, faults: Sequence[str] = (), *, as_json: bool = False) -> NoReturn:
    """Tell everything that is wrong and leave."""
    if as_json:
        typer.echo(json.dumps({"ok": False, "error": what, "faults": list(faults)}))
    for line in (what, *faults):
        typer.echo(f"callstage: {tables.safe(line)}", err=True)
    raise typer.Exit(code)
