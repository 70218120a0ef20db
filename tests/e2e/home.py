"""Where a test telephone lives: on loopback, or on a host of its own in a network namespace.

Hosts joined by a cable that exists only in the kernel: for what loopback cannot show, a runtime
that strangers can reach. Making them needs root.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import attrs
import pytest
import trio

CLONE_NEWNET: Final = 0x40000000
TOOL_S: Final = 20.0
"""For one run of ip(8)."""


@attrs.frozen
class Home:
    """An address, and the namespace that has it."""

    address: str
    namespace: str = ""

    def datagram_socket(self) -> trio.socket.SocketType:
        """A UDP socket that lives there; a socket stays where it was made."""
        if not self.namespace:
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            return trio.socket.socket(family, socket.SOCK_DGRAM)
        return self._made_there(socket.SOCK_DGRAM)

    def stream_socket(self) -> trio.socket.SocketType:
        """A TCP socket that lives in the namespace."""
        return self._made_there(socket.SOCK_STREAM)

    def _made_there(self, kind: socket.SocketKind) -> trio.socket.SocketType:
        with ThreadPoolExecutor(1) as pool:  # only that thread moves, and it ends
            made = pool.submit(self._make_there, kind).result()
        return trio.socket.from_stdlib_socket(made)

    def _make_there(self, kind: socket.SocketKind) -> socket.socket:
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)
        return socket.socket(socket.AF_INET, kind)

    @property
    def written(self) -> str:
        """As it stands in URIs and Via."""
        return in_uri(self.address)

    @property
    def prefix(self) -> list[str]:
        """Words before a command that is to run there."""
        return ["ip", "netns", "exec", self.namespace] if self.namespace else []


LOOPBACK: Final = Home("127.0.0.1")
LOOPBACK_6: Final = Home("::1")


def in_uri(address: str) -> str:
    """With brackets around IPv6 (RFC 3261 25.1)."""
    return f"[{address}]" if ":" in address else address


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((LOOPBACK_6.address, 0))
    except OSError:
        return False
    return True


@contextmanager
def hosts() -> Iterator[tuple[Home, Home, Home]]:
    """Ours, a friend's and a stranger's address (RFC 5737), while the block runs.

    Ours is in one namespace, the other two are in another one.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and ip(8): a public bind was NOT tested")
    name = f"cs{secrets.token_hex(3)}"
    left = Home("198.51.100.1", f"{name}a")
    right = Home("198.51.100.2", f"{name}b")
    third = Home("198.51.100.3", f"{name}b")
    try:
        for home in (left, right):
            _ip("netns", "add", home.namespace)
        _ip("link", "add", f"{name}x", "netns", left.namespace, "type", "veth",
            "peer", "name", f"{name}y", "netns", right.namespace)  # fmt: skip
        for home, end in ((left, f"{name}x"), (right, f"{name}y")):
            inside = ("-n", home.namespace)
            _ip(*inside, "addr", "add", f"{home.address}/24", "dev", end)
            _ip(*inside, "link", "set", end, "up")
            _ip(*inside, "link", "set", "lo", "up")
        _ip("-n", third.namespace, "addr", "add", f"{third.address}/24", "dev", f"{name}y")
        yield left, right, third
    finally:
        for home in (left, right):
            if os.path.exists(f"/run/netns/{home.namespace}"):
                _ip("netns", "delete", home.namespace)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=TOOL_S)
    if done.returncode != 0:
        pytest.skip(f"no network namespaces here ({done.stderr.strip()}): NOT tested")
