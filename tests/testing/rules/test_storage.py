"""ApplicationStorage and CallList (voxengine.md 1.9, 3.8)."""

from __future__ import annotations

from runtime.decisions.limits import Limits
from runtime.testing import Sim
from tests.testing.rules.scripts import script


async def logs(sim: Sim, body: str) -> list[str]:
    """What a scenario logs while it handles one call."""
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await work()
            e.call.reject(603)
        async def work():
        """)
        + body
    )
    caller = await sim.call()
    await caller.ended()
    return sim.logs


async def test_what_one_session_puts_the_next_one_gets(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            seen = await ApplicationStorage.get("calls")
            calls = int(seen.value) + 1 if seen else 1
            pair = await ApplicationStorage.put("calls", str(calls), 3600)
            Logger.write(f"{pair.key} {pair.value}")
            e.call.reject(603)
        """)
    )
    for _ in range(3):
        await (await sim.call()).ended()
    assert sim.logs == ["calls 1", "calls 2", "calls 3"]


async def test_a_pair_is_gone_when_its_time_is_over(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            pair = await ApplicationStorage.put("a", "b", 30)
            Logger.write(pair.expireAt - int(VoxEngine.now().timestamp()))
            Logger.write(pair.expire == pair.expireAt)
            await VoxEngine.sleep(29)
            Logger.write((await ApplicationStorage.get("a")).value)
            await VoxEngine.sleep(2)
            Logger.write(await ApplicationStorage.get("a"))
            Logger.write((await ApplicationStorage.keys()).keys)
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == ["30", "True", "b", "None", "()"]


async def test_remove_gives_what_was_there(sim: Sim) -> None:
    assert await logs(
        sim,
        """
    await ApplicationStorage.put("a", "b", 30)
    Logger.write((await ApplicationStorage.remove("a")).value)
    Logger.write(await ApplicationStorage.remove("a"))
""",
    ) == ["b", "None"]


async def test_keys_are_listed_by_a_pattern(sim: Sim) -> None:
    assert await logs(
        sim,
        """
    for key in ("user:1", "user:2", "order:1", "user"):
        ApplicationStorage.put(key, "", 30)
    for pattern in ("user:*", "*:1", "user:1", "u*2", "x*", "user", "order", "ord"):
        Logger.write(" ".join((await ApplicationStorage.keys(pattern)).keys))
    Logger.write((await ApplicationStorage.keys(count=1)).keys[0])
""",
    ) == [
        "user:1 user:2",
        "user:1 order:1",
        "user:1",
        "user:2",
        "",
        "user:1 user:2 user",
        "order:1",
        "",
        "user:1",
    ]


async def test_too_many_pairs_are_refused(sim: Sim) -> None:
    sim.configure(limits=Limits(stored_pairs=1))
    assert await logs(
        sim,
        """
    await ApplicationStorage.put("a", "1", 30)
    await ApplicationStorage.put("a", "2", 30)
    try:
        await ApplicationStorage.put("b", "1", 30)
    except CommandFailed as exc:
        Logger.write(exc)
""",
    ) == [
        "ApplicationStorage.put(): there are 1 pairs already, the limit; remove some, or give "
        "them a shorter ttl (E2405)"
    ]


async def test_what_cannot_be_stored_is_refused_at_its_line(sim: Sim) -> None:
    assert await logs(
        sim,
        """
    for arguments in (("", "", 1), ("k" * 201, "", 1), ("k", "v" * 2001, 1), ("k", 5, 1),
                      ("k", "v", -1), ("k", "v", 7_776_001)):
        try:
            ApplicationStorage.put(*arguments)
        except (TypeError, ValueError) as exc:
            Logger.write(str(exc).partition("(): ")[2])
""",
    ) == [
        "key must not be empty",
        "key has 201 characters, the limit is 200",
        "value has 2001 characters, the limit is 2000",
        "value must be a string, not int",
        "ttl must be a whole number from 0 to 7776000, not -1",
        "ttl must be a whole number from 0 to 7776000, not 7776001",
    ]


async def test_stored_values_do_not_stand_in_the_timeline(sim: Sim) -> None:
    await logs(sim, '    await ApplicationStorage.put("a", "confidential", 30)\n')
    assert "confidential" not in "".join(map(str, sim.timeline))


async def test_reports_of_a_task_stand_in_the_timeline(sim: Sim) -> None:
    assert await logs(
        sim,
        """
    CallList.reportProgress({"step": 1}, lambda result: Logger.write(f"progress {result.code}"))
    CallList.reportError("no answer", lambda: Logger.write("told"))
    CallList.requestNextAttempt({"attempts_left": 1})
    CallList.reportResult({"rating": 5})
    for ask in (CallList.reportResultAsync, CallList.reportErrorAsync,
                CallList.reportProgressAsync, CallList.requestNextAttemptAsync):
        result = await ask([1])
        Logger.write(f"{result.code} {result.text}")
""",
    ) == ["progress 200", "told", *['200 {"result": true}'] * 4]
    found = [(row.what, row.detail["data"]) for row in sim.timeline if row.kind == "report"]
    assert found[:4] == [
        ("progress", '{"step": 1}'),
        ("error", "no answer"),
        ("next_attempt", '{"attempts_left": 1}'),
        ("result", '{"rating": 5}'),
    ]


async def test_the_last_report_can_be_made_while_terminating(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Terminating)
        async def last():
            await CallList.reportResultAsync({"done": True})
            Logger.write("reported")
        @on_call
        def alerting(e):
            VoxEngine.terminate()
        """)
    )
    await (await sim.call()).ended()
    await sim.settle()
    assert sim.logs == ["reported"]
