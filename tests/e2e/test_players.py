"""Players of several sounds and of tones on a real call."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.audio import decode_ulaw
from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone

pytestmark = pytest.mark.loopback


async def test_a_sequence_is_heard_without_a_gap(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("players", headers=[("X-Kind", "sequence")])
    await call.connected()
    await call.ended()
    low, high, *speech = call.audio.heard()
    check_tone(low, 440, 1.0)
    check_tone(high, 880, 0.5)
    assert high.start_s - low.end_s < 0.03
    assert {part.kind for part in speech} == {"speech"}
    call.audio.check_unbroken()
    assert await runtime.logged("marker 200")


async def test_a_tone_script_is_heard_and_a_key_stops_it(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("players", headers=[("X-Kind", "tone")])
    await call.connected()
    await call.hear(2.5)
    await call.audio.press("5")
    await runtime.logged("tone stopped")
    await call.hear(0.5)
    first, *cadence = call.audio.heard()
    check_tone(first, 440, 1.0)
    for part in cadence[:3]:
        check_tone(part, 1000, 0.2)
    last = call.audio.audio_packets()[-20:]
    assert max(np.abs(decode_ulaw(packet.payload)).max() for packet in last) < 50
    await call.bye()
