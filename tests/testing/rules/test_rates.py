"""Costs and directions that a script is told, by the operator's rates."""

from __future__ import annotations

from runtime.decisions.rates import Rate, RateTable
from runtime.testing import Sim
from tests.testing.rules.scripts import script

TOLD = script("""
    def told(who):
        return lambda e: Logger.write(f"{who} {e.cost!r} {e.direction}")
    @on_call
    async def alerting(e):
        bob = VoxEngine.callPSTN("+447700900123", "+442079460000")
        cid = VoxEngine.callSIP("sip:cid@example.com")
        for who, call in (("caller", e.call), ("bob", bob), ("cid", cid)):
            call.addEventListener(CallEvents.Disconnected, told(who))
        bob.record()
        bob.addEventListener(CallEvents.RecordStopped, lambda e: Logger.write(f"rec {e.cost!r}"))
        recorder = VoxEngine.createRecorder()
        recorder.addEventListener(RecorderEvents.Stopped, lambda e: Logger.write(f"mix {e.cost!r}"))
        e.call.sendMediaTo(recorder)
        await e.call.answer()
        await e.call.ended()
        recorder.stop()
        bob.hangup()
        cid.hangup()
""")


async def played(sim: Sim) -> list[str]:
    sim.load_text(TOLD)
    bob, cid = sim.expect_call("+447700900123"), sim.expect_call("sip:cid@example.com")
    caller = await sim.call("+442079460001")
    await caller.connected()
    bob.answer()
    cid.answer()
    await sim.advance(60)
    caller.hang_up()
    await bob.ended()
    await cid.ended()
    await sim.settle()
    return sorted(sim.logs)


async def test_costs_are_those_of_the_rates(sim: Sim) -> None:
    rates = [
        Rate(name="UK mobile", prefix="+447", per_minute=0.06, increment_s=60),
        Rate(name="Inbound", prefix="+44", way="in", per_minute=0.01, increment_s=3_600),
        Rate(what="recording", per_minute=0.6, increment_s=600),
    ]
    sim.configure(rates=RateTable(tuple(rates)))
    assert await played(sim) == [
        "bob 0.06 UK mobile",
        "caller 0.6 Inbound",
        "cid 0.0 SIP Call",
        "mix '6'",
        "rec '6'",
    ]


async def test_without_rates_nothing_costs_anything(sim: Sim) -> None:
    assert await played(sim) == [
        "bob 0.0 SIP to PSTN",
        "caller 0.0 SIP Call",
        "cid 0.0 SIP Call",
        "mix '0'",
        "rec '0'",
    ]
