"""A file as an answer: whole, or the range that was asked for, of the size that it had then.

A recording may grow while it is sent; what comes after the promised length is not sent.
"""

from __future__ import annotations

import os
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path

import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runtime.control.growing import part_of
from runtime.control.problem import Problem
from runtime.control.ranges import Slice, Unsatisfiable, read_range
from runtime.decisions.problems import Http


async def file_answer(request: Request, path: Path, media_type: str) -> Response:
    """200, 206 or 304; the head alone is always that of the whole (RFC 9110 14.2). Raises Problem:
    416, or 404 when it has just gone."""
    try:
        status = await trio.to_thread.run_sync(os.stat, path)
    except FileNotFoundError:
        raise Problem(Http.NO_RECORDING, "it was deleted just now") from None
    size, changed = status.st_size, formatdate(status.st_mtime, usegmt=True)
    tag = f'"{status.st_mtime_ns:x}-{size:x}"'
    headers = {"accept-ranges": "bytes", "etag": tag, "last-modified": changed}
    known = request.headers.get("if-none-match", "")
    if tag in known or known.strip() == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    part = _part(request, size, tag, changed) if request.method == "GET" else None
    sent, code = Slice(0, size), HTTPStatus.OK
    if part is not None:
        sent, code = part, HTTPStatus.PARTIAL_CONTENT
        headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{size}"
    headers["content-length"] = str(sent.length)
    if request.method == "HEAD":
        return Response(status_code=code, headers=headers, media_type=media_type)
    return StreamingResponse(part_of(path, sent.start, sent.length), code, headers, media_type)


def _part(request: Request, size: int, tag: str, changed: str) -> Slice | None:
    wanted = request.headers.get("range")
    unless = request.headers.get("if-range")
    if wanted is None or (unless is not None and unless not in (tag, changed)):
        return None
    try:
        return read_range(wanted, size)
    except Unsatisfiable:
        raise Problem(
            Http.NO_SUCH_RANGE,
            f"there are {size} bytes; {wanted[:60]!r} asks for none of them",
            headers={"content-range": f"bytes */{size}"},
        ) from None
