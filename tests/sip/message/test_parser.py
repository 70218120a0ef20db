"""Datagrams to messages: lines, folds, bodies, limits, and what an error can still tell."""

from __future__ import annotations

import pytest

from sip.message import Headers, MessageError, Request, Response, parse_datagram
from sip.message.limits import MAX_DATAGRAM_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_URI_CHARS
from tests.sip.message.wire import options, parse_request, wire


def refused(data: bytes) -> MessageError:
    with pytest.raises(MessageError) as caught:
        parse_datagram(data)
    return caught.value


def test_a_request() -> None:
    request = parse_request(wire("Via: x", start="INVITE sip:b@h SIP/2.0", body="hello"))
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:b@h", b"hello")
    assert list(request.headers) == [("Via", "x")]
    assert str(request) == "INVITE sip:b@h"


def test_a_response() -> None:
    response = parse_datagram(wire("Via: x", start="SIP/2.0 486 Busy Here"))
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (486, "Busy Here")
    assert str(response) == "486 Busy Here"


def test_a_response_without_reason_or_space() -> None:
    response = parse_datagram(wire("Via: x", start="sip/2.0 200"))
    assert isinstance(response, Response)
    assert response.reason == ""


def test_folded_lines_are_joined_by_one_space() -> None:
    request = parse_request(wire("Subject: one", " two", "\t\t three ", "X:", " y"))
    assert list(request.headers) == [("Subject", "one two three"), ("X", "y")]


def test_space_before_the_colon_is_allowed() -> None:
    assert list(parse_request(wire("Subject \t: x")).headers) == [("Subject", "x")]


def test_a_bare_lf_ends_a_line() -> None:
    request = parse_request(b"OPTIONS sip:h SIP/2.0\nSubject: a\n b\nX: c\r\n\nbody")
    assert list(request.headers) == [("Subject", "a b"), ("X", "c")]
    assert request.body == b"body"


def test_line_ends_before_the_start_line_are_skipped() -> None:
    assert parse_request(b"\r\n\r\n\n" + wire("X: 1")).headers.get("X") == "1"


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    data = options().replace(b"Max-Forwards: 70", b"Subject: caf\xe9\r\nX: \xc3\xa9")
    request = parse_request(data)
    assert request.headers.get("X") == "é"
    assert b"Subject: caf\xe9\r\n" in request.to_bytes()


def test_the_body_ends_where_content_length_says() -> None:
    assert parse_datagram(wire("Content-Length: 2", body="123456")).body == b"12"
    assert parse_datagram(wire("l:0", body="123456")).body == b""


def test_without_content_length_the_body_is_the_rest_of_the_datagram() -> None:
    assert parse_datagram(wire("X: y", body="123\r\n\r\n456")).body == b"123\r\n\r\n456"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: 7",), 400),
        (("Content-Length: -1",), 400),
        (("Content-Length: 1.5",), 400),
        (("Content-Length:",), 400),
        (("Content-Length: 1, 2",), 400),
        (("Content-Length: 1", "l: 1"), 400),
        (("Content-Length: 99999999999999999999",), 413),
        (("Content-Length: " + "9" * 9000,), 413),
    ],
)
def test_a_content_length_that_cannot_be_true_is_refused(
    lines: tuple[str, ...], status: int
) -> None:
    assert refused(options(*lines, body="abc")).status == status


@pytest.mark.parametrize(
    "start",
    [
        "",
        "OPTIONS",
        "OPTIONS sip:h",
        "GET / HTTP/1.1",
        "SIP/2.0",
        "SIP/2.0 20 OK",
        "SIP/2.0 2000 OK",
        "SIP/2.0 099 x",
        "SIP/2.0 700 x",
        "SIP/2.0 \uff12\uff10\uff10 x",
        "OP(TIONS sip:h SIP/2.0",
        " OPTIONS sip:h SIP/2.0",
    ],
)
def test_what_is_no_start_line_leaves_nothing_to_answer(start: str) -> None:
    error = refused(wire("Via: x", start=start))
    assert error.status == 400
    assert error.message is None


