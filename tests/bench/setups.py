"""Call set-up over real SIP: INVITE-to-200 times, and how many set-ups a second are sustained.

`python -m tests.bench.setups [--rates 5,25,50,100] [--seconds 10]`

Each call is a whole session: worker process, script, answer, BYE after 100 ms. Prints, for each
rate, calls that succeeded and failed, INVITE-to-200 p50 and p99, and the CPU per call of the core
and of each kind of child.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench.calls import CALLER_PORT, HERE, command_of, cpu_s, runtime, sipp, tree

HOLD_MS: Final = 100
SETTLE_S: Final = 1.0
"""For the start before the window, and for the last workers to be reaped within it."""
SHOWN_MS: Final = 0.01


def response_times_ms(folder: Path) -> list[float]:
    """From SIPp's -trace_rtt files."""
    times = []
    for file in folder.glob("*rtt*.csv"):
        with open(file) as lines:
            rows = csv.reader(lines, delimiter=";")
            next(rows)
            times += [float(row[1]) for row in rows if len(row) > 1]
    return times


def cpu_by_part(pid: int) -> dict[str, float]:
    """User and system seconds of the core and each of its children.

    Workers that are gone are in the zygote's figures for its children; those that run stand for
    themselves.
    """
    parts = {"core": cpu_s([pid])}
    for child in tree(pid)[1:]:
        command = command_of(child).split(b"\0")
        module = command[command.index(b"-m") + 1] if b"-m" in command else b"other"
        name = module.decode().rpartition(".")[2]
        if name == "zygote" and parent_of(child) != pid:
            name = "worker"
        parts[name] = parts.get(name, 0.0) + cpu_s([child])
        if name == "zygote":
            parts["worker"] = parts.get("worker", 0.0) + cpu_s_of_ended(child)
    return parts


def parent_of(pid: int) -> int:
    return int(stat_of(pid)[1])


def cpu_s_of_ended(pid: int) -> float:
    """Of children that it has waited for."""
    fields = stat_of(pid)
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def stat_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def measure(folder: Path, rate: int, seconds: float) -> str:
    calls = int(rate * seconds)
    with runtime(folder, "answer") as (pid, port):
        time.sleep(SETTLE_S)
        began = cpu_by_part(pid)
        command = sipp(
            *["-sf", str(HERE / "sipp" / "caller.xml"), "-p", str(CALLER_PORT), "-s", "bench"],
            *["-m", str(calls), "-l", "2000", "-r", str(rate), "-d", str(HOLD_MS)],
            *["-trace_rtt", "-rtt_freq", "1", f"127.0.0.1:{port}"],
            folder=folder,
        )
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        time.sleep(SETTLE_S)
        ended = cpu_by_part(pid)
    spent = {name: (ended[name] - began.get(name, 0)) * 1000 / calls for name in ended}
    shown = ", ".join(f"{name} {ms:.2f}" for name, ms in spent.items() if ms >= SHOWN_MS)
    times = sorted(response_times_ms(folder))
    p50 = statistics.median(times) if times else float("nan")
    p99 = times[int(len(times) * 0.99)] if times else float("nan")
    failed = done.stdout.split("Failed call")[-1].split("|")[2].split()[0]
    return (
        f"{rate:4d}/s  {len(times)} answered, {failed} failed, INVITE-to-200 p50 {p50:.1f} ms "
        f"p99 {p99:.1f} ms, CPU-ms a call: {sum(spent.values()):.2f} = {shown}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="5,25,50,100")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    for rate in map(int, arguments.rates.split(",")):
        with tempfile.TemporaryDirectory() as name:
            print(measure(Path(name), rate, arguments.seconds), flush=True)


if __name__ == "__main__":
    main()
