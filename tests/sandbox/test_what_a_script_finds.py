"""What stands where Python's own builtins and modules would need files, keys or processes."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from tests.sandbox.fake_core import running
from tests.sandbox.process_core import worker


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("open('/etc/passwd')", "PermissionError: open(): a scenario has no files; sounds of its "
         "folder are played by name, call.startPlayback('hello.wav')"),
        ("open('notes.txt', 'w')", "PermissionError: open(): a scenario has no files"),
        ("input('Name? ')", "RuntimeError: input(): a scenario has no keyboard; keys of a phone "
         "are collected with await call.gather()"),
        ("exit()", "RuntimeError: exit(): a script cannot end its process; end the session with "
         "VoxEngine.terminate()"),
        ("quit(1)", "RuntimeError: quit(): a script cannot end its process"),
        ("import os", "ModuleNotFoundError: there is no module 'os' for scenarios: they have no "
         "files; sounds of their folder are played by name. A scenario may import its own files "
         "(menu, scenario) and "),
        ("from os import path", "ModuleNotFoundError: there is no module 'os' for scenarios"),
        ("import asyncio", "ModuleNotFoundError: there is no module 'asyncio' for scenarios: "
         "import trio instead"),
        ("import threading", "ModuleNotFoundError: there is no module 'threading' for scenarios: "
         "handlers can be async, and trio runs their tasks"),
        ("import logging", "ModuleNotFoundError: there is no module 'logging' for scenarios: use "
         "Logger.write() or print()"),
        ("import requests", "ModuleNotFoundError: there is no module 'requests' for scenarios: "
         "they have no network of their own"),
        ("import urllib.request", "ModuleNotFoundError: there is no module 'urllib.request' for "
         "scenarios: they have no network of their own"),
        ("import subprocess", "ModuleNotFoundError: there is no module 'subprocess' for scenarios: "
         "they start no processes"),
        ("import menuu", "ModuleNotFoundError: there is no module 'menuu': did you mean 'menu' or "
         "'enum'? A scenario may import its own files"),
        ("import pandas", "ModuleNotFoundError: there is no module 'pandas'. A scenario may"),
        ("import runtime.api", "ModuleNotFoundError: there is no module 'runtime.api': everything "
         "is in runtime itself"),
        ("from runtime import ASRLanguages", "ImportError: runtime has no 'ASRLanguages': did you "
         "mean 'ASRLanguage' or 'Language'?"),
        ("from runtime import uuidgen", "ImportError: runtime has no 'uuidgen': use Python's own "
         "uuid.uuid4"),
        ("import phonenumbers", "ModuleNotFoundError: there is no module 'phonenumbers'"),
        ("from menu import keys", "ImportError: menu has no 'keys' yet: it is still being "
         "imported, and imports this file in turn; write `import menu` and use menu.keys in "
         "functions"),
    ],
)  # fmt: skip
async def test_what_a_scenario_cannot_have_says_what_there_is_instead(
    autojump_clock: MockClock, line: str, message: str
) -> None:
    siblings = {"menu": "import scenario2\nkeys = 1", "scenario2": line}
    source = "import menu" if line == "from menu import keys" else line
    if source is line:
        siblings = {"menu": ""}
    async with running(source, siblings=siblings) as core:
        assert core.errors[0].message.startswith(message)


async def test_print_writes_to_the_log_or_where_it_is_told_to(autojump_clock: MockClock) -> None:
    source = """
        import io
        from runtime import Logger
        buffer = io.StringIO()
        print("to the buffer", 1, sep="-", file=buffer)
        Logger.write(repr(buffer.getvalue()))
        print("a", 1, sep="-", end="!", flush=True)
        print()
        print("two\\nlines", file=None)
        print("{}", {"a": 1})
    """
    async with running(source) as core:
        assert core.errors == []
        assert core.logs == ["'to the buffer-1\\n'", "a-1", "", "two\nlines", "{} {'a': 1}"]


@pytest.mark.loopback
@pytest.mark.slow
async def test_warnings_are_log_lines_with_their_place() -> None:
    source = """
        import warnings
        from runtime import VoxEngine
        async def greet(): ...
        greet()
        VoxEngine.sleep(1)
        warnings.warn("careful")
        """
    async with worker() as core:
        await core.start(source)
        await core.until(lambda: len(core.logs) >= 3)
        assert core.logs[:3] == [
            "scenario.py:5: RuntimeWarning: coroutine 'greet' was never awaited",
            "scenario.py:6: RuntimeWarning: coroutine 'VoxEngine.sleep' was never awaited",
            "scenario.py:7: UserWarning: careful",
        ]


@pytest.mark.loopback
@pytest.mark.slow
async def test_a_locked_worker_knows_its_time_zones() -> None:
    source = """
        import zoneinfo
        from runtime import *
        print("Europe/Berlin" in zoneinfo.available_timezones())
        try:
            VoxEngine.now("Europe/Berln")
        except ValueError as exc:
            print(exc)
        """
    async with worker() as core:
        await core.start(source)
        await core.until(lambda: len(core.logs) >= 2)
        assert core.errors == []
        assert core.logs[0] == "True"
        assert "did you mean 'Europe/Berlin'" in core.logs[1]


@pytest.mark.loopback
@pytest.mark.slow
async def test_a_locked_worker_knows_the_numbers_of_every_country() -> None:
    source = """
        from runtime import *
        for number in ("+442079460001", "+81312345678", "+59322123456", "+99999"):
            info = PhoneNumber.getInfo(number)
            print(info.region, info.numberType, info.error)
        """
    async with worker() as core:
        await core.start(source)
        await core.until(lambda: len(core.logs) >= 4)
        assert core.errors == []
        assert core.logs == [
            "GB FIXED_LINE None",
            "JP FIXED_LINE None",
            "EC FIXED_LINE None",
            " UNKNOWN INVALID_COUNTRY_CODE",
        ]


async def test_a_file_alone_is_told_how_its_neighbours_come_along(
    autojump_clock: MockClock,
) -> None:
    async with running("import menu") as core:
        assert (
            "its own files (scenario; name its folder instead of the file, and the files beside it "
            "come along)" in core.errors[0].message
        )
