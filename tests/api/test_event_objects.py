"""Events as scripts compare and read them: by class, by name, by field."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from runtime import AppEvents, CallEvents, PlayerEvents
from runtime.api.events import by_name
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running


def test_a_constant_equals_its_string_value_and_nothing_else() -> None:
    assert CallEvents.Connected == "Call.Connected"
    assert "Call.Connected" == CallEvents.Connected  # noqa: SIM300 - both ways round
    assert CallEvents.Connected != "Call.Failed"
    assert CallEvents.Connected != CallEvents.Failed
    assert CallEvents.Connected == CallEvents.Connected
    assert PlayerEvents.Started != AppEvents.Started
    assert CallEvents.Connected != 5


def test_a_constant_and_its_string_value_are_the_same_key() -> None:
    handlers = {CallEvents.Connected: 1, "Call.Failed": 2}
    assert handlers["Call.Connected"] == 1  # type: ignore[index]
    assert handlers[CallEvents.Failed] == 2
    assert len(set(by_name(CallEvents)) | set(by_name(CallEvents).values())) == len(
        by_name(CallEvents)
    )


async def test_one_handler_tells_several_events_apart(autojump_clock: MockClock) -> None:
    body = """
def any_event(e):
    if e.name == CallEvents.Connected:
        Logger.write("by name")
    match e.name:
        case CallEvents.Connected:
            Logger.write("by value")
    match e:
        case CallEvents.Connected(headers=headers):
            Logger.write(f"by class {headers}")
        case CallEvents.Disconnected(internalCode=code):
            Logger.write(f"ended {code}")
for event in (CallEvents.Connected, "Call.Disconnected"):
    call.addEventListener(event, any_event)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect(headers={"X-A": "1"})
        await core.disconnect(internalCode=16)
        assert core.logs == ["by name", "by value", "by class {'X-A': '1'}", "ended 16"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("e.internalcode", "Call.Disconnected has no field 'internalcode': did you mean "
         "'internalCode'?"),
        ("e.tone", "Call.Disconnected has no field 'tone': known are call, cost, direction, "
         "duration, headers, id, internalCode, name, reason"),
        ("e._private", "Call.Disconnected has no field '_private'"),
    ],
)  # fmt: skip
async def test_an_unknown_field_says_which_there_are(
    autojump_clock: MockClock, expression: str, message: str
) -> None:
    body = f"""
@call.on(CallEvents.Disconnected)
def gone(e):
    try:
        {expression}
    except AttributeError as exc:
        Logger.write(str(exc))
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.disconnect()
        assert core.logs == [message]


async def test_what_the_api_gives_shows_itself_in_few_words(autojump_clock: MockClock) -> None:
    body = """
for thing in (Logger, VoxEngine, call.say("x"), call.tones(), call.gather(), call.answered(),
              call.answered(5), call.ended(), e.call):
    Logger.write(repr(thing))
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert core.logs == [
            "Logger",
            "VoxEngine",
            "<Call.say pending>",
            "<Call.tones 0 waiting>",
            "<Call.gather pending>",
            "<Call.answered pending>",
            "<Call.answered pending, 5 s at most>",
            "<Call.ended pending>",
            "<Call s1-2 from 200 ALERTING>",
        ]
