"""Ports for programs that must be told one before they start.

They lie below those that the kernel gives to sockets without a port (`ip_local_port_range` begins
at 32,768), so that nothing takes them between the choice and the start; each worker of
pytest-xdist has a part of its own, and never gives the same port again before all others.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

RTP: Final = range(20_000, 24_000)
"""For runtimes: they share it, because a runtime passes over a port that another one has."""
OTHERS: Final = range(24_000, 32_000)
BLOCK: Final = 8
"""Given together: a peer takes the next ports of the one it is told, for RTCP and for video."""


def free_port(count: int = 1) -> int:
    """The first, even, of `count` ports in a row that nobody has on 127.0.0.1, UDP or TCP."""
    assert count <= BLOCK
    for first in itertools.islice(_BLOCKS, len(OTHERS) // BLOCK):
        if all(_is_free(port) for port in range(first, first + BLOCK)):
            return first
    raise RuntimeError(f"none of {len(OTHERS) // BLOCK} blocks of {BLOCK} ports is free")


def rtp_ports(count: int) -> str:
    """A range for `--rtp-ports`."""
    low = random.randrange(RTP.start, RTP.stop - count, 2)
    return f"{low}-{low + count - 1}"


def _is_free(port: int) -> bool:
    with ExitStack() as held:
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                held.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _blocks() -> Iterator[int]:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = list(OTHERS[::BLOCK])[worker::workers]
    at = random.randrange(len(own))  # another run of the tests may be under way beside this one
    return itertools.cycle(own[at:] + own[:at])


_BLOCKS: Final = _blocks()
