"""Trunks as a running runtime reports them in `/healthz`, for `callstage doctor`."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from runtime.config import Config
from runtime.config.http import parse_http_address

ANSWER_S: Final = 2.0
"""For a runtime on this machine; a doctor does not wait for what is not there."""
MAX_BYTES: Final = 1024 * 1024
"""Of its answer: a hundred trunks have some 40 KiB."""


def running_trunks(config: Config) -> list[dict[str, Any]] | None:
    """What the runtime at `[http] listen` says of its trunks; None when nobody answers there."""
    host, port = parse_http_address(config.http.listen)
    if not port:
        return None
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        found = json.loads(connection.getresponse().read(MAX_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    trunks = found.get("trunks") if isinstance(found, dict) else None
    return trunks if isinstance(trunks, list) else None


def show_trunks(console: Console, config: Config, running: list[dict[str, Any]] | None) -> None:
    """A table of the configured trunks, with their state where a runtime runs."""
    if not config.trunk:
        console.print("trunks: none; only loopback can be called", markup=False)
        return
    live = {str(trunk.get("name")): trunk for trunk in running or ()}
    table = Table("trunk", "uri", "calls", "state", "registration")
    for trunk in config.trunk:
        seen = live.get(trunk.name, {})
        table.add_row(
            trunk.name, trunk.uri, trunk.calls, _state(seen), _registration(seen, trunk.register)
        )
    console.print(table)
    if running is None:
        text = f"no runtime answers at {config.http.listen}: the state of trunks is not known"
        console.print(text, markup=False)


def _state(seen: dict[str, Any]) -> str:
    state, latency = str(seen.get("state", "")), seen.get("latency_ms")
    return f"{state}, {latency} ms" if latency is not None else state


def _registration(seen: dict[str, Any], wanted: object) -> str:
    found = seen.get("registration")
    if not isinstance(found, dict):
        return "wanted" if wanted is not None else ""
    return ": ".join(str(part) for part in (found.get("state"), found.get("reason")) if part)
