"""Commands that meet a server which is no runtime, or one of another version, and what they say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner, Result

from runtime.cli import app

pytestmark = pytest.mark.loopback


class Stranger(BaseHTTPRequestHandler):
    """Says the same to everybody, whatever is asked for."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        status, kind, body = self.server.said  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: ThreadingHTTPServer, *words: str, **environment: str) -> Result:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    return CliRunner().invoke(
        app, list(words), env={"CALLSTAGE_SERVER": url, "CALLSTAGE_TOKEN": "", **environment}
    )


VERBS = (
    ("sessions",),
    ("history",),
    ("rules",),
    ("rules", "--explain", "100"),
    ("start", "ivr"),
    ("recordings", "list"),
    ("secrets", "list"),
    ("users", "list"),
    ("numbers", "list"),
)


@pytest.mark.parametrize("words", [*VERBS, ("tail",), ("tail", "s1")])
def test_a_page_of_something_else_is_no_answer(
    server: ThreadingHTTPServer, words: tuple[str, ...]
) -> None:
    server.said = 200, "text/html", b"<html>Welcome</html>"  # type: ignore[attr-defined]
    result = ask(server, *words)
    assert result.exit_code == 1
    assert "is a Callstage runtime there?" in result.stderr


@pytest.mark.parametrize("words", VERBS)
@pytest.mark.parametrize("body", [b"{}", b'{"sessions": [{}], "secrets": 1, "why": 1}'])
def test_an_answer_of_another_version_is_told_as_such(
    server: ThreadingHTTPServer, words: tuple[str, ...], body: bytes
) -> None:
    server.said = 200, "application/json", body  # type: ignore[attr-defined]
    result = ask(server, *words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    shown = ask(server, *words, "--json")
    assert isinstance(shown.exception, SystemExit | None)
    assert shown.stdout.strip() == body.decode()


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"errors": [1, null], "detail": 5}', b"<html>"])
def test_a_refusal_in_other_words_is_told(server: ThreadingHTTPServer, body: bytes) -> None:
    server.said = 502, "text/html", body  # type: ignore[attr-defined]
    result = ask(server, "sessions")
    assert result.exit_code == 1
    assert "callstage: 502: " in result.stderr


@pytest.mark.parametrize("token", ["t\u00fcr", "a\nb"])
def test_what_can_be_no_token_is_not_sent(server: ThreadingHTTPServer, token: str) -> None:
    result = ask(server, "sessions", CALLSTAGE_TOKEN=token)
    assert result.exit_code == 1
    assert "the token is none" in result.stderr


@pytest.mark.parametrize("url", ["http://[::1", "http://a:b", "http://\u2603\x00"])
def test_what_can_be_no_url_is_told(server: ThreadingHTTPServer, url: str) -> None:
    result = ask(server, "sessions", "--server", url)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("callstage: ")


def test_a_value_that_is_no_text_is_told(server: ThreadingHTTPServer) -> None:
    result = CliRunner().invoke(
        app, ["secrets", "set", "key", "--host", "a.example"], input=b"\xff\xfe"
    )
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_ids_are_whole_where_the_answer_is_piped_on(server: ThreadingHTTPServer) -> None:
    session = (
        b'{"id": "0123456789abcdef", "application": "an-application-of-some-length", "scenario": '
        b'"a-scenario-of-some-length", "version": "1", "state": "running", "duration_s": 1.0, '
        b'"legs": [{"callerid": "+442079460001", "number": "+442079460999", "state": "CONNECTED"}]}'
    )
    body = b'{"sessions": [' + session + b"]}"
    server.said = 200, "application/json", body  # type: ignore[attr-defined]
    line = next(line for line in ask(server, "sessions").stdout.splitlines() if "CONNEC" in line)
    for whole in ("0123456789abcdef", "an-application-of-some-length", "+442079460999"):
        assert whole in line
