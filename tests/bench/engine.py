"""What the audio engine costs and how evenly it sends: the engine process alone, without SIP.

    python -m tests.bench.engine [--legs 50,200,400] [--modes play,...] [--seconds 8] [--json]
                                 [--means native|numpy|both] [--crowd]

A C peer (compiled here) judges every stream by kernel time stamps; the plain C epoll loop of
floor.c is measured in the same run. CPU is user+system time of the engine per leg and second. With
--crowd all is measured beside programs that want the whole machine (crowd.py).
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
import trio

from runtime.media.client import MediaClient, MediaLimits
from runtime.media.pcm import PcmBuffer, PcmRing
from runtime.media.port import MediaLeg, RecordingResult, RtpStream
from tests.bench.crowd import crowd
from tests.processes.running import children_running

NATIVE: Final = Path(__file__).parent / "native"
PEER_PORT: Final = 24_500
PORT_BASES: Final = range(20_000, 32_000, 500)
"""Where a run of free ports is looked for, outside of the ephemeral ones."""
SETTLE_S: Final = 1.5
EDGE_S: Final = 0.5
"""Left out at both ends of the peer's window, while it starts and ends itself."""
MODES: Final = ("play", "play-receive", "echo", "bridge", "record", "conference")


@attrs.frozen(kw_only=True)
class Figures:
    mode: str
    legs: int
    cpu_ms_per_leg_s: float
    delivered_percent: float
    """Packets that left the engine and arrived, of the 50 a second that should have left."""
    p50_off_ms: float
    p99_off_ms: float
    """Deviation of packet distances from 20 ms."""
    max_gap_ms: float
    skipped_frames: int
    lost_packets: int
    """By the sequence numbers that arrived."""


@attrs.define
class BenchSound:
    buffer: PcmBuffer
    label: str = "tone"
    duration_s: float | None = None

    async def ready(self) -> None:
        return

    def close(self) -> None:
        self.buffer.close()


@attrs.define
class BenchRecording:
    ring: PcmRing
    url: str = ""
    number: int = 1

    async def finish(self) -> RecordingResult:
        raise NotImplementedError("nothing is encoded here")


def compiled(folder: Path, name: str) -> Path:
    program = folder / name
    source = NATIVE / f"{name}.c"
    subprocess.run(["gcc", "-O2", "-o", program, source, "-lm"], check=True)
    return program


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A native program that has said "ready"."""
    words = [str(word) for word in command]
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody uses."""
    for base in PORT_BASES:
        with ExitStack() as bound, suppress(OSError):
            for port in range(base, base + count):
                sock = bound.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.bind(("127.0.0.1", port))
            return base
    raise SystemExit(f"no {count} free ports in a row from {PORT_BASES.start} on")


