"""Whole session descriptions (RFC 8866): reading and writing.

Rules: only what a call needs is kept (origin, times, addresses, bandwidths, attributes,
streams); other types are read over. A missing o=, s= or t= is forgiven, as peers forget
them. What is written has CRLF after every line and no line that a field smuggled in.
"""

from __future__ import annotations

from typing import Final

import attrs

from .direction import Direction
from .error import SdpError
from .limits import MAX_BYTES, MAX_LINES, MAX_MEDIA
from .lines import (
    Attribute,
    Attributes,
    Connection,
    Origin,
    direction_in,
    first_value,
    parse_attribute,
)
from .media import MediaDescription


@attrs.frozen(kw_only=True)
class SessionDescription:
    """A body of type application/sdp."""

    origin: Origin = Origin()
    session_name: str = "-"
    connection: Connection | None = None
    bandwidths: tuple[str, ...] = ()
    times: tuple[str, ...] = ("0 0",)
    attributes: Attributes = ()
    media: tuple[MediaDescription, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> SessionDescription:
        """Read a body; SdpError if it is no session description."""
        sections = _split_sections(_split_lines(data))
        session = _read_section(sections[0])
        media = []
        for section in sections[1:]:
            stream = _read_section(section)
            media.append(
                attrs.evolve(
                    MediaDescription.parse(section[0][1]),
                    connection=stream.connection,
                    bandwidths=tuple(stream.bandwidths),
                    attributes=tuple(stream.attributes),
                )
            )
        return cls(
            origin=session.origin or Origin(),
            session_name=session.name or "-",
            connection=session.connection,
            bandwidths=tuple(session.bandwidths),
            times=tuple(session.times) or ("0 0",),
            attributes=tuple(session.attributes),
            media=tuple(media),
        )

    def attribute(self, name: str) -> str | None:
        """The value of the first session attribute of this name, "" if it has none."""
        return first_value(self.attributes, name)

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """The address of a stream: its own, or the session's."""
        return media.connection or self.connection

    def direction_of(self, media: MediaDescription) -> Direction:
        """The direction of a stream: its own, the session's, or both ways (RFC 8866 6.7)."""
        return media.direction or direction_in(self.attributes) or Direction.SENDRECV

    def __str__(self) -> str:
        lines = ["v=0", str(self.origin), f"s={self.session_name}"]
        if self.connection is not None:
            lines.append(str(self.connection))
        lines += [f"b={bandwidth}" for bandwidth in self.bandwidths]
        lines += [f"t={time}" for time in self.times]
        lines += [str(attribute) for attribute in self.attributes]
        for media in self.media:
            lines += media.lines()
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise ValueError("a field of this session description holds CR or LF; remove it")
        return text + "\r\n"

    def to_bytes(self) -> bytes:
        """The body; ValueError when a field would break its line."""
        return str(self).encode("utf-8", "surrogateescape")


_SHOWN: Final = 16
"""Characters of a line that is none; a broken a=crypto line would show its key in more."""
_Line = tuple[str, str]
"""Type letter, text."""


@attrs.define
class _Section:
    """The lines of the session, or of one stream."""

    origin: Origin | None = None
    name: str = ""
    connection: Connection | None = None
    bandwidths: list[str] = attrs.field(factory=list)
    times: list[str] = attrs.field(factory=list)
    attributes: list[Attribute] = attrs.field(factory=list)


def _split_lines(data: bytes) -> list[_Line]:
    if len(data) > MAX_BYTES:
        raise SdpError(f"session description of {len(data)} bytes (limit {MAX_BYTES})")
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise SdpError("NUL in a session description")
    lines = [line for line in text.split("\n") if line]
    if len(lines) > MAX_LINES:
        raise SdpError(f"session description of {len(lines)} lines (limit {MAX_LINES})")
    for line in lines:
        if line[1:2] != "=":
            raise SdpError(f"not a line of a session description: {line[:_SHOWN]!r}")
    if not lines or lines[0].rstrip() != "v=0":
        raise SdpError("a session description begins with v=0")
    return [(line[0], line[2:].strip(" ")) for line in lines]


def _split_sections(lines: list[_Line]) -> list[list[_Line]]:
    """The session's lines, then one list for each m= line."""
    sections: list[list[_Line]] = [[]]
    for line in lines:
        if line[0] == "m":
            sections.append([])
            if len(sections) > MAX_MEDIA + 1:
                raise SdpError(f"more than {MAX_MEDIA} streams in one session description")
        sections[-1].append(line)
    return sections


def _read_section(lines: list[_Line]) -> _Section:
    section = _Section()
    for letter, text in lines:
        if letter == "a":
            section.attributes.append(parse_attribute(text))
        elif letter == "c":
            # A multicast stream may have several; only one can be ours.
            section.connection = section.connection or Connection.parse(text)
        elif letter == "b":
            section.bandwidths.append(text)
        elif letter == "o":
            section.origin = Origin.parse(text)
        elif letter == "s":
            section.name = text
        elif letter == "t":
            section.times.append(text)
    return section
