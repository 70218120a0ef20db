"""Call set-up over real SIP: INVITE-to-200 times, and how many set-ups a second are sustained.

`python -m tests.bench.setups [--rates 5,25,50,100] [--seconds 10]`

Each call is a whole session: worker process, script, answer, BYE after 100 ms. Prints, for each
rate, calls that succeeded and failed, INVITE-to-200 p50 and p99, and the core's own CPU per call.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.calls import CALLER_PORT, HERE, cpu_s, runtime, sipp, tree

HOLD_MS: Final = 100


def response_times_ms(folder: Path) -> list[float]:
    """From SIPp's -trace_rtt files."""
    times = []
    for file in folder.glob("*rtt*.csv"):
        with open(file) as lines:
            rows = csv.reader(lines, delimiter=";")
            next(rows)
            times += [float(row[1]) for row in rows if len(row) > 1]
    return times


def measure(folder: Path, rate: int, seconds: float) -> str:
    calls = int(rate * seconds)
    with runtime(folder, "answer") as (pid, port):
        began = cpu_s([pid])
        everything = cpu_s(tree(pid))
        command = sipp(
            *["-sf", str(HERE / "sipp" / "caller.xml"), "-p", str(CALLER_PORT), "-s", "bench"],
            *["-m", str(calls), "-l", "2000", "-r", str(rate), "-d", str(HOLD_MS)],
            *["-trace_rtt", "-rtt_freq", "1", f"127.0.0.1:{port}"],
            folder=folder,
        )
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        core = (cpu_s([pid]) - began) * 1000 / calls
        children = (cpu_s(tree(pid)) - everything) * 1000 / calls
    times = sorted(response_times_ms(folder))
    p50 = statistics.median(times) if times else float("nan")
    p99 = times[int(len(times) * 0.99)] if times else float("nan")
    failed = done.stdout.split("Failed call")[-1].split("|")[2].split()[0]
    return (
        f"{rate:4d}/s  {len(times)} answered, {failed} failed, INVITE-to-200 p50 {p50:.1f} ms "
        f"p99 {p99:.1f} ms, core {core:.1f} CPU-ms a call, long-lived processes {children:.1f}"
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
