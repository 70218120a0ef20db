"""Kamailio on loopback, from a configuration of our own: a registrar and a record-routing proxy.

It judges what it forwards: whatever breaks a rule of RFC 3261 for requests through a proxy is a
line with WRONG in its output, and `complaints` finds it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from tests.interop.programs import POLL_S, READY_S, require_program, running, wait_bound

HOST: Final = "127.0.0.1"
PASSWORD: Final = "s3cret"
"""Of everybody who registers."""
TEMPLATE: Final = Path(__file__).with_name("kamailio.cfg")
MODULES: Final = "usr/lib/*/kamailio/modules"


@attrs.frozen(kw_only=True)
class Kamailio:
    """A running proxy."""

    port: int
    """UDP and TCP."""
    folder: Path

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """What broke a rule on its way through."""
        return [line for line in self.output().splitlines() if "WRONG" in line]

    def routed(self, port: int) -> list[str]:
        """The requests inside dialogs that came from a port, and whereto they went:
        "ACK udp sip:them@127.0.0.1:5999"."""
        pattern = re.compile(rf"ROUTED (\S+) from (\S+):{port} to (\S+)")
        return [" ".join(found.groups()) for found in pattern.finditer(self.output())]


@asynccontextmanager
async def kamailio(folder: Path, port: int, inside: int) -> AsyncIterator[Kamailio]:
    """A Kamailio on `port`, in front of the Callstage on port `inside`, while the block runs."""
    program = require_program("kamailio")
    config = _write_config(folder, port, inside)
    command = [program, "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4"]
    async with running([*command, "-w", str(folder), "-Y", str(folder)], folder, group=True):
        await wait_bound(port, "udp")
        await _until_it_answers(port)
        yield Kamailio(port=port, folder=folder)


def _write_config(folder: Path, port: int, inside: int) -> Path:
    folder.mkdir(exist_ok=True)
    [modules] = Path("/").glob(MODULES)
    values = {"port": port, "inside": inside, "modules": f"{modules}/"}
    config = folder / "kamailio.cfg"
    config.write_text(TEMPLATE.read_text() % values)
    return config


async def _until_it_answers(port: int) -> None:
    """The process for TCP is the last that it starts; one that is ended before leaves others."""
    lines = [
        f"OPTIONS sip:ping@{HOST}:{port} SIP/2.0",
        f"Via: SIP/2.0/TCP {HOST}:{port};branch=z9hG4bKping",
        "Max-Forwards: 1",
        f"From: <sip:ping@{HOST}>;tag=1",
        f"To: <sip:ping@{HOST}>",
        "Call-ID: ping",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    with trio.fail_after(READY_S):
        async with await _connected(port) as stream:
            await stream.send_all(("\r\n".join(lines) + "\r\n\r\n").encode())
            answer = await stream.receive_some(4096)
    assert answer.startswith(b"SIP/2.0 200"), answer


async def _connected(port: int) -> trio.SocketStream:
    """The table of ports would show those of connections that have just ended as well."""
    while True:
        try:
            return await trio.open_tcp_stream(HOST, port)
        except OSError:
            await trio.sleep(POLL_S)
