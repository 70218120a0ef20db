"""A worker's life: start, readiness, import errors, checks, ping, end."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.sandbox.commands import AnswerCall, Terminate
from runtime.sandbox.frames import EventFrame, PingFrame, core_frame_to_json
from runtime.sandbox.memory import memory_stream_pair
from runtime.sandbox.wire import MAX_CORE_FRAME, ProtocolError, encode_frame
from runtime.sandbox.worker import serve_session
from tests.sandbox.fake_core import running


async def test_a_script_that_loads_makes_the_session_ready(autojump_clock: MockClock) -> None:
    async with running('from runtime import Logger\nLogger.write("loaded")') as core:
        assert core.ready
        assert core.logs == ["loaded"]


async def test_an_exception_at_import_is_reported_with_file_and_line(
    autojump_clock: MockClock,
) -> None:
    source = """
        def boom():
            raise ValueError("no such menu")

        boom()
    """
    async with running(source) as core:
        assert not core.ready
        (error,) = core.errors
        assert error.kind == "import"
        assert error.message == "ValueError: no such menu"
        assert error.where == "scenario.py:3"
        assert 'raise ValueError("no such menu")' in error.traceback
        assert "runtime/sandbox" not in error.traceback


async def test_a_syntax_error_names_its_line(autojump_clock: MockClock) -> None:
    async with running("x = 1\ndef broken(:\n    pass\n") as core:
        (error,) = core.errors
        assert error.kind == "import"
        assert error.where == "scenario.py:2"
        assert "def broken(:" in error.traceback


async def test_an_error_in_a_sibling_names_the_sibling(autojump_clock: MockClock) -> None:
    siblings = {"menu": "import trio\nPROMPTS = {}['welcome']\n"}
    async with running("import menu\n", siblings=siblings) as core:
        (error,) = core.errors
        assert error.where == "menu.py:2"
        assert error.message == "KeyError: 'welcome'"


async def test_leaving_the_interpreter_at_import_is_an_import_error(
    autojump_clock: MockClock,
) -> None:
    async with running("raise SystemExit(0)") as core:
        assert core.errors[0].kind == "import"


async def test_a_check_compiles_every_module_and_runs_none(autojump_clock: MockClock) -> None:
    siblings = {"menu": "raise RuntimeError('was run')\n"}
    async with running("raise RuntimeError('was run')", siblings=siblings, check_only=True) as core:
        assert core.ready
        assert core.errors == []


async def test_a_check_finds_the_broken_sibling(autojump_clock: MockClock) -> None:
    async with running("x = 1", siblings={"menu": "def ("}, check_only=True) as core:
        assert not core.ready
        assert core.errors[0].where == "menu.py:1"


async def test_a_ping_is_answered_with_its_nonce(autojump_clock: MockClock) -> None:
    async with running("") as core:
        await core.send(PingFrame(nonce="n-1"))
        await core.settle()
        assert core.pongs == ["n-1"]


async def test_the_worker_returns_when_the_core_is_gone(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_session, theirs)
        await trio.testing.wait_all_tasks_blocked()
        ours.close()


async def test_the_worker_returns_when_the_core_says_stop_during_a_handler(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import AppEvents, VoxEngine
        @VoxEngine.on(AppEvents.Started)
        async def started():
            await VoxEngine.sleep(3600)
    """
    began = trio.current_time()
    async with running(source) as core:
        await core.event("Application.Started")
    assert trio.current_time() - began < 60


async def test_frames_that_are_none_end_the_worker(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(encode_frame({"type": "nonsense"}, MAX_CORE_FRAME))
    with pytest.RaisesGroup(ProtocolError):
        await serve_session(theirs)


async def test_events_before_the_script_is_ready_are_ignored(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    event = EventFrame(seq=1, name="Application.Started")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_session, theirs)
        await ours.send_all(encode_frame(core_frame_to_json(event), MAX_CORE_FRAME))
        await trio.testing.wait_all_tasks_blocked()
        ours.close()


async def test_commands_carry_the_script_s_own_file_and_line(autojump_clock: MockClock) -> None:
    siblings = {"menu": "def greet(call):\n    call.answer()\n"}
    source = """
        import menu
        from runtime import AppEvents, VoxEngine

        @VoxEngine.on(AppEvents.CallAlerting)
        def alerting(e):
            menu.greet(e.call)
    """
    async with running(source, siblings=siblings) as core:
        await core.alert()
        assert core.frame_of(AnswerCall).where == "menu.py:2"


async def test_a_command_without_a_script_line_names_where_its_handler_was_registered(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import AppEvents, VoxEngine
        VoxEngine.addEventListener(AppEvents.Started, VoxEngine.terminate)
    """
    async with running(source) as core:
        await core.event("Application.Started")
        assert core.frame_of(Terminate).where == "scenario.py:3"


async def test_print_is_a_log_line(autojump_clock: MockClock) -> None:
    async with running('print("a", 1, sep="-")') as core:
        assert core.logs == ["a-1"]


@pytest.mark.parametrize("group", [False, True])
async def test_a_cancellation_that_nobody_asked_for_is_an_error_of_the_script(
    autojump_clock: MockClock, group: bool
) -> None:
    """Passed on, it would end all handlers of the call without a word."""
    source = f"""
        import trio
        from runtime import AppEvents, VoxEngine

        @VoxEngine.on(AppEvents.Started)
        async def started(e):
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.sleep_forever()
                except trio.Cancelled as exc:
                    kept = exc
            raise BaseExceptionGroup("kept", [kept]) if {group} else kept
    """
    async with running(source) as core:
        await core.event("Application.Started")
        (error,) = core.errors
        assert error.message.startswith("Cancelled")
        assert error.where == "scenario.py:10"


async def test_a_group_that_holds_itself_is_described_like_any_other(
    autojump_clock: MockClock,
) -> None:
    source = """
        held = []

        class Loop(BaseExceptionGroup):
            exceptions = held

        held.extend([Loop("round and round", [ValueError()])] * 4)
        raise held[0]
    """
    async with running(source) as core:
        (error,) = core.errors
        assert error.message.startswith("Loop: round and round")
        assert len(error.traceback) <= 15_000
