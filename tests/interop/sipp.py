"""SIPp as a caller (uac) and as a called party (uas), on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import attrs
import pytest

from tests.interop.programs import (
    Finished,
    require_program,
    run_program,
    running,
    wait_bound,
    wait_exit,
)
from tests.ports import free_port

Transport = Literal["udp", "tcp"]
HOST: Final = "127.0.0.1"
PCAPS: Final = Path("/usr/share/sip-tester")
"""Where Debian keeps the audio that the built-in scenarios call pcap/NAME."""
_TRANSPORTS: Final = {"udp": "u1", "tcp": "t1"}


def require_raw_sockets() -> None:
    """SIPp plays pcap files over raw sockets, which only root may open."""
    if os.geteuid() != 0:
        pytest.skip("SIPp plays a pcap only as root: its audio was NOT tested")


@attrs.frozen(kw_only=True)
class Sipp:
    """How SIPp is started; `scenario` is a built-in name (uac, uas, uac_pcap) or a file."""

    folder: Path
    scenario: str | Path = "uac"
    transport: Transport = "udp"

    async def call(
        self,
        target: str,
        *,
        service: str = "service",
        calls: int = 1,
        rate: int = 10,
        hold_ms: int = 0,
        timeout_s: float = 30.0,
        extra: tuple[str, ...] = (),
    ) -> Finished:
        """Place calls to `HOST:PORT`; exit code 0 = every message was as the scenario says."""
        port = free_port()
        if not (self.folder / "pcap").exists():
            (self.folder / "pcap").symlink_to(PCAPS)
        command = [
            *self._command(port),
            target,
            *("-s", service, "-m", str(calls), "-r", str(rate), "-d", str(hold_ms)),
            *("-mp", str(free_port()), "-timeout", f"{timeout_s:.0f}s", "-timeout_error"),
            *extra,
        ]
        return await run_program(command, self.folder, timeout_s=timeout_s + 5)

    @asynccontextmanager
    async def answering(
        self, *, calls: int = 0, echo: bool = False, extra: tuple[str, ...] = ()
    ) -> AsyncIterator[Answering]:
        """SIPp as the called party while the block runs; `calls` = 0 serves any number."""
        port = free_port()
        command = [
            *self._command(port),
            *("-mp", str(free_port())),
            *(("-m", str(calls)) if calls else ()),
            *(("-rtp_echo",) if echo else ()),
            *extra,
        ]
        async with running(command, self.folder) as process:
            await wait_bound(port, self.transport)
            yield Answering(port=port, process=process, folder=self.folder)

    def _command(self, port: int) -> list[str]:
        built_in = isinstance(self.scenario, str)
        return [
            require_program("sipp"),
            "-nostdin",
            *("-sn" if built_in else "-sf", str(self.scenario)),
            *("-i", HOST, "-mi", HOST, "-p", str(port), "-t", _TRANSPORTS[self.transport]),
            *("-trace_err", "-error_file", str(self.folder / "sipp-errors.log")),
            *("-trace_msg", "-message_file", str(self.folder / "sipp-messages.log")),
        ]


@attrs.frozen(kw_only=True)
class Answering:
    """A SIPp that waits for calls."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    async def finished(self) -> Finished:
        """After its last call, when it was given a number of them."""
        code = await wait_exit(self.process)
        output = (self.folder / "output.txt").read_text(errors="replace")
        return Finished(exit_code=code, output=output, folder=self.folder)
