"""What a scenario may import, and that sessions share no modules."""

from __future__ import annotations

import sys

import pytest
import trio
from trio.testing import MockClock

import runtime
from runtime.sandbox.policy import IMPORTABLE
from tests.sandbox.fake_core import running


async def test_scenarios_get_exactly_the_public_names(autojump_clock: MockClock) -> None:
    source = """
        import runtime
        names = sorted(name for name in dir(runtime) if not name.startswith("_"))
        runtime.Logger.write(" ".join(names))
    """
    async with running(source) as core:
        assert core.logs[0].split() == sorted(runtime.__all__)


async def test_the_allowed_modules_can_be_imported(autojump_clock: MockClock) -> None:
    imports = "\n".join(f"import {name}" for name in sorted(IMPORTABLE))
    async with running(f"{imports}\nfrom collections.abc import Mapping") as core:
        assert core.ready, core.errors


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "import sys",
        "import socket",
        "import subprocess",
        "import threading",
        "import asyncio",
        "import importlib",
        "import ctypes",
        "import runtime.session",
        "from runtime.api import call",
        "import trio.testing",
        "__import__('os')",
    ],
)
async def test_everything_else_is_not_found_and_says_what_there_is(
    autojump_clock: MockClock, line: str
) -> None:
    async with running(line, siblings={"menu": ""}) as core:
        (error,) = core.errors
        assert error.message.startswith("ModuleNotFoundError: there is no module")
        assert "its own files (menu, scenario)" in error.message
        assert "json" in error.message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from runtime import CallEvent", "did you mean 'CallEvents'"),
        ("from runtime import Telegraph", "ImportError: runtime has no 'Telegraph'"),
        ("from menu import prompt", "ImportError: menu has no 'prompt': did you mean 'prompts'"),
        ("from . import menu", "ImportError: files of a scenario import each other by flat name"),
        ("import jsn", "did you mean 'json'"),
    ],
)
async def test_import_mistakes_are_explained(
    autojump_clock: MockClock, line: str, message: str
) -> None:
    async with running(line, siblings={"menu": "prompts = {}"}) as core:
        assert message in core.errors[0].message


async def test_siblings_are_imported_once_in_any_way_and_at_any_time(
    autojump_clock: MockClock,
) -> None:
    siblings = {
        "menu": "from runtime import Logger\nLogger.write('menu runs')\nimport words\nkeys = {}",
        "words": "hello = 'Hello'",
    }
    source = """
        from runtime import *
        import menu
        from menu import keys as k, words
        from words import *
        @VoxEngine.on(AppEvents.Started)
        def started():
            import menu as again
            Logger.write(f"{again is menu} {k is menu.keys} {hello} {words.hello}")
    """
    async with running(source, siblings=siblings) as core:
        await core.event("Application.Started")
        assert core.logs == ["menu runs", "True True Hello Hello"]


async def test_two_sessions_never_share_a_module(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        import shared
        shared.count += 1
        @VoxEngine.on(AppEvents.Started)
        def started():
            import shared
            Logger.write(f"{VoxEngine.customData()} {shared.count}")
    """
    one = running(source, siblings={"shared": "count = 0"}, custom_data="one", session_id="a")
    two = running(source, siblings={"shared": "count = 10"}, custom_data="two", session_id="b")
    before = set(sys.modules)
    async with one as first, two as second:
        await first.event("Application.Started")
        await second.event("Application.Started")
        assert (first.logs, second.logs) == (["one 1"], ["two 11"])
    assert {name for name in set(sys.modules) - before if "@" in name} == set()


async def test_dataclasses_attrs_and_enums_of_a_script_work(autojump_clock: MockClock) -> None:
    source = """
        from __future__ import annotations
        import copy, dataclasses, enum, typing, attrs
        from runtime import Logger

        @dataclasses.dataclass
        class Menu:
            keys: dict[str, Menu] = dataclasses.field(default_factory=dict)

        @attrs.define
        class Entry:
            menu: Menu

        class Key(enum.Enum):
            ONE = "1"

        Logger.write(repr(copy.deepcopy(Entry(Menu({"1": Menu()})))))
        Logger.write(f"{typing.get_type_hints(Menu)['keys'].__name__} {Key('1').name}")
    """
    async with running(source) as core:
        assert core.errors == []
        assert core.logs == ["Entry(menu=Menu(keys={'1': Menu(keys={})}))", "dict ONE"]


async def test_what_the_standard_library_imports_late_works(autojump_clock: MockClock) -> None:
    source = """
        import copy, datetime, decimal, json, re, time, uuid, zoneinfo
        from runtime import Logger
        class Odd:
            __slots__ = ("a",)
        datetime.datetime.strptime("2024-02-29", "%Y-%m-%d").strftime("%A")
        time.strptime("12", "%H")
        copy.copy(Odd()); copy.deepcopy(Odd())
        Odd().__reduce_ex__(2)
        "müller".encode("idna"); b"x".decode("utf-16", "replace")
        decimal.Decimal("1.1") / 3
        uuid.uuid4()
        try:
            json.loads("{")
        except json.JSONDecodeError:
            pass
        Logger.write("all of it")
    """
    async with running(source) as core:
        assert core.errors == []
        assert core.logs == ["all of it"]


async def test_a_module_that_fails_may_be_imported_again(autojump_clock: MockClock) -> None:
    source = """
        from runtime import Logger
        for _ in range(2):
            try:
                import broken
            except ZeroDivisionError:
                Logger.write("broken")
    """
    async with running(source, siblings={"broken": "1 / 0"}) as core:
        assert core.logs == ["broken", "broken"]


async def test_siblings_that_import_each_other_do_not_loop(autojump_clock: MockClock) -> None:
    siblings = {"a": "import b\nname = 'a'", "b": "import a\nname = 'b'"}
    async with running("import a, b\nprint(a.name, b.name)", siblings=siblings) as core:
        assert core.logs == ["a b"]


async def test_the_handlers_of_two_sessions_reach_their_own_session(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        @VoxEngine.on(AppEvents.Started)
        async def started():
            for _ in range(5):
                await VoxEngine.sleep(0.01)
                Logger.write(VoxEngine.customData())
    """
    one = running(source, custom_data="one", session_id="a")
    two = running(source, custom_data="two", session_id="b")
    async with one as first, two as second:
        await first.event("Application.Started")
        await second.event("Application.Started")
        await trio.sleep(1)
        assert (first.logs, second.logs) == (["one"] * 5, ["two"] * 5)
