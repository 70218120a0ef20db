"""A packet every 20 ms to a port on loopback, until the parent is gone: what this machine can do.

Run as a program (`python -I metronome.py PORT CPU [RANK]`), on one processor and, where that is
permitted, with the rank of the engine it is compared with: it owes nothing to the runtime, so it is
late only when the machine is. Standard library only, to start at once.
"""

import ctypes
import os
import socket
import sys
import time

STEP_S = 0.02
MAX_BEHIND_S = 0.06
"""The engine's own: after a longer stall packets are left out and not sent in a burst."""
PR_SET_TIMERSLACK = 29


def main(port: int, cpu: int, policy: int) -> None:
    parent = os.getppid()
    os.sched_setaffinity(0, {cpu})
    if policy != os.SCHED_OTHER:
        os.sched_setscheduler(0, policy, os.sched_param(1))
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", port))
    due = time.monotonic()
    while os.getppid() == parent:
        due += STEP_S
        late = time.monotonic() - due
        if late > MAX_BEHIND_S:
            due += late
        elif late < 0:
            time.sleep(-late)
        try:
            out.send(b"tick")
        except ConnectionRefusedError:
            return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
