"""Which gap in a tone is the engine's fault, and which the machine's.

Packets are stamped by the kernel when they are sent (loopback delivers in the sender's own system
call), so that a late test process is no late engine. But the machine itself may stop: it shares its
processors with others. So metronomes beside the engine, one on each processor and of the engine's
own rank, send a packet every 20 ms as well and owe the runtime nothing. What the slowest of them
was late at that moment is the machine's, the rest of a gap is the engine's. This hides no attack:
scripts are of lower rank than both, so what holds up a metronome is no script, and the test looks
at the ranks. What packets hold is judged too: those without tone count as missing.
"""

from __future__ import annotations

import bisect
import itertools
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import trio

from tests.e2e.audio import FRAME_S, RATE, SO_TIMESTAMPNS, Packet, decode_ulaw

MAX_GAP_S: Final = 0.04
AUDIBLE: Final = 2_000
"""Of 32,768; the tone has 8,000, and each of its packets many samples above this."""
PROGRAM: Final = Path(__file__).with_name("metronome.py")


@attrs.frozen(kw_only=True)
class Gap:
    """A time without tone."""

    began: float
    """Seconds since the epoch, as for all times here."""
    ended: float
    length_s: float
    machine_s: float
    """For so long of it the machine was late, as its metronomes were."""

    @property
    def own_s(self) -> float:
        return self.length_s - self.machine_s


@attrs.define
class Beats:
    """When the packets of one metronome arrived."""

    times: list[float] = attrs.field(factory=list)

    def late_s(self, since: float, till: float) -> float:
        """By how much the longest wait that touches this time was too long."""
        first = max(0, bisect.bisect_right(self.times, since) - 1)
        last = bisect.bisect_left(self.times, till) + 1
        around = itertools.pairwise(self.times[first:last])
        return max(0.0, max((b - a for a, b in around), default=FRAME_S) - FRAME_S)


def gaps(packets: Sequence[Packet], metronomes: Sequence[Beats]) -> list[Gap]:
    """Every time without tone that is longer than one packet may be late, oldest first."""
    heard = [packet for packet in packets if _sounds(packet)]
    found = []
    for before, after in itertools.pairwise(heard):
        missing_s = ((after.timestamp - before.timestamp) & 0xFFFFFFFF) / RATE
        length_s = max(after.at - before.at, missing_s)
        if length_s > MAX_GAP_S:
            machine_s = max((beats.late_s(before.at, after.at) for beats in metronomes), default=0)
            found.append(
                Gap(
                    began=before.at,
                    ended=after.at,
                    length_s=length_s,
                    machine_s=min(machine_s, length_s - FRAME_S),
                )
            )
    return found


def _sounds(packet: Packet) -> bool:
    return bool(np.abs(decode_ulaw(packet.payload).astype(np.int32)).max() > AUDIBLE)


@asynccontextmanager
async def metronomes(like: int) -> AsyncIterator[list[Beats]]:
    """One on each processor of this process, with the rank of process `like` where permitted."""
    policy = os.sched_getscheduler(like) & ~os.SCHED_RESET_ON_FORK
    running: list[subprocess.Popen[bytes]] = []
    all_beats: list[Beats] = []
    try:
        async with trio.open_nursery() as nursery:
            for cpu in sorted(os.sched_getaffinity(0)):
                receiver = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                await receiver.bind(("127.0.0.1", 0))
                port = receiver.getsockname()[1]
                beats = Beats()
                all_beats.append(beats)
                nursery.start_soon(_receive, receiver, beats)
                words = [str(PROGRAM), str(port), str(cpu), str(policy)]
                running.append(_start(words))
            yield all_beats
            assert all(process.poll() is None for process in running), "a metronome has stopped"
            nursery.cancel_scope.cancel()
    finally:
        for process in running:
            process.kill()
            process.wait()


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", *words])


async def _receive(receiver: trio.socket.SocketType, beats: Beats) -> None:
    with receiver:
        while True:
            _, ancillary, *_ = await receiver.recvmsg(64, 64)
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    beats.times.append(seconds + nanoseconds / 1e9)