def cpu_s(pid: int) -> float:
    """User and system time of another process (its CPU clock, clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


async def measured(
    peer: list[str | Path], pid: int, seconds: float
) -> tuple[float, dict[str, Any]]:
    """CPU seconds per second of process `pid` while the peer runs, and what the peer saw."""
    with running(*peer) as process:
        await trio.sleep(EDGE_S)
        cpu, began = cpu_s(pid), time.monotonic()
        await trio.sleep(seconds - 2 * EDGE_S)
        share = (cpu_s(pid) - cpu) / (time.monotonic() - began)
        output, _ = await trio.to_thread.run_sync(process.communicate)
    seen: dict[str, Any] = json.loads(output)
    return share, seen


def tone_file() -> BenchSound:
    buffer = PcmBuffer.create(capacity_s=60)
    wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(8000 * 10) / 8000)
    buffer.append(wave.astype(np.int16))
    buffer.finish()
    return BenchSound(buffer)


def route(client: MediaClient, mode: str, legs: list[MediaLeg]) -> None:
    """Give every leg something to hear."""
    sound = tone_file()
    for number, leg in enumerate(legs):
        if mode == "echo":
            client.connect(leg, leg)
        elif mode == "bridge":
            client.connect(leg, legs[number ^ 1])
        elif mode == "conference":
            if number % 4 == 0:
                room = client.open_conference()
            client.connect(leg, room)
            client.connect(room, leg)
        else:
            player = client.open_player(sound, lambda _: None, loop=True)
            client.connect(player, leg)
        if mode == "record":
            recorder = client.open_recorder(BenchRecording(PcmRing.create()), lambda _: None)
            recorder.tap_leg(leg)


async def engine_figures(
    peer: Path, mode: str, count: int, seconds: float, helper: bool
) -> Figures:
    first = free_ports(2 * count + 64)
    ports = range(first, first + 2 * count + 64)
    limits = MediaLimits(legs=count + 16, players=count + 1)
    client = MediaClient("127.0.0.1", ports, limits=limits, helper=helper)
    async with trio.open_nursery() as nursery:
        await nursery.start(client.run)
        (pid,) = children_running("runtime.media.engine")
        legs = [await client.open_leg() for _ in range(count)]
        for leg in legs:
            leg.configure(_stream())
        route(client, mode, legs)
        await trio.sleep(SETTLE_S)
        before = client.skipped_frames
        command: list[str | Path] = [peer, str(PEER_PORT), str(seconds)]
        if mode == "play":
            command.append("silent")
        else:
            command += ["send", "127.0.0.1", str(legs[0].address.rtp_port), str(count)]
        assert [leg.address.rtp_port for leg in legs] == list(
            range(legs[0].address.rtp_port, legs[0].address.rtp_port + 2 * count, 2)
        )
        share, seen = await measured(command, pid, seconds)
        skipped = client.skipped_frames - before
        nursery.cancel_scope.cancel()
    means = "" if helper else ", numpy"
    return _figures(mode + means, count, share, seen, skipped, seconds)


async def floor_figures(peer: Path, floor: Path, count: int, seconds: float) -> Figures:
    first = free_ports(2 * count)
    with running(floor, str(first), str(count)) as process:
        command: list[str | Path] = [
            peer,
            str(PEER_PORT),
            str(seconds),
            "send",
            "127.0.0.1",
            str(first),
            str(count),
        ]
        share, seen = await measured(command, process.pid, seconds)
    return _figures("C floor", count, share, seen, 0, seconds)


def _stream() -> RtpStream:
    return RtpStream(
        remote_host="127.0.0.1",
        remote_port=PEER_PORT,
        remote_rtcp_port=PEER_PORT + 1,
        codec="PCMU",
        send_payload_type=0,
        receive_payload_types=frozenset({0}),
    )


def _figures(
    mode: str, count: int, share: float, seen: dict[str, Any], skipped: int, seconds: float
) -> Figures:
    return Figures(
        mode=mode,
        legs=count,
        cpu_ms_per_leg_s=round(1000 * share / count, 3),
        delivered_percent=round(100 * seen["received"] / max(1, 50 * count * seconds), 2),
        p50_off_ms=seen["p50_ms"],
        p99_off_ms=seen["p99_ms"],
        max_gap_ms=seen["max_gap_ms"],
        skipped_frames=skipped,
        lost_packets=seen["expected"] - seen["received"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--legs", default="50,200,400")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--means", default="native", choices=["native", "numpy", "both"])
    parser.add_argument("--crowd", action="store_true")
    options = parser.parse_args()
    helpers = {"native": [True], "numpy": [False], "both": [False, True]}[options.means]
    if not options.json:
        print(
            f"{'':22}legs  CPU-ms/leg-s  delivered %  p50 off  p99 off  max gap ms  skipped  lost"
        )
    with tempfile.TemporaryDirectory() as folder, crowd() if options.crowd else nullcontext():
        peer, floor = (compiled(Path(folder), name) for name in ("rtp_peer", "floor"))
        for count in map(int, options.legs.split(",")):
            runs = [partial(floor_figures, peer, floor, count, options.seconds)]
            runs += [
                partial(engine_figures, peer, mode, count, options.seconds, helper)
                for mode in options.modes.split(",")
                for helper in helpers
            ]
            for run in runs:
                show(trio.run(run), options.json)


def show(figures: Figures, as_json: bool) -> None:
    if as_json:
        print(json.dumps(attrs.asdict(figures)))
    else:
        print(
            f"{figures.mode:22}{figures.legs:4}  {figures.cpu_ms_per_leg_s:12.3f}"
            f"  {figures.delivered_percent:11.2f}  {figures.p50_off_ms:7.2f}"
            f"  {figures.p99_off_ms:7.2f}  {figures.max_gap_ms:10.2f}  {figures.skipped_frames:7}"
            f"  {figures.lost_packets:4}"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
