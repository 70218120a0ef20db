"""Wrong arguments of the methods that listen are refused in the words of the API."""

from __future__ import annotations

import pytest

from runtime.testing import Sim

SCRIPT = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e):
    call = e.call
    try:
        {line}
    except (TypeError, ValueError) as error:
        Logger.write(f"{{type(error).__name__}}: {{error}}")
    call.answer()
"""


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("call.enableBeepDetection(frequencies=850)", "TypeError: Call.enableBeepDetection(): fre"),
        ("call.enableBeepDetection(frequencies=[50])", "ValueError: Call.enableBeepDetection(): f"),
        ("call.enableBeepDetection({'timeout': 0})", "ValueError: Call.enableBeepDetection(): tim"),
        ("call.enableBeepDetection(time=5)", "TypeError: Call.enableBeepDetection() has no option"),
        (
            "call.detectVoicemailTone(121)",
            "ValueError: Call.detectVoicemailTone(): timeout must b",
        ),
        ("call.detectVoicemailTone('1')", "TypeError: Call.detectVoicemailTone(): timeout must be"),
        ("call.handleMicStatus(1)", "TypeError: Call.handleMicStatus(): handle must be True or Fa"),
        ("call.detectProgressTone(7)", "TypeError: Call.detectProgressTone(): country must be"),
        ("call.monitorMediaStatistics(interval=2)", "ValueError: Call.monitorMediaStatistics(): i"),
        ("call.monitorMediaStatistics(interval='5')", "TypeError: Call.monitorMediaStatistics(): "),
        ("AMD.create(timeout=20001)", "ValueError: AMD.create(): timeout must be 0 to 20,000 ms"),
        ("AMD.create(timeout=1.5)", "TypeError: AMD.create(): timeout must be whole milliseconds"),
        ("AMD.create().detect()", "ValueError: AMD.call(): this detector was not given to a call"),
        (
            "VoxEngine.callSIP('sip:bob@example.com', amd=True)",
            "TypeError: VoxEngine.callSIP(): amd must be what AMD.create() gave, not bool",
        ),
        (
            "d = AMD.create(); [VoxEngine.callSIP('sip:bob@example.com', amd=d) for _ in '12']",
            "ValueError: VoxEngine.callSIP(): this detector belongs to",
        ),
    ],
)
async def test_it_is_refused_at_its_line(sim: Sim, line: str, refusal: str) -> None:
    sim.leave_open()
    sim.load_text(SCRIPT.format(line=line))
    caller = await sim.call("100")
    await caller.connected()
    (log,) = sim.logs
    assert log.startswith(refusal)


async def test_an_unknown_country_is_refused_in_the_timeline(sim: Sim) -> None:
    sim.leave_open()
    sim.load_text(SCRIPT.format(line="call.detectProgressTone('XX')"))
    caller = await sim.call("100")
    await caller.connected()
    assert "this country is not known, only: DE, ES" in sim.text()
