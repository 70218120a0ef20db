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
from runtime.media.dtmf import EventReceiver, EventSender
from runtime.media.port import RtpStream
from runtime.media.rtp.latching import Address, SourceGate
from runtime.media.rtp.reports import Reports

REFUSED: Final = 0
ULAW: Final = 1
ALAW: Final = 2
EVENT: Final = 3
IGNORED: Final = 4
"""Counted as received and not played: comfort noise, or anything while we do not listen."""

COMFORT_NOISE: Final = 13
"""RFC 3551's static payload type; sent unasked by many gateways in silence."""
_STATIC: Final[dict[int, Law]] = {0: "PCMU", 8: "PCMA"}
_KINDS: Final[dict[str, int]] = {"PCMU": ULAW, "PCMA": ALAW}


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
    passing_to: list[Leg] = attrs.field(factory=list)
    """Legs that hear the key which is down on this one."""

    def __repr__(self) -> str:
        where = self.gate.target if self.gate else "not configured"
        return f"<Leg {self.id} row={self.index} {where}>"


def law_of(stream: RtpStream) -> Law:
    return "PCMA" if stream.codec == "PCMA" else "PCMU"


def rtcp_host_of(stream: RtpStream) -> str:
    return stream.remote_rtcp_host or stream.remote_host


def kinds_of(stream: RtpStream) -> NDArray[np.uint8]:
    """What each of the 128 payload types is on this leg."""
    kinds = np.zeros(128, dtype=np.uint8)
    kinds[COMFORT_NOISE] = IGNORED
    for number in stream.receive_payload_types:
        if 0 <= number < 128:
            # A static type says its law itself; a peer may switch between two negotiated ones.
            kinds[number] = _KINDS[_STATIC.get(number, law_of(stream))]
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
