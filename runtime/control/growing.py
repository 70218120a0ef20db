"""Files that may still be written while they are sent: as long as they are now, and no longer.

A response says its length before its body; one octet more than that breaks the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import trio
from starlette.responses import StreamingResponse

CHUNK_BYTES: Final = 64 * 1024
"""Read at once: a large file does not have to fit into memory."""


async def file_so_far(file: Path, media_type: str) -> StreamingResponse:
    """What the file holds at this moment. Raises FileNotFoundError."""
    size = (await trio.to_thread.run_sync(file.stat)).st_size
    headers = {"Content-Length": str(size)}
    return StreamingResponse(part_of(file, 0, size), media_type=media_type, headers=headers)


async def part_of(file: Path, start: int, size: int) -> AsyncIterator[bytes]:
    """`size` bytes from `start` on, however long the file has become; less if it became shorter,
    which ends the connection."""
    async with await trio.open_file(file, "rb") as source:
        await source.seek(start)
        while size > 0:
            chunk = await source.read(min(size, CHUNK_BYTES))
            if not chunk:
                return
            size -= len(chunk)
            yield chunk
