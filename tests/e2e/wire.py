"""SIP as text, written down independently of the stack under test: just enough for a telephone."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

Header = tuple[str, str]
PCMU: Final = 0
PCMA: Final = 8
EVENTS: Final = 101
_sessions = itertools.count(1)


@attrs.frozen
class Message:
    """A request or a response."""

    start: str
    headers: tuple[Header, ...]
    body: bytes = b""

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def reason(self) -> str:
        return self.start.split(" ", 2)[2]

    @property
    def method(self) -> str:
        """Of the request, or of the request that is answered."""
        return self.get("CSeq").split()[1]

    def get(self, name: str) -> str:
        """The first value; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def lines(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def addresses(self, name: str) -> tuple[str, ...]:
        """All of a header of addresses in <>, in order, however they are spread over lines."""
        return tuple(re.findall(r"<[^>]*>", ",".join(self.lines(name))))

    @property
    def tag_of_to(self) -> str:
        return tag_of(self.get("To"))

    @property
    def contact_uri(self) -> str:
        return uri_of(self.get("Contact"))

    def to_bytes(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def parse(data: bytes) -> Message:
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode(errors="replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Message(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)


def split_stream(buffer: bytes) -> tuple[Message | None, bytes]:
    """The first message of a TCP stream, when it is complete, and the rest."""
    buffer = buffer.lstrip(b"\r\n")
    head, end, rest = buffer.partition(b"\r\n\r\n")
    if not end:
        return None, buffer
    length = int(parse(head + end).get("Content-Length") or 0)
    if len(rest) < length:
        return None, buffer
    return parse(head + end + rest[:length]), rest[length:]


def tag_of(value: str) -> str:
    return value.partition(";tag=")[2].partition(";")[0]


def uri_of(value: str) -> str:
    return value.partition("<")[2].partition(">")[0] or value.partition(";")[0]


def branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def token() -> str:
    return secrets.token_hex(6)


def response_to(
    request: Message, status: int, reason: str, *, tag: str, headers: Iterable[Header], body: bytes
) -> Message:
    copied = ("via", "from", "call-id", "cseq", "record-route")
    kept = [header for header in request.headers if header[0].lower() in copied]
    to = request.get("To")
    kept.append(("To", to if ";tag=" in to or status == 100 else f"{to};tag={tag}"))
    return Message(f"SIP/2.0 {status} {reason}", (*kept, *headers), body)


@attrs.frozen(kw_only=True)
class Sdp:
    """What a telephone offers or answers."""

    port: int
    host: str = "127.0.0.1"
    payloads: Sequence[int] = (PCMU, PCMA, EVENTS)
    direction: str = "sendrecv"
    extra: Sequence[str] = ()
    session: int = attrs.field(factory=lambda: next(_sessions))
    version: int = 1

    def to_bytes(self) -> bytes:
        names = {PCMU: "PCMU/8000", PCMA: "PCMA/8000", EVENTS: "telephone-event/8000"}
        formats = " ".join(map(str, self.payloads))
        family = "IP6" if ":" in self.host else "IP4"
        lines = [
            "v=0",
            f"o=wire {self.session} {self.version} IN {family} {self.host}",
            "s=-",
            f"c=IN {family} {self.host}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {formats}",
            *(f"a=rtpmap:{number} {names[number]}" for number in self.payloads if number in names),
            f"a={self.direction}",
            *self.extra,
        ]
        return "".join(f"{line}\r\n" for line in lines).encode()


@attrs.frozen
class Described:
    """Of a description, what the audio needs."""

    host: str
    port: int
    payloads: tuple[int, ...]
    direction: str
    version: int
    text: str

    @classmethod
    def read(cls, sdp: bytes) -> Described:
        text = sdp.decode()
        lines = text.splitlines()
        host = next(line.split()[2] for line in lines if line.startswith("c="))
        media = next(line.split() for line in lines if line.startswith("m=audio"))
        version = next(int(line.split()[2]) for line in lines if line.startswith("o="))
        known = ("sendrecv", "sendonly", "recvonly", "inactive")
        ways = [line[2:] for line in lines if line[2:] in known]
        direction = ways[-1] if ways else "sendrecv"
        payloads = tuple(map(int, media[3:]))
        return cls(host, int(media[1]), payloads, direction, version, text)
