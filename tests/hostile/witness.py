"""A caller beside the hostile ones, who hears a tone without end and whose INFOs are answered."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from tests.e2e.phone import Dialog, telephone
from tests.e2e.waiting import until
from tests.hostile.gaps import Beats, Gap, gaps

SCRIPT: Final = """
from runtime import AppEvents, CallEvents, VoxEngine

VoxEngine.customData("witness-secret")

@VoxEngine.on(AppEvents.CallAlerting)
async def alerting(e):
    call = e.call
    call.on(CallEvents.InfoReceived)(lambda info: call.sendInfo("text/plain", info.body))
    await call.answer()
    call.startPlayback("440-loop.wav", loop=True)
"""
BEAT_S: Final = 0.1
"""Between INFOs."""
MAX_ANSWER_S: Final = 3.0
"""For one INFO and its echo through the core and a script, on a busy machine with a busy test; a
core that is held up for longer fails its callers (SIP's own timer T1 resends after 0.5 s)."""


@attrs.define
class Witness:
    """One call, from before the first attack to after the last."""

    call: Dialog
    metronomes: list[Beats]
    answers_s: list[float] = attrs.field(factory=list)
    hung_up: bool = False
    """By the runtime: that must not happen."""

    @classmethod
    async def run(
        cls, port: int, metronomes: list[Beats], *, task_status: trio.TaskStatus[Witness]
    ) -> None:
        """Call, hear the tone, and go on until cancelled."""
        async with telephone(port) as phone:
            call = await phone.call("witness")
            call.audio.silent = True
            await call.connected()
            await until(call.audio.sounds, "the witness hears the tone")
            witness = cls(call, metronomes)
            task_status.started(witness)
            await witness._talk()

    async def _talk(self) -> None:
        while True:
            self._forget()
            began = trio.current_time()
            await self.call.ask("INFO", body=b"beat", kind="text/plain")
            await until(lambda: self.call.others and self._echoed, "an echo of the INFO")
            self.answers_s.append(trio.current_time() - began)
            await trio.sleep(BEAT_S)

    @property
    def _echoed(self) -> bool:
        return any(request.method == "INFO" for request in self.call.requests)

    def _forget(self) -> None:
        """What it was sent before, so that looking stays cheap."""
        self.hung_up |= any(request.method == "BYE" for request in self.call.requests)
        self.call.requests.clear()
        self.call.others.clear()

    def gaps(self, since: float) -> list[Gap]:
        """Of all packets since then; it costs a second a minute of tone."""
        packets = [p for p in self.call.audio.audio_packets() if p.at >= since]
        return gaps(packets, self.metronomes)
