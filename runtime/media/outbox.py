"""Commands on their way to the engine: gathered while the core computes, sent when it pauses.

So everything that a handler does in one go reaches the engine as one packet and takes effect in one
tick. Descriptors are duplicated here, since their owner may close them before the packet leaves.
"""

from __future__ import annotations

import os
from typing import Final

import attrs
import trio

from runtime.media.protocol import (
    Command,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
    encode_commands,
)
from runtime.processes.link import Link
from runtime.processes.packets import MAX_DESCRIPTORS

WEIGHT_PER_PACKET: Final = 150
"""Commands have up to 700 octets of JSON (a leg with keys), tone steps 100; 128 KiB fit into a
packet."""


@attrs.define
class _Packet:
    commands: list[Command] = attrs.field(factory=list)
    fds: list[int] = attrs.field(factory=list)
    weight: int = 0


class Outbox:
    """Commands for one engine."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._packet = _Packet()
        self._full: list[_Packet] = []
        self._filled = trio.Event()

    def put(self, command: Command, fd: int | None = None) -> None:
        """Queue a command; `fd` goes with an OpenPlayer or OpenRecorder and stays the caller's."""
        steps = command.script.size if isinstance(command, OpenTonePlayer) else 0
        packet = self._packet
        if packet.weight + 1 + steps > WEIGHT_PER_PACKET or len(packet.fds) == MAX_DESCRIPTORS:
            self._full.append(packet)
            packet = self._packet = _Packet()
        if fd is not None and isinstance(command, OpenPlayer | OpenRecorder):
            command = attrs.evolve(command, fd=len(packet.fds))
            packet.fds.append(os.dup(fd))
        packet.commands.append(command)
        packet.weight += 1 + steps
        self._filled.set()

    def flush(self) -> None:
        """Hand everything to the link. Raises LinkFull, LinkClosed."""
        packets = [*self._full, self._packet]
        self._full, self._packet = [], _Packet()
        try:
            for packet in packets:
                if packet.commands:
                    self._link.send_nowait(encode_commands(packet.commands), packet.fds)
        finally:
            for packet in packets:
                for fd in packet.fds:
                    os.close(fd)

    async def run(self) -> None:
        """Flush whenever the core pauses; ends with LinkFull or LinkClosed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._link.run_writer)
            while True:
                await self._filled.wait()
                self._filled = trio.Event()
                self.flush()

    def close(self) -> None:
        """The engine is gone; nothing will be sent."""
        for packet in [*self._full, self._packet]:
            for fd in packet.fds:
                os.close(fd)
        self._full, self._packet = [], _Packet()
