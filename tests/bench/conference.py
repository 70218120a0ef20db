"""What a conference costs: CPU of the engine for each member and second of talk.

    python -m tests.bench.conference [--members 3,10,25,50] [--seconds 20]

The engine is driven by hand, without sockets and clock, everybody talks. `bridged` are as many legs
that hear one other each; `mixed` is one conference of them all, half of them too quiet and raised,
the sum turned down: the dearest case. The cost is linear if the last column does not rise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from runtime.media.codec import encode
from tests.media.rig import Peer, Rig

TALK_TICKS = 500
"""Ten seconds: the quiet ones have been brought up."""


def bridged(rig: Rig, peers: list[Peer]) -> None:
    for number, peer in enumerate(peers):
        rig.connect(peer, peers[number - 1])


def mixed(rig: Rig, peers: list[Peer]) -> None:
    room = rig.conference()
    for peer in peers:
        rig.connect(peer, room)
        rig.connect(room, peer)


def talk(number: int) -> list[bytes]:
    """240 ms, a third of it silent: 12 packets."""
    at = np.arange(12 * 160) / 8000
    amplitude = 600 if number % 2 else 12_000
    wave = amplitude * np.sin(2 * np.pi * (200 + 20 * number) * at) * (at < 0.16)
    octets = encode(wave.astype(np.int16), "PCMU").tobytes()
    return [octets[160 * n : 160 * n + 160] for n in range(12)]


def ms_per_second(
    connect: Callable[[Rig, list[Peer]], None], members: int, seconds: float
) -> float:
    """CPU-ms of one member and second in `Engine.tick`."""
    rig = Rig(legs=members)
    peers = [rig.peer() for _ in range(members)]
    connect(rig, peers)
    said = [talk(number) for number in range(members)]
    spent, ticks = 0, round(50 * seconds)
    for tick in range(TALK_TICKS + ticks):
        for peer, packets in zip(peers, said, strict=True):
            peer.say(packets[tick % 12])
        rig.now += 0.02
        began = time.process_time_ns()
        rig.engine.tick(rig.now, rig.now)
        if tick >= TALK_TICKS:
            spent += time.process_time_ns() - began
    return spent / 1e6 / members / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", default="3,10,25,50")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    print("members  bridged  mixed  mixing alone (CPU-ms per member and second)")
    for members in map(int, options.members.split(",")):
        plain = ms_per_second(bridged, members, options.seconds)
        mix = ms_per_second(mixed, members, options.seconds)
        print(f"{members:7}  {plain:7.3f}  {mix:5.3f}  {mix - plain:12.3f}", flush=True)


if __name__ == "__main__":
    main()
