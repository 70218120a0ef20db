"""What a script may ask of the world: HTTP requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.sandbox.commands import RequestHttp
from runtime.session.commands.table import LATER, CommandRefused, Handler
from runtime.session.context import SessionContext
from runtime.session.http import HttpRefused


def request(session: SessionContext, command: RequestHttp, req: int) -> bool:
    try:
        session.http.request(command, req)
    except HttpRefused as exc:
        raise CommandRefused(exc.kind, str(exc)) from exc
    return LATER


HTTP_COMMANDS: Final[Mapping[str, Handler]] = {RequestHttp.op: request}
