"""Files that are written while they are sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.types import Message

from runtime.control.growing import CHUNK_BYTES, file_so_far

SCOPE = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}


async def never() -> Message:
    raise AssertionError("nobody leaves")


@pytest.mark.parametrize("size", [0, 10, CHUNK_BYTES + 1])
async def test_a_file_that_grows_while_it_is_sent_is_as_long_as_was_said(
    tmp_path: Path, size: int
) -> None:
    file = tmp_path / "timeline.jsonl"
    file.write_bytes(b"a" * size)
    response = await file_so_far(file, "text/plain")
    length, body = "", b""

    async def send(message: Message) -> None:
        nonlocal length, body
        with file.open("ab") as writer:
            writer.write(b"more")
        if message["type"] == "http.response.start":
            length = dict(message["headers"])[b"content-length"].decode()
        body += message.get("body", b"")

    await response(SCOPE, never, send)
    assert length == str(size)
    assert body == b"a" * size
