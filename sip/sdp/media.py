"""One stream of a session description: the m= line and the lines that belong to it."""

from __future__ import annotations

from typing import Final

import attrs

from .codec import LAST_PAYLOAD_TYPE, STATIC_CODECS, Codec
from .direction import Direction
from .error import SdpError
from .limits import MAX_FORMATS
from .lines import Attributes, Connection, direction_in, first_value, parse_count

_MAX_CLOCK_RATE: Final = 1_000_000
"""Hz. The highest one registered is 192,000 (L24)."""

_MAX_CHANNELS: Final = 255


@attrs.frozen(kw_only=True)
class MediaDescription:
    """An m= section."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    port_count: int = 1
    connection: Connection | None = None
    bandwidths: tuple[str, ...] = ()
    attributes: Attributes = ()

    @classmethod
    def parse(cls, text: str) -> MediaDescription:
        """Read the m= line alone; without formats it is a stream that nobody can take."""
        fields = text.split()
        if len(fields) < 3:
            raise SdpError(f"m= needs media, port, protocol and formats: {text[:60]!r}")
        kind, ports, protocol, *formats = fields
        if len(formats) > MAX_FORMATS:
            raise SdpError(f"m= with {len(formats)} formats (limit {MAX_FORMATS})")
        port_text, slash, count_text = ports.partition("/")
        port = parse_count(port_text, 65_535)
        count = parse_count(count_text, 65_535) if slash else 1
        if port is None or not count:
            raise SdpError(f"m= with a port that is no port: {ports[:40]!r}")
        return cls(
            kind=kind, port=port, port_count=count, protocol=protocol, formats=tuple(formats)
        )

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of this name, "" if it has none, None if absent."""
        return first_value(self.attributes, name)

    def values(self, name: str) -> list[str]:
        """The values of all attributes of this name, in order."""
        return [a.value or "" for a in self.attributes if a.name == name]

    @property
    def direction(self) -> Direction | None:
        """The stream's own direction; None when the session's counts."""
        return direction_in(self.attributes)

    def codecs(self) -> list[Codec]:
        """The formats in their order of preference; what is no payload type is left out.

        A payload type that neither an rtpmap nor RFC 3551 explains has an empty name.
        """
        maps, parameters = self._by_format("rtpmap"), self._by_format("fmtp")
        found = []
        for text in self.formats:
            payload_type = parse_count(text, LAST_PAYLOAD_TYPE)
            if payload_type is not None:
                rtpmap, fmtp = maps.get(text), parameters.get(text, "")
                found.append(_codec(payload_type, rtpmap, fmtp))
        return found

    def _by_format(self, name: str) -> dict[str, str]:
        """Format -> text of its rtpmap or fmtp; of repeated ones the first counts."""
        texts: dict[str, str] = {}
        for attribute in self.attributes:
            if attribute.name == name and attribute.value:
                payload_type, _, text = attribute.value.partition(" ")
                texts.setdefault(payload_type, text.strip())
        return texts

    def lines(self) -> list[str]:
        """As written."""
        count = f"/{self.port_count}" if self.port_count != 1 else ""
        lines = [f"m={self.kind} {self.port}{count} {self.protocol} {' '.join(self.formats)}"]
        if self.connection is not None:
            lines.append(str(self.connection))
        lines += [f"b={bandwidth}" for bandwidth in self.bandwidths]
        lines += [str(attribute) for attribute in self.attributes]
        return lines


def _codec(payload_type: int, rtpmap: str | None, fmtp: str) -> Codec:
    if rtpmap is None:
        static = STATIC_CODECS.get(payload_type)
        if static is None:
            return Codec("", payload_type, fmtp=fmtp)
        return attrs.evolve(static, fmtp=fmtp) if fmtp else static
    name, _, rest = rtpmap.partition("/")
    rate, _, channels = rest.partition("/")
    clock_rate = parse_count(rate.strip(), _MAX_CLOCK_RATE)
    count = parse_count(channels.strip() or "1", _MAX_CHANNELS)
    if not clock_rate or not count:
        return Codec("", payload_type, fmtp=fmtp)
    return Codec(name.strip(), payload_type, clock_rate, count, fmtp)
