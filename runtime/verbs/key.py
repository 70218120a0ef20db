"""`callstage key`: the key that seals what is stored, while no runtime uses the data folder."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from runtime.config import Config
from runtime.store import Database, StoreError
from runtime.store.key_file import FILE, add_key, read_ring
from runtime.store.sealing import KeyFault, KeyRing, new_key
from runtime.store.vault import forget

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def new(*, as_json: bool) -> None:
    """Print a key, for a file or a variable of the operator."""
    key = new_key()
    typer.echo(json.dumps({"key": key.text, "id": key.id.hex()}) if as_json else key.text)


def rotate(config: Config, *, as_json: bool) -> None:
    """Put a new key first. Raises KeyFault."""
    if config.data.key:
        raise KeyFault(
            "the key comes from [data] key or key_env: put a new one there, as the first line "
            "before the old one (callstage key new)"
        )
    file = config.data.key_file or config.data.dir / FILE
    key = add_key(file)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "id": key.id.hex()}))
    else:
        typer.echo(f"{file} has a new first key; at the next start everything is sealed with it,")
        typer.echo("and then the other keys can be taken out of the file")


def give_up(config: Config, *, as_json: bool) -> None:
    """Delete what no key opens. Raises KeyFault, StoreError."""
    ring = _ring(config)
    store = Database.open(config.data.dir)
    try:
        gone = store.write_sync(lambda connection: forget(connection, ring))
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps({"deleted": gone}))
    else:
        listed = ", ".join(f"{count} {kind}s" for kind, count in gone.items())
        typer.echo(f"deleted, since no key opens them: {listed}")


def _ring(config: Config) -> KeyRing | None:
    if config.data.key:
        return KeyRing.parse(config.data.key, "[data] key")
    try:
        return read_ring(config.data.key_file or config.data.dir / FILE)
    except FileNotFoundError:
        return None


FAULTS = (KeyFault, StoreError)
