"""A child for tests: answers each packet, and does what it is asked to do."""

from __future__ import annotations

import os
import sys
import time

from runtime.processes.entering import enter_child
from runtime.processes.packets import LinkClosed


def main() -> None:
    link = enter_child()
    link.send({"hello": sys.argv[1:], "pid": os.getpid(), "environ": sorted(os.environ)})
    while True:
        try:
            message, fds = link.receive()
        except LinkClosed:
            return
        if message.get("exit") is not None:
            os._exit(message["exit"])
        if message.get("deaf"):
            time.sleep(600)
        texts = [os.read(fd, 100).decode() for fd in fds]
        link.send(
            {"echo": message, "texts": texts, "open": sorted(os.listdir("/proc/self/fd"))}, fds
        )
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main()
