"""What is kept for an application by name (secrets, users, numbers): set, listed, deleted alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from rich.console import Console

from runtime.verbs import remote_tables as tables
from runtime.verbs.asking import asking, show


@attrs.frozen(kw_only=True)
class Where:
    """What the options of a verb say."""

    server: str | None
    application: str | None
    as_json: bool


@attrs.frozen(kw_only=True)
class Kept:
    """One kind of it."""

    kind: str
    """In the path, and in the answer that lists it."""
    key: str
    """What one of it is called by."""
    columns: tuple[str, ...]
    row: Callable[[Mapping[str, Any]], tuple[object, ...]]

    def put(self, name: str, body: Mapping[str, Any], where: Where) -> None:
        with asking(where.server, where.application, as_json=where.as_json) as (client, _):
            found = client.put(client.app_path(self.kind, name), body)
            show(found, where.as_json, lambda c: c.print(tables.plain(f"{name} is set")))

    def listing(self, where: Where) -> None:
        with asking(where.server, where.application, as_json=where.as_json) as (client, _):
            found = client.get(client.app_path(self.kind))
            show(found, where.as_json, lambda c: self._draw(c, found))

    def delete(self, name: str, where: Where) -> None:
        with asking(where.server, where.application, as_json=where.as_json) as (client, _):
            client.delete(client.app_path(self.kind, name))
            told = {"ok": True, self.key: name}
            show(told, where.as_json, lambda c: c.print(tables.plain(f"{name} is gone")))

    def _draw(self, console: Console, found: Mapping[str, Any]) -> None:
        tables.table(console, self.columns, [self.row(each) for each in found[self.kind]])
