"""What a script raises: recorded with its own line, and the session goes on."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.commands import HangUpCall
from runtime.sandbox.schema import MAX_TRACEBACK
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running


async def test_an_exception_in_a_leg_s_handler_names_the_leg_and_its_line(
    autojump_clock: MockClock,
) -> None:
    body = """
def connected():
    raise KeyError("menu")
call.addEventListener(CallEvents.Connected, connected)
call.addEventListener(CallEvents.Connected, lambda: Logger.write("the next one runs"))
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        (error,) = core.errors
        assert (error.unit, error.kind, error.message) == (2, "handler", "KeyError: 'menu'")
        assert error.where == "scenario.py:9"
        assert 'raise KeyError("menu")' in error.traceback
        assert core.logs == ["the next one runs"]


async def test_an_exception_in_a_session_s_handler_belongs_to_no_leg(
    autojump_clock: MockClock,
) -> None:
    async with running(alerting("call.nonsense()")) as core:
        await core.alert()
        (error,) = core.errors
        assert error.unit is None
        assert (
            error.message
            == "AttributeError: Call has no attribute 'nonsense', nor anything similar"
        )


async def test_an_async_handler_s_later_exception_is_a_task_s(autojump_clock: MockClock) -> None:
    body = """
@call.on(CallEvents.Connected)
async def connected():
    await VoxEngine.sleep(1)
    raise ValueError("later")
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await trio.sleep(2)
        (error,) = core.errors
        assert (error.unit, error.kind, error.message) == (2, "task", "ValueError: later")
        assert "runtime/sandbox" not in error.traceback


async def test_exceptions_of_tasks_in_a_script_s_own_nursery_show_their_leaves(
    autojump_clock: MockClock,
) -> None:
    body = """
async def fail(text):
    await trio.sleep(1)
    raise ValueError(text)
@call.on(CallEvents.Connected)
async def connected():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, "one")
        nursery.start_soon(trio.sleep_forever)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await trio.sleep(2)
        (error,) = core.errors
        assert error.message == "ValueError: one"
        assert error.where == "scenario.py:10"
        assert "ExceptionGroup" in error.traceback


async def test_a_timer_s_exception_belongs_to_the_leg_that_set_it(
    autojump_clock: MockClock,
) -> None:
    body = """
call.on(CallEvents.Connected)(lambda: setTimeout(lambda: 1 / 0, 100))
setTimeout(lambda: [][1], 200)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await trio.sleep(1)
        assert [(error.unit, error.kind, error.message) for error in core.errors] == [
            (2, "timer", "ZeroDivisionError: division by zero"),
            (None, "timer", "IndexError: list index out of range"),
        ]


async def test_a_player_s_handler_belongs_to_the_leg_whose_handler_added_it(
    autojump_clock: MockClock,
) -> None:
    body = """
@call.on(CallEvents.Connected)
def connected():
    player = VoxEngine.createURLPlayer("a.wav")
    player.addEventListener(PlayerEvents.Started, lambda: 1 / 0)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.event("Player.Started", 1)
        assert core.errors[0].unit == 2


async def test_leaving_the_interpreter_is_an_exception_like_any_other(
    autojump_clock: MockClock,
) -> None:
    body = """
@call.on(CallEvents.OnHold)
def leave():
    raise SystemExit(1)
@call.on(CallEvents.OnHold)
async def held():
    await VoxEngine.sleep(0)
    raise GeneratorExit
@call.on(CallEvents.OffHold)
def resumed():
    raise GeneratorExit
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.event("Call.OnHold", 2)
        await core.event("Call.OffHold", 2)
        names = [error.message.partition(":")[0] for error in core.errors]
        assert names == ["SystemExit", "GeneratorExit", "GeneratorExit"]


HOSTILE = """
class Hostile(Exception):
    def __str__(self):
        {body}
    __repr__ = __str__
    @property
    def __notes__(self):
        raise ValueError
call.on(CallEvents.Connected)(lambda: Logger.write("alive"))
raise Hostile("x")
"""


async def test_an_exception_that_cannot_be_shown_is_still_recorded(
    autojump_clock: MockClock,
) -> None:
    for body in ("raise Hostile", "raise SystemExit", "return 'x' * 10_000_000", "return 5",
                 "return '\\ud800\\x00'", "return self.__str__()"):  # fmt: skip
        async with running(alerting(HOSTILE.format(body=body))) as core:
            await core.alert()
            await core.connect()
            (error,) = core.errors
            assert error.message.startswith("Hostile: ")
            assert len(error.message) <= 1_000
            assert core.logs == ["alive"]


async def test_a_huge_traceback_is_cut_in_the_middle(autojump_clock: MockClock) -> None:
    body = """
def dive(depth):
    return dive(depth + 1)
dive(0)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        (error,) = core.errors
        assert error.message.startswith("RecursionError")
        assert "more calls ..." in error.traceback
        assert len(error.traceback) < MAX_TRACEBACK


async def test_a_chain_of_a_thousand_causes_is_cut(autojump_clock: MockClock) -> None:
    body = """
error = ValueError("root")
for number in range(1000):
    error, error.__cause__ = ValueError(str(number)), error
raise error
"""
    async with running(alerting(body)) as core:
        await core.alert()
        (error,) = core.errors
        assert error.traceback.count("ValueError") <= 5


async def test_no_flood_of_log_lines_grows_the_worker(autojump_clock: MockClock) -> None:
    body = """
for number in range(10_000):
    Logger.write(f"line {number}")
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert len(core.logs) == 2_000
        await core.event("Call.OnHold", 2)
        assert core.errors == []


async def test_a_flood_of_commands_is_refused(autojump_clock: MockClock) -> None:
    async with running(alerting("for _ in range(10_000): call.hangup()")) as core:
        await core.alert()
        assert len(core.all_of(HangUpCall)) == 2_000
        assert core.errors[0].message.startswith("LimitReached: 2000 commands wait")


async def test_long_and_strange_log_lines_are_cut_to_what_a_frame_carries(
    autojump_clock: MockClock,
) -> None:
    body = """
Logger.write("x" * 20_000)
Logger.write("\\x01" * 15_000)
Logger.write("\\U0001F600" * 15_000)
Logger.write("a\\x00b\\ud800c")
Logger.write(None)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert core.errors == []
        plain, control, smileys, strange, nothing = core.logs
        assert len(plain) == 15_000
        assert plain.endswith("x... [cut]")
        assert control.endswith("[cut]")
        assert smileys.endswith("\U0001f600... [cut]")
        assert strange == "a\\0b\\ud800c"
        assert nothing == "None"


async def test_a_traceback_ends_in_the_script_when_the_api_refuses_a_call(
    autojump_clock: MockClock,
) -> None:
    async with running(alerting("call.reject()")) as core:
        await core.alert()
        (error,) = core.errors
        assert error.traceback.splitlines()[1:3] == [
            '  File "scenario.py", line 8, in alerting',
            "    call.reject()",
        ]
        assert "names.py" not in error.traceback
