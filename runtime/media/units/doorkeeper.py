"""Which packets are from a leg's peer, and where the leg is aimed for it.

Asks each leg's gate (rtp/latching.py) about what came by its door, and moves the line to whom the
gate believes. What came by the line is judged as well while the gate believes nobody yet, and in
the order of arrival with what came by the door. A door is shut when the signalled address has
spoken by the line, and not before: packets of it may still wait at the door, and where it speaks to
another of our addresses than we send from, all of them come there.
"""

from __future__ import annotations

import numpy as np

from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import Bools, Headers
from runtime.media.rtp.latching import Address, SourceGate

from .leg import Leg, numeric_address, rtcp_host_of
from .legs import Legs


class Doorkeeper:
    """Takes packets of strangers out of a batch."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs

    def check(self, arrivals: Arrivals, headers: Headers, valid: Bools) -> None:
        """Clear `valid` for packets that are not of their leg's peer."""
        named = dict(arrivals.sources)
        visited = arrivals.legs[list(named)]
        doubtful = self._legs.undecided[arrivals.legs] | np.isin(arrivals.legs, visited)
        numbers = np.flatnonzero(valid & doubtful).tolist()
        gates = [self._legs.gate_of(int(arrivals.legs[number])) for number in numbers]
        # Who is not named is where the leg is aimed; now, before the first packet changes that.
        lines = [gate.target if gate is not None else None for gate in gates]
        for number, gate, line in zip(numbers, gates, lines, strict=True):
            source = named.get(number, line)
            if gate is None or source is None:
                valid[number] = False
                continue
            before = gate.latched
            valid[number] = self._is_peer(gate, number, source, arrivals, headers)
            index = int(arrivals.legs[number])
            if gate.latched not in (None, before):
                self._legs.undecided[index] = gate.settled
                self._aim(index, gate, exclusive=False)
            if gate.settled and number not in named and line == gate.negotiated:
                self._shut_door(index, gate)

    def _is_peer(
        self, gate: SourceGate, number: int, source: Address, arrivals: Arrivals, headers: Headers
    ) -> bool:
        accepted = gate.accepts(
            source,
            int(headers.ssrc[number]),
            int(headers.sequence[number]),
            float(arrivals.times[number]),
        )
        self._legs.strangers[arrivals.legs[number]] += not accepted
        return accepted

    def _shut_door(self, index: int, gate: SourceGate) -> None:
        if self._legs.undecided[index]:
            self._legs.undecided[index] = False
            self._aim(index, gate, exclusive=True)

    def _aim(self, index: int, gate: SourceGate, *, exclusive: bool) -> None:
        leg = self._legs.by_index[index]
        assert leg is not None
        self._legs.sockets.aim(index, gate.target, _rtcp_of(leg, gate), exclusive=exclusive)


def _rtcp_of(leg: Leg, gate: SourceGate) -> Address | None:
    """Where RTCP goes while the leg's gate believes in its present target."""
    assert leg.stream is not None
    host, port = gate.target
    if gate.settled:
        return numeric_address(rtcp_host_of(leg.stream), leg.stream.remote_rtcp_port)
    return host, port if leg.stream.rtcp_mux else port + 1
