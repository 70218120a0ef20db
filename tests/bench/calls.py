"""What a call costs, over real SIP and RTP: the whole process tree, beside a plain C packet loop.

    python -m tests.bench.calls [--calls 50,200,400] [--modes play,...] [--seconds 10] [--rate 40]
                                [--json]

Signalling by SIPp, audio by a C peer (compiled here) that judges pacing by kernel time stamps. CPU
is user+system time of the core and all its children over the measured window. `x_floor` is the
ratio to an epoll loop with one system call per packet each way, measured in the same run: the mean
of what it cost right before and right after.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

HERE: Final = Path(__file__).parent
PEER_PORT: Final = 24_000
FLOOR_PORT: Final = 30_000
CALLEE_PORT: Final = 25_060
CALLER_PORT: Final = 25_050
SETTLE_S: Final = 6.0
"""After the last call is up, before the window begins: of a peer that sends nothing a script is
told after five seconds, once in a call."""
PATIENCE_S: Final = 60
"""For a busy machine to set up all calls."""
SCRIPT: Final = """
import json
from runtime import *

MODE = "{mode}"

@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e):
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    call.answer()
    if MODE == "bridge":
        other = VoxEngine.callSIP("sip:callee@127.0.0.1:{callee}", callerid="bench")
        VoxEngine.sendMediaBetween(call, other)
        return
    if MODE == "record":
        call.record(stereo=True)
    if MODE != "answer":
        call.startPlayback("tone.wav", loop=True)
