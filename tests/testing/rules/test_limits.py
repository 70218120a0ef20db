"""Rule 3.8: limits, and what a script sees when it passes them; timers and customData besides."""

from __future__ import annotations

import pytest

from runtime.testing import Limits, Sim
from tests.testing.rules.scripts import script


async def logs_of(sim: Sim, body: str) -> list[str]:
    """What a session writes that runs this at its top level."""
    sim.load_text(script(body))
    await sim.start()
    await sim.settle()
    return sim.logs


async def test_the_hundred_and_first_timer_is_refused(sim: Sim) -> None:
    logs = await logs_of(
        sim,
        """
        for number in range(101):
            try:
                timer = setTimeout(lambda: None, 50_000)
            except LimitReached:
                Logger.write(f"refused {number}")
        clearTimeout(timer)
        setTimeout(lambda: Logger.write("one more"), 0)
        """,
    )
    assert logs[0].startswith("limit:timers: setTimeout(): 100 timers are active already")
    assert logs[1:] == ["refused 100", "one more"]


async def test_what_a_process_keeps_for_itself_is_told_once_in_the_timeline(sim: Sim) -> None:
    sim.configure(limits=Limits(timers=1, listeners=1, custom_data_bytes=3))
    logs = await logs_of(
        sim,
        """
        def try_all():
            for act in (
                lambda: setTimeout(print, 50_000),
                lambda: VoxEngine.addEventListener(AppEvents.Terminated, lambda: act),
                lambda: VoxEngine.customData("four"),
            ):
                try:
                    act()
                except (LimitReached, ValueError):
                    pass
        for _ in range(4):
            try_all()
        """,
    )
    assert [line.partition(": ")[0] for line in logs] == [
        "limit:custom_data_bytes",
        "limit:timers",
        "limit:listeners",
    ]


async def test_timers_fire_in_their_order_on_the_clock(sim: Sim) -> None:
    sim.load_text(
        script("""
        setTimeout(lambda: Logger.write("b"), 2000)
        setTimeout(lambda: Logger.write("a"), 1000)
        stopped = setTimeout(lambda: Logger.write("never"), 1500)
        clearTimeout(stopped)
        clearTimeout(stopped)
        async def waits():
            await VoxEngine.sleep(0.5)
            Logger.write("c")
        setTimeout(waits, 2000)
        """)
    )
    await sim.start()
    await sim.advance(3)
    assert sim.logs == ["a", "b", "c"]
    times = [row.t for row in sim.timeline if row.kind == "log"]
    assert times == [pytest.approx(1), pytest.approx(2), pytest.approx(2.5)]


async def test_an_interval_goes_on_until_it_is_cleared(sim: Sim) -> None:
    sim.load_text(
        script("""
        count = 0
        def tick():
            global count
            count += 1
            Logger.write(count)
            if count == 3:
                clearInterval(timer)
        timer = setInterval(tick, 200)
        """)
    )
    await sim.start()
    await sim.advance(10)
    assert sim.logs == ["1", "2", "3"]


async def test_a_script_with_many_commands_is_slowed_down_and_not_ended(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            for _ in range(1500):
                e.call.sendDigits("1")
            await e.call.sendDigits("2")
            Logger.write("all were sent")
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended(within=30)
    assert sim.logs == ["all were sent"]
    assert sim.now == pytest.approx(11, abs=0.5)


async def test_a_long_log_line_is_cut_with_a_mark(sim: Sim) -> None:
    logs = await logs_of(sim, 'Logger.write("x" * 20_000)\nLogger.write("y" * 15_000)\n')
    assert len(logs[0]) <= 15_000
    assert logs[0].startswith("x" * 14_000)
    assert not logs[0].endswith("x")
    assert logs[1] == "y" * 15_000


async def test_custom_data_has_two_hundred_bytes(sim: Sim) -> None:
    logs = await logs_of(
        sim,
        """
        Logger.write(VoxEngine.customData("a" * 200) == "a" * 200)
        try:
            VoxEngine.customData("é" * 101)
        except ValueError as error:
            Logger.write("ValueError")
        Logger.write(VoxEngine.customData() == "a" * 200)
        """,
    )
    assert logs == [
        "True",
        "limit:custom_data_bytes: VoxEngine.customData(): 202 bytes, the limit is 200; keep longer "
        "data in a variable",
        "ValueError",
        "True",
    ]


async def test_custom_data_of_the_start_request_may_be_longer(sim: Sim) -> None:
    sim.load_text(script("Logger.write(len(VoxEngine.customData()))"))
    await sim.start("x" * 1000)
    await sim.settle()
    assert sim.logs == ["1000"]


async def test_the_eleventh_player_cannot_be_had(sim: Sim) -> None:
    logs = await logs_of(
        sim,
        """
        for number in range(11):
            player = VoxEngine.createTTSPlayer("some text", onPause=True)
            player.on(PlayerEvents.PlaybackFinished)(
                lambda e, n=number: Logger.write(f"player {n}: {e.error}")
            )
        """,
    )
    assert any("10" in line for line in logs), logs
    assert len(logs) in (1, 2)


async def test_an_info_has_at_most_8192_bytes(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.sendInfo("text/plain", "a" * 8192)
            try:
                e.call.sendInfo("text/plain", "a" * 8193)
            except ValueError:
                Logger.write("ValueError")
        """)
    )
    caller = await sim.call()
    await caller.connected()
    assert caller.wire.count("info") == 1
    assert sim.logs == ["ValueError"]
    caller.hang_up()


@pytest.mark.parametrize(
    "mistake",
    [
        'VoxEngine.addEventListener("Application.CallAlertin", print)',
        'VoxEngine.addEventListener("Call.Connected", print)',
        "VoxEngine.callSip('sip:bob@example.com')",
        "CallEvents.Conected",
        "VoxEngine.callSIP('sip:bob@example.com', callerId='1')",
        "VoxEngine.callSIP(17)",
        "VoxEngine.createConference().sendMedia(1)",
        "Logger.writ('x')",
        "require('nothing')",
        "setTimeout('code', 10)",
        "VoxEngine.debug = 1",
    ],
)
async def test_mistakes_are_refused_where_they_stand(sim: Sim, mistake: str) -> None:
    logs = await logs_of(
        sim,
        f"""
        try:
            {mistake}
        except Exception as error:
            Logger.write(f"{{type(error).__name__}}: {{error}}")
        """,
    )
    (line,) = logs
    assert line.partition(":")[0] in ("AttributeError", "TypeError", "ValueError")


async def test_ported_scripts_may_require_their_modules(sim: Sim) -> None:
    assert await logs_of(sim, "require(Modules.ASR)\nrequire('conference')\nLogger.write(1)") == [
        "1"
    ]
