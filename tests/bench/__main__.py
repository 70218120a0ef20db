"""All figures in one run: `python -m tests.bench` (or `make bench`); about ten minutes."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

PROGRAMS: Final = (
    "sip_parser",
    "signalling",
    "session_start",
    "setups",
    "engine",
    "conference",
    "codecs",
    "secure",
    "calls",
    "recorder",
    "detectors",
)


def main() -> int:
    failed = []
    for program in PROGRAMS:
        print(f"== {program}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.{program}"]).returncode:
            failed.append(program)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