"""
MODES: Final = ("play", "play-receive", "bridge", "record")


@attrs.frozen(kw_only=True)
class Figures:
    mode: str
    calls: int
    cpu_ms_per_call_s: float
    engine_ms_per_call_s: float
    core_ms_per_call_s: float
    workers_ms_per_call_s: float
    """Zygote and session workers."""
    delivered_percent: float
    p99_off_ms: float
    max_gap_ms: float


def compiled(folder: Path, name: str) -> Path:
    program = folder / name
    source = HERE / "native" / f"{name}.c"
    subprocess.run(["gcc", "-O2", "-o", program, source, "-lm"], check=True)
    return program


@contextmanager
def running(*command: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(word) for word in command], text=True, start_new_session=True, **options
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += tree(int(child))
        except OSError:
            continue
    return found


def cpu_s(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def running_module(pids: list[int], module: str) -> list[int]:
    """Those that were started as this module, and their forks."""
    return [pid for pid in pids if module.encode() in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def floor_ms(folder: Path, calls: int, seconds: float) -> float:
    """CPU-ms per call-second of the plain loop, two-way."""
    floor, peer = compiled(folder, "floor"), compiled(folder, "rtp_peer")
    with running(floor, str(FLOOR_PORT), str(calls), stdout=subprocess.PIPE) as loop:
        assert loop.stdout is not None
        loop.stdout.readline()
        began = cpu_s([loop.pid])
        subprocess.run(
            [peer, str(PEER_PORT), str(seconds), "send", "127.0.0.1", str(FLOOR_PORT), str(calls)],
            check=True,
            capture_output=True,
        )
        return (cpu_s([loop.pid]) - began) * 1000 / (calls * seconds)


@contextmanager
def runtime(folder: Path, mode: str) -> Iterator[tuple[int, int, str]]:
    """(pid, SIP port, HTTP address) of a `callstage run` that serves the mode's script."""
    scenario = folder / mode
    scenario.mkdir(exist_ok=True)
    (scenario / "scenario.py").write_text(SCRIPT.format(mode=mode, callee=CALLEE_PORT))
    tone = ["sox", "-n", "-r", "8000", "-b", "16", "-c", "1", scenario / "tone.wav"]
    subprocess.run([*tone, "synth", "20", "sine", "440", "vol", "0.5"], check=True)
    command = [Path(sys.executable).parent / "callstage", "run", scenario]
    options = ["--sip", "udp://127.0.0.1:0", "--http", "127.0.0.1:0", "--data", folder / "data"]
    with (
        open(folder / f"{mode}.log", "w") as log,
        running(*command, *options, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        ready = process.stdout.readline()
        port = int(ready.split("sip=udp:127.0.0.1:")[1].split()[0])
        yield process.pid, port, ready.split("http=")[1].split()[0]


def await_calls(http: str, legs: int) -> None:
    """Return when so many legs are up, or no more will come."""
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        with urllib.request.urlopen(f"{http}/healthz", timeout=PATIENCE_S) as answer:
            if json.load(answer)["calls"] >= legs:
                return
        time.sleep(0.5)


def sipp(*options: str, folder: Path) -> list[str]:
    base = ["sipp", "-nostdin", "-i", "127.0.0.1", "-key", "rtp", str(PEER_PORT)]
    return [*base, *options, "-trace_err", "-error_file", str(folder / "sipp-errors.log")]


def measure(folder: Path, mode: str, calls: int, seconds: float, rate: int) -> Figures:
    lasting = calls / rate + PATIENCE_S + 2 * SETTLE_S + seconds
    legs = calls * (2 if mode == "bridge" else 1)
    with ExitStack() as stack:
        pid, port, http = stack.enter_context(runtime(folder, mode))
        sending = "silent" if mode == "play" else "send"
        peer = stack.enter_context(
            running(
                compiled(folder, "rtp_peer"),
                str(PEER_PORT),
                str(lasting),
                sending,
                stdout=subprocess.PIPE,
            )
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if mode == "bridge":
            callee = ["-sf", str(HERE / "sipp" / "callee.xml"), "-p", str(CALLEE_PORT)]
            stack.enter_context(running(*sipp(*callee, folder=folder), **quiet))
        caller = ["-sf", str(HERE / "sipp" / "caller.xml"), "-p", str(CALLER_PORT), "-s", "bench"]
        limits = ["-m", str(calls), "-l", str(calls), "-r", str(rate)]
        length = ["-d", str(int(lasting * 1000)), f"127.0.0.1:{port}"]
        stack.enter_context(running(*sipp(*caller, *limits, *length, folder=folder), **quiet))
        await_calls(http, legs)
        time.sleep(SETTLE_S)
        pids = tree(pid)
        roles = {
            "all": pids,
            "engine": running_module(pids, "runtime.media.engine"),
            "core": [pid],
            "workers": running_module(pids, "runtime.sandbox.zygote"),
        }
        began = {role: cpu_s(members) for role, members in roles.items()}
        time.sleep(seconds)
        each = {
            role: (cpu_s(members) - began[role]) * 1000 / (calls * seconds)
            for role, members in roles.items()
        }
        peer.send_signal(signal.SIGTERM)
        assert peer.stdout is not None
        judged = json.loads(peer.communicate()[0].splitlines()[-1])
    if judged["streams"] < legs:
        print(f"only {judged['streams']} of {legs} streams were seen", file=sys.stderr)
    return Figures(
        mode=mode,
        calls=calls,
        cpu_ms_per_call_s=round(each["all"], 3),
        engine_ms_per_call_s=round(each["engine"], 3),
        core_ms_per_call_s=round(each["core"], 3),
        workers_ms_per_call_s=round(each["workers"], 3),
        delivered_percent=round(100 * judged["received"] / max(1, judged["expected"]), 3),
        p99_off_ms=judged["p99_ms"],
        max_gap_ms=judged["max_gap_ms"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default="50,200,400")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=40, help="call set-ups a second")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for calls in map(int, arguments.calls.split(",")):
            before = floor_ms(folder, calls, arguments.seconds)
            for mode in arguments.modes.split(","):
                figures = measure(folder, mode, calls, arguments.seconds, arguments.rate)
                after = floor_ms(folder, calls, arguments.seconds)
                floor, before = (before + after) / 2, after
                shown = attrs.asdict(figures) | {
                    "floor_ms": round(floor, 3),
                    "x_floor": round(figures.cpu_ms_per_call_s / floor, 2),
                }
                print(json.dumps(shown) if arguments.json else "  ".join(map(str, shown.values())))


if __name__ == "__main__":
    main()
