"""Finding the session description in a body, whatever is wrapped around it."""

from __future__ import annotations

import pytest

from sip.dialog import sdp_of
from sip.message import Headers, MessageError, Request

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


def message(body: bytes, **headers: str) -> Request:
    lines = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return Request("INVITE", "sip:x", lines, body)


def multipart(*parts: bytes) -> bytes:
    joined = b"".join(b"--b1\r\n" + part + b"\r\n" for part in parts)
    return b"preamble\r\n" + joined + b"--b1--\r\n"


TEXT = b"Content-Type: text/plain\r\n\r\nhello"
ISUP = b"Content-Type: application/isup;version=x\r\nContent-Disposition: signal\r\n\r\n\x01\x00"
PART = b"Content-Type: application/sdp; x=y\r\nContent-ID: <1>\r\n\r\n" + SDP


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (message(b""), None),
        (message(b"", Content_Type="text/plain"), None),
        (message(SDP, Content_Type="application/sdp"), SDP),
        (message(SDP, Content_Type="Application/SDP; charset=utf-8"), SDP),
        (message(SDP), SDP),
        (message(SDP, Content_Type="application/sdp", Content_Encoding="identity"), SDP),
        (
            message(multipart(ISUP, PART), Content_Type='multipart/mixed;boundary="b1"'),
            SDP,
        ),
        (message(multipart(PART), Content_Type="multipart/alternative; boundary=b1"), SDP),
        (
            message(b"x", Content_Type="text/plain", Content_Disposition="x;handling=optional"),
            None,
        ),
    ],
)
def test_what_is_found(request_: Request, found: bytes | None) -> None:
    assert sdp_of(request_) == found


@pytest.mark.parametrize(
    "request_",
    [
        message(b"x"),
        message(b"x", Content_Type="text/plain"),
        message(b"x", Content_Type="text/plain", Content_Disposition="session"),
        message(b"x", Content_Type="text/plain", Content_Disposition='x;"'),
        message(SDP, Content_Type="application/sdp", Content_Encoding="gzip"),
        message(multipart(TEXT), Content_Type="multipart/mixed;boundary=b1"),
        message(multipart(PART), Content_Type="multipart/mixed"),
        message(multipart(PART), Content_Type="multipart/mixed;boundary=other"),
        message(multipart(*[TEXT] * 40, PART), Content_Type="multipart/mixed;boundary=b1"),
    ],
)
def test_what_is_refused_with_415(request_: Request) -> None:
    with pytest.raises(MessageError) as error:
        sdp_of(request_)
    assert error.value.status == 415
