"""What encryption costs: legs of one engine that talk to each other, plain and sealed.

    python -m tests.bench.secure [--legs 50,200] [--suites plain,...] [--seconds 8] [--json]

Each leg plays a tone to the leg beside it and hears that leg's: 50 packets a second each way are
sealed, sent, received, opened. CPU is user+system time of the engine per leg and second.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import time
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from runtime.media.client import MediaClient, MediaLimits
from runtime.media.port import LegClosed, LegMediaEvent, MediaLeg, RtpStream, SrtpKeys
from sip.sdp import SUITES
from tests.bench.engine import cpu_s, free_ports, tone_file
from tests.processes.running import children_running

PLAIN: Final = "plain"
SETTLE_S: Final = 1.5
CLOSING_S: Final = 10.0


@attrs.frozen(kw_only=True)
class Figures:
    suite: str
    legs: int
    cpu_ms_per_leg_s: float
    received_percent: float
    """Of the packets that the other leg sent."""
    refused: int
    skipped_frames: int


def stream(peer: MediaLeg, keys: SrtpKeys | None) -> RtpStream:
    return RtpStream(
        remote_host=peer.address.host,
        remote_port=peer.address.rtp_port,
        remote_rtcp_port=peer.address.rtcp_port,
        codec="PCMU",
        send_payload_type=0,
        receive_payload_types=frozenset({0}),
        srtp=keys,
    )


def pair_up(client: MediaClient, one: MediaLeg, other: MediaLeg, suite: str) -> None:
    keys = back = None
    if suite != PLAIN:
        first, second = (base64.b64encode(os.urandom(SUITES[suite])).decode() for _ in "ab")
        keys = SrtpKeys(suite=suite, send_key=first, receive_key=second)
        back = SrtpKeys(suite=suite, send_key=second, receive_key=first)
    one.configure(stream(other, keys))
    other.configure(stream(one, back))
    for leg in (one, other):
        client.connect(client.open_player(tone_file(), lambda _: None, loop=True), leg)


async def figures(suite: str, count: int, seconds: float) -> Figures:
    first = free_ports(2 * count + 64)
    ports = range(first, first + 2 * count + 64)
    client = MediaClient("127.0.0.1", ports, limits=MediaLimits(legs=count + 16, players=count + 1))
    closed: list[LegClosed] = []

    def on_event(event: LegMediaEvent) -> None:
        if isinstance(event, LegClosed):
            closed.append(event)

    async with trio.open_nursery() as nursery:
        await nursery.start(client.run)
        (pid,) = children_running("runtime.media.engine")
        legs = [await client.open_leg() for _ in range(count)]
        for at in range(0, count - 1, 2):
            pair_up(client, legs[at], legs[at + 1], suite)
        await trio.sleep(SETTLE_S)
        cpu, began = cpu_s(pid), time.monotonic()
        await trio.sleep(seconds)
        share = (cpu_s(pid) - cpu) / (time.monotonic() - began)
        for leg in legs:
            leg.listen(on_event)
            leg.close()
        with trio.move_on_after(CLOSING_S):
            while len(closed) < count:  # noqa: ASYNC110 - listeners have no event
                await trio.sleep(0.05)
        skipped = client.skipped_frames
        nursery.cancel_scope.cancel()
    return _figures(suite, count, share, closed, skipped)


def _figures(
    suite: str, count: int, share: float, closed: Sequence[LegClosed], skipped: int
) -> Figures:
    sent = sum(one.statistics.packets_sent for one in closed)
    received = sum(one.statistics.packets_received for one in closed)
    return Figures(
        suite=suite,
        legs=count,
        cpu_ms_per_leg_s=round(1000 * share / count, 3),
        received_percent=round(100 * received / max(1, sent), 2),
        refused=sum(one.statistics.packets_rejected for one in closed),
        skipped_frames=skipped,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--legs", default="50,200")
    parser.add_argument("--suites", default=",".join([PLAIN, *SUITES]))
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.json:
        print(f"{'':26}legs  CPU-ms/leg-s  received %  refused  skipped")
    for count in map(int, options.legs.split(",")):
        for suite in options.suites.split(","):
            made = trio.run(figures, suite, count, options.seconds)
            if options.json:
                print(json.dumps(attrs.asdict(made)), flush=True)
            else:
                print(
                    f"{made.suite:26}{made.legs:4}  {made.cpu_ms_per_leg_s:12.3f}"
                    f"  {made.received_percent:10.2f}  {made.refused:7}  {made.skipped_frames:7}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
