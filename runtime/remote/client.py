"""The HTTP interface from the other side: asks for the command line, and tells refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import attrs
import httpx

CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
"""A scenario is checked in some seconds on a busy machine."""
SILENCE_S: Final = 45.0
"""Of a stream, which shows every 15 s that it is still there."""
MAX_ANSWER: Final = 32 * 1024 * 1024
"""Bytes of one answer; a page of history is far smaller."""
MAX_TOKEN_FILE: Final = 4_096
TOKEN_FROM: Final = "the token comes from CALLSTAGE_TOKEN or [project] token_file"
SERVER_FROM: Final = "--server, CALLSTAGE_SERVER, or [project] server"
EVENTS: Final = "text/event-stream"
JSON_LINES: Final = "application/jsonl"


class RemoteError(Exception):
    """What the server refused or did not answer; `faults` lists all it found."""

    def __init__(self, what: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.faults = faults


@attrs.frozen(kw_only=True)
class Server:
    """Where to ask, and with which right."""

    url: str
    token: str = attrs.field(default="", repr=False)
    application: str = "default"


def read_token(file: Path) -> str:
    """Raises RemoteError."""
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_TOKEN_FILE).decode().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise RemoteError(f"the token file {file} cannot be read: {exc}") from exc


class Client:
    """One connection for some requests. A token is sent to this server alone, by no proxy."""

    def __init__(self, server: Server) -> None:
        """Raises RemoteError for what can be no address, or no token."""
        self.server = server
        if not (server.token.isascii() and server.token.isprintable()):
            raise RemoteError(f"the token is none: it is one line of ASCII; {TOKEN_FROM}")
        headers = {"authorization": f"Bearer {server.token}"} if server.token else {}
        try:
            self._http = httpx.Client(
                base_url=f"{server.url}/api/v1/",
                headers=headers,
                trust_env=False,
                timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            )
        except httpx.InvalidURL as exc:
            raise RemoteError(f"{server.url!r} is no URL of a server: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def app_path(self, *parts: str) -> str:
        """A path of the application."""
        return "/".join(["applications", *(quote(p, safe="") for p in (self._app, *parts))])

    @property
    def _app(self) -> str:
        return self.server.application

    def get(self, path: str, **query: str) -> Any:
        return self._ask("GET", path, params={k: v for k, v in query.items() if v})

    def put(self, path: str, body: Any, **query: str) -> Any:
        return self._ask("PUT", path, json=body, params=query)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def put_file(self, path: str, content: Iterator[bytes], size: int) -> None:
        self._ask("PUT", path, content=content, headers={"content-length": str(size)})

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        with self._faults(), self._http.stream(method, path, **options) as answer:
            read = b""
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > MAX_ANSWER:
                    raise RemoteError(f"{self.server.url} answers more than {MAX_ANSWER} bytes")
        return self._content(answer, read)

    def pieces(self, path: str) -> Iterator[tuple[bytes, int | None]]:
        """The bytes of a file as they come, each with the size of the whole."""
        with self._faults(), self._http.stream("GET", path) as answer:
            if answer.is_error:
                self._content(answer, answer.read())
            length = answer.headers.get("content-length", "")
            for piece in answer.iter_bytes():
                yield piece, int(length) if length.isdigit() else None

    @contextmanager
    def lines(self, path: str, *, events: bool = False, **query: str) -> Iterator[Iterator[str]]:
        """A stream, line by line, as it comes; of server-sent events with `events`."""
        timeout = httpx.Timeout(SILENCE_S if events else None, connect=CONNECT_S)
        headers = {"accept": EVENTS} if events else {}
        asked = self._http.stream("GET", path, params=query, timeout=timeout, headers=headers)
        with self._faults(), asked as answer:
            if answer.is_error:
                self._content(answer, answer.read())
            kind = answer.headers.get("content-type", "").partition(";")[0]
            if kind != (EVENTS if events else JSON_LINES):
                raise self._stranger(f"{kind or 'something'} where events were expected")
            yield answer.iter_lines()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as exc:
            raise RemoteError(
                f"nothing answers at {self.server.url} ({exc}); is the runtime there? Another "
                f"server: {SERVER_FROM}"
            ) from exc
        except httpx.HTTPError as exc:
            raise RemoteError(f"{self.server.url}: {type(exc).__name__}: {exc}") from exc

    def _content(self, answer: httpx.Response, read: bytes) -> Any:
        """Of an answer; None of one without any. Raises RemoteError."""
        try:
            found = json.loads(read) if read else None
        except (ValueError, RecursionError):
            found = None
        if not answer.is_error:
            if read and not isinstance(found, dict):
                raise self._stranger("no JSON object")
            return found
        problem: Mapping[str, Any] = found if isinstance(found, dict) else {}
        detail = str(problem.get("detail", answer.reason_phrase))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            detail += f"; {TOKEN_FROM}"
        errors = problem.get("errors", [])
        listed = errors if isinstance(errors, list) else []
        faults = tuple(
            f"{each.get('field')}: {each.get('detail')}"
            for each in listed
            if isinstance(each, dict)
        )
        if "code" in problem:
            detail += f" ({problem['code']})"
        raise RemoteError(f"{answer.status_code}: {detail}", faults)

    def _stranger(self, what: str) -> RemoteError:
        return RemoteError(
            f"{self.server.url} answers {what}: is a Callstage runtime there? Another server: "
            f"{SERVER_FROM}"
        )
