"""Bytes to messages: start line, header lines, the body of a datagram (RFC 3261 7, 18.3).

Rules: only what frames a message is judged here (start line, header lines, Content-Length);
the rest is `validate`'s. A fault does not end the reading: the error carries all that could
be read, so that the 400 finds its way back. Time is linear in the size of the input.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from .error import MessageError
from .headers import KEYS, Headers
from .limits import (
    MAX_BODY_BYTES,
    MAX_DATAGRAM_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_URI_CHARS,
)
from .message import Message, Request, Response
from .scan import LWS, is_token, parse_number

HEAD_END: Final = re.compile(rb"\n\r?\n")
"""The empty line; a bare LF ends a line too, as old gateways write it."""

_FOLD: Final = re.compile(r"\n[ \t]+")
_BARE_NUL: Final = re.compile(r"(?<!\\)\x00")


def parse_datagram(data: bytes) -> Message:
    """Read the one message of a UDP datagram; octets after its Content-Length are ignored.

    Raises MessageError. CRLFs before the start line are skipped (RFC 3261 7.5); a datagram
    of nothing else is a keep-alive and must be recognised before (it is an error here).
    """
    if len(data) > MAX_DATAGRAM_BYTES:
        raise MessageError(513, f"datagram of {len(data)} bytes (limit {MAX_DATAGRAM_BYTES})")
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end = HEAD_END.search(data)
    if end is None:
        head = read_head(data.rstrip(b"\r\n"))
        raise head.fault or MessageError(400, "no empty line ends the headers", head.message)
    head = read_head(data[: end.start()])
    body = data[end.end() :]
    message = head.accept()
    length = head.content_length
    if length is not None and length > len(body):
        raise MessageError(
            400, f"Content-Length is {length}, the datagram holds {len(body)}", message
        )
    # Without Content-Length the body goes to the end of the datagram (RFC 3261 18.3).
    message.body = body if length is None else body[:length]
    return message


@attrs.define(kw_only=True)
class Head:
    """Start line and headers, and the first fault in them."""

    message: Message | None
    """What could be read; None when the start line is that of no message."""
    content_length: int | None
    """None when absent or unusable."""
    fault: MessageError | None
    framing_lost: bool = False
    """Nobody can say where the body of this message ends."""

    def accept(self) -> Message:
        """The message, if it has no fault."""
        if self.fault is not None:
            raise self.fault
        assert self.message is not None, "a head without a fault has a message"
        return self.message


def read_head(data: bytes) -> Head:
    """Read all before the empty line; never raises. The caller has bounded its size."""
    faults: list[MessageError] = []
    lines = _split_lines(data.decode("utf-8", "surrogateescape"), faults)
    headers = _read_headers(lines, faults)
    message = _read_start_line(lines[0], headers, faults)
    length_known = len(faults)
    length = _read_content_length(headers, faults)
    for fault in faults:
        fault.message = message
    return Head(
        message=message,
        content_length=length,
        fault=faults[0] if faults else None,
        framing_lost=len(faults) > length_known,
    )


def _split_lines(text: str, faults: list[MessageError]) -> list[str]:
    """The logical lines: folded ones joined, line ends removed."""
    if text[-1:] == "\r":
        text = text[:-1]
    if "\x00" in text and _BARE_NUL.search(text):
        faults.append(MessageError(400, "NUL outside a quoted pair"))
        text = text.replace("\x00", " ")
    lines = text.split("\r\n")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            faults.append(MessageError(400, "CR without LF"))
            text = text.replace("\r", " ")
        lines = text.split("\n")
    if "\n " in text or "\n\t" in text:
        # RFC 3261 7.3.1: a line that begins with white space continues the one before.
        lines = _FOLD.sub(" ", "\n".join(lines)).split("\n")
    return lines


def _read_headers(lines: list[str], faults: list[MessageError]) -> Headers:
    items: list[tuple[str, str]] = []
    for line in lines[1 : MAX_HEADERS + 1]:
        name, colon, value = line.partition(":")
        if not colon or name not in KEYS:
            name = name.rstrip(LWS)
            if not colon or not is_token(name):
                faults.append(MessageError(400, f"not a header line: {line[:60]!r}"))
                continue
        if len(value) > MAX_HEADER_BYTES:
            reason = f"header {name[:60]} of {len(value)} characters (limit {MAX_HEADER_BYTES})"
            faults.append(MessageError(513, reason))
            continue
        items.append((name, value.strip(LWS)))
    if len(lines) > MAX_HEADERS + 1:
        faults.append(MessageError(513, f"{len(lines) - 1} header lines (limit {MAX_HEADERS})"))
    return Headers.of_checked(items)


def _read_start_line(
    line: str, headers: Headers, faults: list[MessageError]
) -> Request | Response | None:
    if line[:4].upper() == "SIP/":
        return _read_status_line(line, headers, faults)
    parts = line.split(" ")
    method = parts[0]
    if not is_token(method) or not any(part[:4].upper() == "SIP/" for part in parts[1:]):
        # Another protocol, or noise: nothing in it can be answered in SIP.
        faults.insert(0, MessageError(400, f"not a SIP start line: {line[:60]!r}"))
        return None
    version = parts[-1]
    if len(parts) != 3 or version[:4].upper() != "SIP/":
        # RFC 4475 3.1.2.8 to 3.1.2.10: spaces where none may be.
        faults.insert(0, MessageError(400, f"not METHOD URI SIP/2.0: {line[:60]!r}"))
    elif version != "SIP/2.0" and version.upper() != "SIP/2.0":
        reason = f"{version[:20]} is not supported; send SIP/2.0"
        faults.insert(0, MessageError(505, reason))
    elif len(parts[1]) > MAX_URI_CHARS:
        reason = f"Request-URI of {len(parts[1])} characters (limit {MAX_URI_CHARS})"
        faults.insert(0, MessageError(414, reason))
    return Request(method, parts[1][:MAX_URI_CHARS], headers)


def _read_status_line(line: str, headers: Headers, faults: list[MessageError]) -> Response | None:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0":
        faults.insert(0, MessageError(505, f"response of version {version[:20]!r}"))
        return None
    if len(code) != 3 or not (code.isascii() and code.isdigit()) or not "1" <= code[0] <= "6":
        faults.insert(0, MessageError(400, f"status code is not from 100 to 699: {code[:20]!r}"))
        return None
    return Response(int(code), reason, headers)


def _read_content_length(headers: Headers, faults: list[MessageError]) -> int | None:
    lines = headers.lines("Content-Length")
    if not lines:
        return None
    if len(lines) > 1:
        # RFC 4475 3.3.9: there is no way to tell which one is meant.
        faults.append(MessageError(400, "more than one Content-Length"))
        return None
    try:
        return parse_number(lines[0], MAX_BODY_BYTES, "Content-Length")
    except MessageError as exc:
        exc.status = 400 if not lines[0].isdigit() else 413
        faults.append(exc)
        return None
