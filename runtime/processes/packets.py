"""What crosses between the core and a child: one JSON object per packet, with descriptors.

AF_UNIX SOCK_SEQPACKET keeps packet borders, so neither side can be wedged by half a message, and
carries descriptors (SCM_RIGHTS). The peer may be hostile: whatever arrives, only LinkClosed comes
out. Audio never crosses here; it lies in sealed memory (runtime/media/pcm.py).
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

MAX_PACKET: Final = 128 * 1024
"""Fits the kernel's default send buffer of 208 KiB, so that a legal packet can always be sent."""
MAX_DESCRIPTORS: Final = 16
"""Per packet; the kernel's own limit is 253, nothing here needs more than a few."""

JsonObject = dict[str, Any]
_INT_SIZE: Final = array.array("i").itemsize


class LinkClosed(Exception):
    """The peer is gone or broke the protocol; str() says which. The link is of no more use."""


def encode_packet(message: JsonObject) -> bytes:
    """Serialise one packet; ValueError when it is too large or is not plain JSON."""
    data = json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > MAX_PACKET:
        raise ValueError(
            f"packet of {len(data)} bytes is over the limit of {MAX_PACKET}; audio and files "
            "belong into shared memory, not onto the link"
        )
    return data


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new link, neither inherited by children."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_packet(sock: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    """One packet, now: BlockingIOError when the peer is slow, LinkClosed when it is gone."""
    if len(fds) > MAX_DESCRIPTORS:
        raise ValueError(f"{len(fds)} descriptors in one packet, the limit is {MAX_DESCRIPTORS}")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sock.sendmsg([data], rights, socket.MSG_NOSIGNAL)
    except BlockingIOError:
        raise
    except OSError as exc:
        raise LinkClosed(f"the peer is gone ({exc.strerror})") from exc


def receive_packet(sock: socket.socket, receive_fds: int) -> tuple[JsonObject, list[int]]:
    """One packet; BlockingIOError when there is none, LinkClosed for everything else."""
    space = socket.CMSG_SPACE(receive_fds * _INT_SIZE) if receive_fds else 0
    try:
        data, ancillary, flags, _ = sock.recvmsg(MAX_PACKET, space, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        raise
    except OSError as exc:
        raise LinkClosed(f"the peer is gone ({exc.strerror})") from exc
    fds = _descriptors(ancillary)
    try:
        return _decode(data, flags), fds
    except LinkClosed:
        close_descriptors(fds)
        raise


def _decode(data: bytes, flags: int) -> JsonObject:
    if not data:
        raise LinkClosed("the peer closed its end")
    if flags & socket.MSG_TRUNC:
        raise LinkClosed(f"the peer sent a packet over {MAX_PACKET} bytes")
    if flags & socket.MSG_CTRUNC:
        raise LinkClosed("the peer sent descriptors that were not asked for")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise LinkClosed("the peer sent a packet that is not JSON") from exc
    if not isinstance(message, dict):
        raise LinkClosed("the peer sent a packet that is not a JSON object")
    return message


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % _INT_SIZE])
    return list(fds)


def close_descriptors(fds: Iterable[int]) -> None:
    """All of them, whatever state they are in."""
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