@pytest.mark.parametrize(
    "start",
    [
        "OPTIONS  sip:h SIP/2.0",
        "OPTIONS sip:h SIP/2.0 ",
        "OPTIONS sip:h; lr SIP/2.0",
        "OPTIONS SIP/2.0",
    ],
)
def test_a_start_line_with_odd_spaces_is_answered_400(start: str) -> None:
    error = refused(wire("Call-ID: x", start=start))
    assert error.status == 400
    assert isinstance(error.message, Request)
    assert error.message.method == "OPTIONS"
    assert error.message.call_id == "x"


def test_another_version_is_answered_505() -> None:
    assert refused(wire("Via: x", start="OPTIONS sip:h SIP/3.0")).status == 505
    assert refused(wire("Via: x", start="SIP/1.0 200 OK")).status == 505


def test_the_version_has_no_case() -> None:
    assert parse_request(wire("X: y", start="OPTIONS sip:h sip/2.0")).method == "OPTIONS"


@pytest.mark.parametrize("line", ["nonsense", "Via", ": x", "Sub ject: x", "Süß: x", "A\x0bB: c"])
def test_a_line_that_is_no_header_is_refused_and_the_others_are_read(line: str) -> None:
    error = refused(options(line, "X-After: 1"))
    assert error.status == 400
    assert error.message is not None
    assert error.message.call_id == "x@y"
    assert error.message.headers.get("X-After") == "1"


@pytest.mark.parametrize("value", ["a\rb", "a\x00b", '"\\\\"\x00'])
def test_control_characters_that_break_lines_are_refused(value: str) -> None:
    error = refused(options(f"Subject: {value}"))
    assert error.status == 400
    assert error.message is not None
    error.message.to_bytes()


def test_headers_without_an_end_are_refused() -> None:
    error = refused(b"OPTIONS sip:h SIP/2.0\r\nCall-ID: x\r\n")
    assert (error.status, error.reason) == (400, "no empty line ends the headers")
    assert error.message is not None
    assert error.message.call_id == "x"


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x00", b"\xff" * 100, b"jaK"])
def test_noise_and_keep_alives_are_refused(data: bytes) -> None:
    assert refused(data).message is None


def test_the_limits() -> None:
    assert refused(b"x" * (MAX_DATAGRAM_BYTES + 1)).status == 513
    assert refused(options(*["X: y"] * MAX_HEADERS)).status == 513
    assert refused(options("X: " + "y" * MAX_HEADER_BYTES)).status == 513
    long = "OPTIONS sip:" + "h" * MAX_URI_CHARS + " SIP/2.0"
    error = refused(wire("Call-ID: x", start=long))
    assert error.status == 414
    assert error.message is not None
    assert error.message.call_id == "x"


def test_an_error_says_status_and_reason() -> None:
    error = refused(options("Content-Length: 7"))
    assert str(error) == "400 Content-Length is 7, the datagram holds 0"
    assert isinstance(error, ValueError)


def test_what_is_written_has_the_right_content_length() -> None:
    request = Request("INFO", "sip:h", Headers([("l", "999"), ("X", "y")]), b"12345")
    assert request.to_bytes() == (b"INFO sip:h SIP/2.0\r\nX: y\r\nContent-Length: 5\r\n\r\n12345")
    assert Response(200, "OK").to_bytes() == b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "message",
    [
        Request("IN FO", "sip:h"),
        Request("INFO\r\nX:", "sip:h"),
        Request("INFO", "sip:h\r\nEvil: 1"),
        Response(200, "OK\r\nEvil: 1"),
        Response(99, "x"),
        Response(700, "x"),
    ],
)
def test_a_start_line_that_would_break_is_not_written(message: Request | Response) -> None:
    with pytest.raises(ValueError):
        message.to_bytes()
