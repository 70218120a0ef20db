"""What comes from others than the peer and is put away unread, so that no flood costs the peer."""

from __future__ import annotations

from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import Bools

from .leg import Leg, rtcp_host_of
from .legs import Legs


def drop_strangers(legs: Legs, arrivals: Arrivals, audio: Bools) -> None:
    """What encrypted legs would not believe anyway is not opened, so that a stranger's flood
    does not use up what may be opened in a tick."""
    for number, source in arrivals.sources:
        index = arrivals.legs[number]
        if not (audio[number] and legs.sealing.legs[index]):
            continue
        gate = legs.gate_of(int(index))
        if gate is not None and gate.ignores(source, float(arrivals.times[number])):
            audio[number] = False
            legs.rejected[index] += 1
            legs.strangers[index] += 1


def is_strange(leg: Leg | None, host: str | None) -> bool:
    """Whether RTCP comes from a host that is not the peer's; None is the peer's own."""
    if host is None or leg is None or leg.gate is None or leg.stream is None:
        return False
    return host not in (leg.gate.target[0], leg.gate.negotiated[0], rtcp_host_of(leg.stream))
