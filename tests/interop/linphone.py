"""linphonec as a telephone on loopback: lines in, lines out; what it hears is in a wav."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from tests.interop.programs import require_program, running
from tests.ports import free_port

HOST: Final = "127.0.0.1"
EVENT_TIMEOUT_S: Final = 20.0
MICROPHONE_S: Final = 60
RATE_HZ: Final = 8000

Samples = NDArray[np.int16]


@attrs.frozen(kw_only=True)
class Account:
    """Who it is at a registrar."""

    user: str
    password: str
    registrar: str
    """A SIP URI, with its port."""
    realm: str = "callstage"
    encryption: str = "none"
    """Or "srtp": keys in the description."""


@attrs.define
class Linphone:
    """A running linphonec."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def uri(self) -> str:
        return f"sip:lin@{HOST}:{self.port}"

    def type(self, line: str) -> None:
        """One line, as at its prompt."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    async def said(self, text: str, times: int = 1) -> None:
        """Wait, bounded, until it has written `text` so many times."""
        with trio.move_on_after(EVENT_TIMEOUT_S):
            while self.output().count(text) < times:  # noqa: ASYNC110 - another process's doing
                await trio.sleep(0.02)
            return
        raise AssertionError(f"linphonec did not say {text!r}:\n{self.output()[-4000:]}")

    def heard(self) -> tuple[Samples, int]:
        """What came out of its loudspeaker in its calls: samples and rate."""
        data = (self.folder / "heard.wav").read_bytes()[44:]  # the length in its header is late
        return np.frombuffer(data[: len(data) & ~1], dtype="<i2").astype(np.int16), RATE_HZ


@asynccontextmanager
async def linphone(
    folder: Path, microphone: Samples, account: Account, *, answers: bool = False
) -> AsyncIterator[Linphone]:
    """A linphonec that says `microphone` (8,000 Hz) into every call.

    It registers with its account, and `answers` each call at once.
    """
    program = require_program("linphonec")
    port = free_port()
    _write_files(folder, microphone, account, port)
    command = [program, "-c", "rc", "-d", "0", *(["-a"] if answers else [])]
    home = {"HOME": str(folder)}
    async with running(command, folder, stdin=subprocess.PIPE, environment=home) as process:
        phone = Linphone(folder, port, process)
        await phone.said("linphonec>")
        for line in ("soundcard use files", "record heard.wav", "play mic.wav"):
            phone.type(line)
        yield phone
        phone.type("terminate all")
        phone.type("quit")
        await phone.said("Terminating")


def _write_files(folder: Path, microphone: Samples, account: Account, port: int) -> None:
    (folder / ".local" / "share" / "linphone").mkdir(parents=True)
    padded = np.zeros(max(len(microphone), MICROPHONE_S * RATE_HZ), dtype="<i2")
    padded[: len(microphone)] = microphone
    with wave.open(str(folder / "mic.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(padded.tobytes())
    lines = [
        "[sip]",
        *(f"sip_port={port}", "sip_tcp_port=0", "sip_tls_port=0", "guess_hostname=0"),
        *("default_proxy=0", f"media_encryption={account.encryption}"),
        "[rtp]",
        f"audio_rtp_port={free_port()}",
        "[proxy_0]",
        f"reg_proxy={account.registrar}",
        f"reg_identity=sip:{account.user}@{account.registrar.removeprefix('sip:')}",
        *("reg_expires=60", "reg_sendregister=1"),
        "[auth_info_0]",
        *(f"username={account.user}", f"passwd={account.password}", f"realm={account.realm}"),
    ]
    (folder / "rc").write_text("\n".join(lines) + "\n")
