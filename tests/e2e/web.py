"""A web server on loopback that gives out the files of one folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio


@asynccontextmanager
async def web_server(folder: Path) -> AsyncIterator[str]:
    """Its base URL, while the block runs."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = await stream.receive_some()
                if not chunk:
                    return
                head += bytes(chunk)
            file = folder / head.split()[1].decode().strip("/")
            found = file.is_file()
            body = file.read_bytes() if found else b"not here"
            status = "200 OK" if found else "404 Not Found"
            lines = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await stream.send_all(lines.encode() + body)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()
