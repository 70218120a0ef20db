"""`callstage recordings`: listed, fetched into a file, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import DownloadColumn, Progress

from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import JsonOption, ServerOption, asking, fail, quiet, show

app = typer.Typer(help="What was recorded.", no_args_is_help=True)
SessionArgument = Annotated[str, typer.Argument(metavar="SESSION")]
NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", min=1)]


@app.command("list")
def list_(
    server: ServerOption = None,
    session: Annotated[str, typer.Option(help="Of this one.")] = "",
    since: Annotated[str, typer.Option(help="Finished at or after: 2026-05-01T08:00.")] = "",
    until: Annotated[str, typer.Option(help="Finished before.")] = "",
    after: Annotated[str, typer.Option(help="`next` of the page before.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Recordings.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Recordings, newest first."""
    with asking(server, as_json=as_json) as (client, _):
        if session:
            found = client.get(f"sessions/{tables.path_part(session)}/recordings")
        else:
            query = {"since": since, "until": until, "after": after, "limit": str(limit)}
            found = client.get("recordings", **query)
        show(found, as_json, lambda c: _show(c, found["recordings"]))


@app.command()
def get(
    session: SessionArgument,
    number: NumberArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")],
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a recording into a file that is not there yet."""
    with asking(server, as_json=as_json) as (client, _):
        progress = Progress(
            *Progress.get_default_columns(),
            DownloadColumn(),
            console=Console(stderr=True),
            disable=quiet(as_json),
        )
        with new_file(output, as_json=as_json) as file, progress:
            task = progress.add_task(output.name, total=None)
            for piece, total in client.pieces(_path(session, number)):
                file.write(piece)
                progress.update(task, advance=len(piece), total=total)
        told = {"ok": True, "file": str(output), "size_bytes": output.stat().st_size}
        show(told, as_json, lambda c: c.print(tables.plain(f"{output} is written")))


@contextmanager
def new_file(path: Path, *, as_json: bool) -> Iterator[BinaryIO]:
    """A file that was not there before, and is not there afterwards unless all of it was written.
    Ends the command when it cannot be."""
    try:
        file = path.open("xb")
    except OSError as exc:
        fail(2, f"{path} cannot be written: {exc.strerror}", as_json=as_json)
    try:
        with file:
            yield file
    except BaseException as exc:
        path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            fail(2, f"{path} cannot be written: {exc.strerror}", as_json=as_json)
        raise


@app.command()
def delete(
    session: SessionArgument,
    number: NumberArgument,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a recording for good; not while its session lives."""
    with asking(server, as_json=as_json) as (client, _):
        client.delete(_path(session, number))
        told = {"ok": True, "session_id": session, "number": number}
        show(told, as_json, lambda c: c.print(tables.plain(f"{session}/{number} is gone")))


def _path(session: str, number: int) -> str:
    return f"sessions/{tables.path_part(session)}/recordings/{number}"


def _show(console: Console, found: list[dict[str, Any]]) -> None:
    rows = [
        (
            tables.moment(r["finished_at"]),
            r["session_id"],
            r["number"],
            tables.seconds(r["duration_s"]),
            f"{r['size_bytes']:,}",
        )
        for r in found
    ]
    tables.table(console, ("finished", "session", "number", "lasts", "bytes"), rows)
