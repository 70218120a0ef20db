"""baresip as a telephone on loopback, driven over its control port; what it hears is in a wav."""

from __future__ import annotations

import json
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from tests.interop.programs import require_program, running, wait_bound
from tests.ports import free_port

HOST: Final = "127.0.0.1"
MODULES: Final = Path("/usr/lib/baresip/modules")
EVENT_TIMEOUT_S: Final = 20.0
MICROPHONE_S: Final = 60
"""baresip hangs up at the end of its microphone file."""
_LOADED: Final = (
    "account", "contact", "menu", "g711", "g722", "opus", "l16", "aufile", "sndfile", "ctrl_tcp",
)  # fmt: skip

Samples = NDArray[np.int16]


@attrs.define
class Baresip:
    """A running baresip. Events are read as they come, and waited for by type."""

    folder: Path
    port: int
    stream: trio.SocketStream
    events: list[dict[str, Any]] = attrs.field(factory=list)

    @property
    def uri(self) -> str:
        return f"sip:phone@{HOST}:{self.port}"

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def press(self, keys: str) -> None:
        """RFC 4733 keys, one command each as a person would."""
        for key in keys:
            await self.command("sndcode", key)
            await trio.sleep(0.25)  # its own key-up comes 0.2 s after the key

    async def hold(self) -> None:
        await self.command("hold")

    async def resume(self) -> None:
        await self.command("resume")

    async def command(self, name: str, params: str = "") -> None:
        text = json.dumps({"command": name, "params": params, "token": name})
        await self.stream.send_all(f"{len(text)}:{text},".encode())

    async def wait_for(self, kind: str, times: int = 1) -> dict[str, Any]:
        """The event of that type ("CALL_ESTABLISHED", "CALL_CLOSED" ...), bounded."""
        with trio.fail_after(EVENT_TIMEOUT_S):
            while True:
                found = [event for event in self.events if event.get("type") == kind]
                if len(found) >= times:
                    return found[times - 1]
                await trio.sleep(0.01)

    def heard(self) -> tuple[Samples, int]:
        """What came out of its loudspeaker in the last call: samples and rate."""
        dumps = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        with wave.open(str(dumps[-1]), "rb") as file:
            data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            left = data[:: file.getnchannels()]
            return left.astype(np.int16), file.getframerate()

    async def read_events(self) -> None:
        """Netstrings of JSON, until the control connection closes."""
        buffer = b""
        async for chunk in self.stream:
            buffer += chunk
            while (parsed := _netstring(buffer)) is not None:
                text, buffer = parsed
                message = json.loads(text)
                if message.get("event"):
                    self.events.append(message)


@asynccontextmanager
async def baresip(
    folder: Path,
    microphone: Samples,
    *,
    rate_hz: int = 8000,
    channels: int = 1,
    account: str = "answermode=auto;audio_codecs=PCMU",
    config: Sequence[str] = (),
    registers: str = "",
) -> AsyncIterator[Baresip]:
    """A baresip that says `microphone` (then silence) into every call, while the block runs.

    It takes the file only with the rate and the channels of the call's codec. `registers` is its
    own address at a registrar, "sip:bob@127.0.0.1:5060"; how often and with which password stands
    in `account`.
    """
    program = require_program("baresip")
    port, control = free_port(), free_port()
    _write_microphone(folder / "mic.wav", microphone, rate_hz, channels)
    own = f"<{registers}>" if registers else f"<sip:phone@{HOST}:{port}>;regint=0"
    (folder / "accounts").write_text(f"{own};{account}\n")
    (folder / "contacts").write_text("")
    (folder / "config").write_text("\n".join([*_config(folder, port, control), *config]) + "\n")
    async with running([program, "-f", str(folder), "-s"], folder):
        await wait_bound(control, "tcp")
        await wait_bound(port, "udp")
        async with await trio.open_tcp_stream(HOST, control) as stream, trio.open_nursery() as n:
            phone = Baresip(folder, port, stream)
            n.start_soon(phone.read_events)
            yield phone
            await phone.command("hangup")
            n.cancel_scope.cancel()


def _config(folder: Path, port: int, control: int) -> list[str]:
    return [
        f"sip_listen {HOST}:{port}",
        "net_interface 127.0.0.1",
        f"audio_source aufile,{folder / 'mic.wav'}",
        "call_max_calls 4",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in _LOADED if name not in ("account", "menu", "contact")),
        *(f"module_app {name}.so" for name in ("account", "contact", "menu")),
        f"ctrl_tcp_listen {HOST}:{control}",
        f"snd_path {folder}",
    ]


def _write_microphone(path: Path, samples: Samples, rate_hz: int, channels: int) -> None:
    padded = np.zeros(max(len(samples), MICROPHONE_S * rate_hz), dtype="<i2")
    padded[: len(samples)] = samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(padded, channels).tobytes())


def _netstring(buffer: bytes) -> tuple[bytes, bytes] | None:
    length, colon, rest = buffer.partition(b":")
    if not colon or len(rest) <= int(length):
        return None
    size = int(length)
    return rest[:size], rest[size + 1 :]
