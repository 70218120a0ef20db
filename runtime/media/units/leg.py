"""One RTP leg of the engine: what it negotiated, who it is, and its telephone events.

The per-packet state of all legs lies in columns (runtime/media/rtp/); only what happens a few times
a second is kept here.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.codec import Law
from runtime.media.codecs.table import FORMATS, PLAIN
from runtime.media.dtmf import EventReceiver, EventSender
from runtime.media.port import RtpStream
from runtime.media.rtp.latching import Address, SourceGate
from runtime.media.rtp.reports import Reports

REFUSED: Final = 0
ULAW: Final = 1
ALAW: Final = 2
EVENT: Final = 3
IGNORED: Final = 4
"""Counted as received and not played: anything while we do not listen."""
CODED: Final = 5
"""Audio of a leg that is coded by itself (coded.py), whatever codec this payload type is."""
NOISE: Final = 6
"""Comfort noise: a pause is announced, and how loud the background is."""

COMFORT_NOISE: Final = 13
"""RFC 3551's static payload type; sent unasked by many gateways in silence."""
_STATIC: Final[dict[int, Law]] = {0: "PCMU", 8: "PCMA"}
_KINDS: Final[dict[str, int]] = {"PCMU": ULAW, "PCMA": ALAW}

WIDEBAND: Final = frozenset({"G722", "L16", "OPUS"})


@attrs.define(eq=False)
class Leg:
    """A leg between `open` and `close`."""

    id: int
    index: int
    stream: RtpStream | None = None
    gate: SourceGate | None = None
    reports: Reports | None = None
    receiver: EventReceiver = attrs.field(factory=EventReceiver)
    sender: EventSender = attrs.field(factory=EventSender)
    handles_tones: bool = False
    plain: bool = True
    """Whether it is G.711 both ways, which is done for all such legs at once."""
    sent_before: tuple[int, int] = (0, 0)
    """Packets and octets of the streams that it sent before the current one."""
    passing_to: list[Leg] = attrs.field(factory=list)
    """Legs that hear the key which is down on this one."""

    def __repr__(self) -> str:
        where = self.gate.target if self.gate else "not configured"
        return f"<Leg {self.id} row={self.index} {where}>"

    def tell_event_clock(self) -> None:
        """Have telephone events counted as the stream has it."""
        assert self.stream is not None
        self.receiver.clock_hz = self.stream.dtmf_clock_hz
        self.sender.pace(FORMATS[self.stream.codec].clock_hz, self.stream.dtmf_clock_hz)


def is_wideband(codec: str) -> bool:
    """Whether a codec carries more than telephone audio."""
    return codec.upper() in WIDEBAND


def law_of(stream: RtpStream) -> Law:
    return "PCMA" if stream.codec == "PCMA" else "PCMU"


def rtcp_host_of(stream: RtpStream) -> str:
    return stream.remote_rtcp_host or stream.remote_host


def formats_of(stream: RtpStream) -> dict[int, str]:
    """Codec by payload type, for everything that the peer may send."""
    # A static type says its law itself; a peer may switch between two negotiated ones.
    formats: dict[int, str] = {
        number: _STATIC.get(number, stream.codec) for number in stream.receive_payload_types
    }
    formats |= {other.payload_type: other.codec for other in stream.other_formats}
    return {number: name for number, name in formats.items() if 0 <= number < 128}


def is_plain(stream: RtpStream) -> bool:
    """G.711 both ways, and nothing else."""
    return {stream.codec, *formats_of(stream).values()} <= PLAIN


def kinds_of(stream: RtpStream) -> NDArray[np.uint8]:
    """What each of the 128 payload types is on this leg."""
    kinds = np.zeros(128, dtype=np.uint8)
    kinds[COMFORT_NOISE] = NOISE
    plain = is_plain(stream)
    for number, name in formats_of(stream).items():
        kinds[number] = _KINDS[name] if plain else CODED
    if stream.dtmf_receive_payload_type is not None and stream.dtmf_receive_payload_type < 128:
        kinds[stream.dtmf_receive_payload_type] = EVENT
    if not stream.receiving:
        kinds[kinds != REFUSED] = IGNORED
    return kinds


def numeric_address(host: str, port: int) -> Address | None:
    """An address to send to; None for names (the engine never waits for DNS) and port 0."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if not 0 < port < 65536 or address.is_unspecified:
        return None
    return str(address), port
