"""Recordings over HTTP: whole or by range, at the URL that RecordStarted carries."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

import attrs
import trio
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from runtime.control.problem import Problem
from runtime.control.sessions import session_id

MEDIA_TYPES: Final = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
}


@attrs.frozen
class Recordings:
    find: Callable[[str, int], Path | None]

    async def one(self, request: Request) -> Response:
        session = session_id(request)
        number = int(request.path_params["number"])
        found = await trio.to_thread.run_sync(self.find, session, number)
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, f"session {session} has no recording number {number}"
            )
        return FileResponse(found, media_type=MEDIA_TYPES[found.suffix])
