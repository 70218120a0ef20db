"""A small web server for tests: each path answers what the test put there."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import attrs
import trio

from tests.net.certificate import CERTIFICATE, KEY


@attrs.frozen
class Answer:
    """What a path answers; `raw` is sent as it is and the connection then kept open."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    before: trio.Event | None = None
    """Answered once this is set."""
    first: int | None = None
    """Octets of the body that are sent at once; the rest only when `rest` is set."""
    rest: trio.Event | None = None
    cut: bool = False
    """Whether the connection ends instead of the rest."""

    def to_bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} X", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if "Transfer-Encoding" not in dict(self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@attrs.define
class Web:
    """Serves `pages` on 127.0.0.1 and keeps the requests (head and body) it got."""

    pages: dict[str, Answer] = attrs.field(factory=dict)
    requests: list[bytes] = attrs.field(factory=list)
    port: int = 0
    tls: bool = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, stream: trio.abc.Stream) -> None:
        try:
            if self.tls:
                stream = trio.SSLStream(stream, server_context(), server_side=True)
            await self._answer(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _answer(self, stream: trio.abc.Stream) -> None:
        request = await self._read(stream)
        if not request:
            return
        self.requests.append(request)
        path = request.split(b" ", 2)[1].decode()
        answer = self.pages.get(path, Answer(status=404))
        if answer.before is not None:
            await answer.before.wait()
        await self._send(stream, answer)
        if answer.raw is not None:
            await trio.sleep_forever()

    async def _send(self, stream: trio.abc.Stream, answer: Answer) -> None:
        whole = answer.to_bytes()
        if answer.first is None:
            await stream.send_all(whole)
            return
        begin = len(whole) - len(answer.body) + answer.first
        await stream.send_all(whole[:begin])
        if answer.rest is not None:
            await answer.rest.wait()
        if not answer.cut:
            await stream.send_all(whole[begin:])

    async def _read(self, stream: trio.abc.Stream) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = bytes(await stream.receive_some())
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(body) < length:
            body += bytes(await stream.receive_some())
        return head + b"\r\n\r\n" + body


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.write_text(CERTIFICATE + KEY)
        context.load_cert_chain(file)
    return context


def client_context() -> ssl.SSLContext:
    """Trusts the test certificate and nothing else."""
    return ssl.create_default_context(cadata=CERTIFICATE)
