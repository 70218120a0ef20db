"""Outgoing RTP of all legs: one SSRC, unbroken sequence numbers and timestamps, built as columns.

The timestamp of a leg runs on from its first `configure` for ever, whether packets are sent or not;
the sequence number counts packets. The marker opens each stretch of packets (RFC 3551 4.1). Each
leg's packet lies at a fixed place, so that the sockets can hold on to views of it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.codec import Law, encode
from runtime.media.frames import FRAME, Samples

from .header import HEADER_SIZE, Ints, packet_type, write_headers, write_numbers
from .reports import Sent

HALF: Final = FRAME // 2
"""Samples of a 10 ms packet."""
EVENT_SIZE: Final = 4
_LAWS: Final[tuple[Law, Law]] = ("PCMU", "PCMA")


class Sending:
    """Sender state of every leg, and the packets of the current tick."""

    def __init__(self, legs: int) -> None:
        self.ssrc = np.zeros(legs, dtype=np.int64)
        self.sequence = np.zeros(legs, dtype=np.int64)
        """Of the next packet, extended."""
        self.timestamp = np.zeros(legs, dtype=np.int64)
        """Of the next frame, extended."""
        self.running = np.zeros(legs, dtype=np.bool_)
        self.active = np.zeros(legs, dtype=np.bool_)
        self._first_sequence = np.zeros(legs, dtype=np.int64)
        self._octets_less = np.zeros(legs, dtype=np.int64)
        """Octets that packets had less than a whole frame."""
        self._clock_step = np.zeros(legs, dtype=np.int64)
        """Timestamp units of a frame, for running legs."""
        self._marker = np.zeros(legs, dtype=np.bool_)
        self._half_markers = np.zeros(legs, dtype=np.bool_)
        self._heads_stale = True
        """Whether more than numbers changed in the headers since they were written."""
        self._payload_type = np.zeros(legs, dtype=np.int64)
        self._law = np.zeros(legs, dtype=np.int64)
        self._halved = np.zeros(legs, dtype=np.bool_)
        self._whole_packets: NDArray[np.void] = np.zeros(legs, dtype=packet_type(FRAME))
        self._half_packets: NDArray[np.void] = np.zeros((legs, 2), dtype=packet_type(HALF))
        self._event_packets: NDArray[np.void] = np.zeros(legs, dtype=packet_type(EVENT_SIZE))
        self._alaw_legs: Ints = np.zeros(0, dtype=np.int64)
        self._halved_legs: Ints = np.zeros(0, dtype=np.int64)

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {
            "packets": self._whole_packets,
            "law": self._law,
            "sequence": self.sequence,
            "timestamp": self.timestamp,
            "active": self.active,
            "clock_step": self._clock_step,
        }

    @property
    def steady(self) -> bool:
        """Whether the next packets differ from the last in numbers and payload only."""
        return not (self._heads_stale or len(self._halved_legs))

    # --- one leg --------------------------------------------------------------------------------

    def start(
        self, leg: int, *, ssrc: int, sequence: int, timestamp: int, step: int = FRAME
    ) -> None:
        """A new stream; its clock runs from now on, by `step` units a frame."""
        self.ssrc[leg], self.sequence[leg], self.timestamp[leg] = ssrc, sequence, timestamp
        self.running[leg], self._clock_step[leg] = True, step
        self.active[leg] = False
        self._first_sequence[leg], self._octets_less[leg] = sequence, 0

    def configure(
        self, leg: int, *, law: Law, payload_type: int, halved: bool, active: bool
    ) -> None:
        """What the leg sends from the next tick on; `halved` = two packets of 10 ms a tick."""
        if active and not self.active[leg]:
            self._marker[leg] = self._half_markers[leg] = True
        self.active[leg] = active
        self._payload_type[leg] = payload_type
        self._law[leg] = _LAWS.index(law)
        self._halved[leg] = halved
        self._heads_stale = True
        self._list_exceptions()

    def stop(self, leg: int) -> None:
        self.running[leg] = self.active[leg] = self._halved[leg] = False
        self._clock_step[leg] = self._law[leg] = 0
        self._list_exceptions()

    def views(self, leg: int) -> tuple[memoryview, ...]:
        """The octets of this leg's packets of each tick: one, or two of 10 ms."""
        if self._halved[leg]:
            pair = self._half_packets[leg].view(np.uint8).data
            size = self._half_packets.dtype.itemsize
            return pair[:size], pair[size:]
        return (self._whole_packets[leg : leg + 1].view(np.uint8).data,)

    def packets(self, leg: int) -> int:
        """Sent since `start`."""
        return int(self.sequence[leg] - self._first_sequence[leg])

    def sent(self, leg: int) -> Sent:
        """Figures for a sender report."""
        packets = self.packets(leg)
        return Sent(
            ssrc=int(self.ssrc[leg]),
            timestamp=int(self.timestamp[leg]) & 0xFFFFFFFF,
            packets=packets,
            octets=packets * FRAME - int(self._octets_less[leg]),
        )

    # --- all legs -------------------------------------------------------------------------------

    def prepare(self, heard: Samples) -> None:
        """Encode this tick's frames of the first legs and number their packets."""
        count = len(heard)
        octets = encode(heard, "PCMU")
        alaw = self._alaw_legs
        if len(alaw):
            octets[alaw] = encode(heard[alaw], "PCMA")
        packets = self._whole_packets[:count]
        packets["payload"] = octets
        active = self.active[:count]
        if self._heads_stale:
            self._write_heads(packets, count)
        write_numbers(packets, sequence=self.sequence[:count], timestamp=self.timestamp[:count])
        if len(self._halved_legs):
            self._prepare_halves(octets)
        self.sequence[:count] += active
        self.timestamp[:count] += self._clock_step[:count]

    def frame_timestamp(self, leg: int) -> int:
        """Of the frame just prepared."""
        return int(self.timestamp[leg] - self._clock_step[leg]) & 0xFFFFFFFF

    def replace_by_coded(self, leg: int, payload: bytes) -> bytes:
        """The packet of a codec of its own instead of the one just prepared, with its number."""
        self._octets_less[leg] += FRAME - len(payload)
        head = self._whole_packets[leg : leg + 1].view(np.uint8).data[:HEADER_SIZE]
        return head.tobytes() + payload

    def replace_by_event(
        self, leg: int, payload: bytes, timestamp: int, marker: bool, payload_type: int
    ) -> memoryview:
        """A telephone-event packet instead of the audio just prepared, with its number."""
        if self._halved[leg]:
            self.sequence[leg] -= 1
            self._octets_less[leg] -= HALF
        self._octets_less[leg] += FRAME - EVENT_SIZE
        packet = self._event_packets[leg : leg + 1]
        write_headers(
            packet,
            marker=np.array([marker]),
            payload_type=np.array([payload_type]),
            sequence=self.sequence[leg : leg + 1] - 1,
            timestamp=np.array([timestamp]),
            ssrc=self.ssrc[leg : leg + 1],
        )
        packet["payload"] = np.frombuffer(payload, dtype=np.uint8)
        return packet.view(np.uint8).data

    def skip(self, frames: int) -> None:
        """The engine stood still: clocks went on, and what follows is a new stretch."""
        self.timestamp += self._clock_step * frames
        self._marker |= self.active
        self._half_markers |= self.active
        self._heads_stale = True

    def _write_heads(self, packets: NDArray[np.void], count: int) -> None:
        """All header fields; again after a tick with markers, to take them back."""
        marker = self._marker[:count]
        write_headers(
            packets,
            marker=marker,
            payload_type=self._payload_type[:count],
            sequence=self.sequence[:count],
            timestamp=self.timestamp[:count],
            ssrc=self.ssrc[:count],
        )
        self._heads_stale = bool(marker.any())
        marker &= ~self.active[:count]

    def _prepare_halves(self, octets: NDArray[np.uint8]) -> None:
        legs = self._halved_legs
        for part in (0, 1):
            packets = self._half_packets[legs, part]
            packets["payload"] = octets[legs, part * HALF : (part + 1) * HALF]
            write_headers(
                packets,
                marker=self._half_markers[legs] & (part == 0),
                payload_type=self._payload_type[legs],
                sequence=self.sequence[legs] + part,
                timestamp=self.timestamp[legs] + part * HALF,
                ssrc=self.ssrc[legs],
            )
            self._half_packets[legs, part] = packets
        active = self.active[legs]
        self.sequence[legs] += active
        self._octets_less[legs] += FRAME * active
        self._half_markers[legs] &= ~active

    def _list_exceptions(self) -> None:
        self._alaw_legs = np.flatnonzero(self._law == 1)
        self._halved_legs = np.flatnonzero(self._halved)
