"""The worker's own CPU limit, in real processes."""

from __future__ import annotations

import pytest

from tests.sandbox.process_core import worker

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

STARTED = """
from runtime import *

@VoxEngine.on(AppEvents.Started)
def started():
{body}

@VoxEngine.on(AppEvents.Terminating)
def terminating():
    Logger.write("still alive")
"""


@pytest.mark.parametrize(
    "body",
    [
        "    while True: pass",
        "    import re; re.match('(a+)+b', 'a' * 60)",
        "    while True: Logger.hideTones(True) if VoxEngine.customData() else None",
        "    try:\n        while True: pass\n    except Exception: pass",
    ],
    ids=["loop", "regular expression", "inside the API", "swallows Exception"],
)
async def test_a_handler_that_computes_too_long_is_interrupted_at_its_line(body: str) -> None:
    async with worker() as core:
        await core.start(STARTED.format(body=body), handler_cpu_s=0.3)
        await core.event("Application.Started")
        await core.until(lambda: bool(core.errors))
        error = core.errors[0]
        assert error.message.startswith("HandlerTimeout: more than 0.3 s of CPU time")
        assert error.where.startswith("scenario.py:")
        await core.event("Application.Terminating", seq=2)
        await core.until(lambda: "still alive" in core.logs)


async def test_an_async_handler_s_next_step_has_its_own_share() -> None:
    body = """
    pass
@VoxEngine.on(AppEvents.Started)
async def compute():
    import time
    for _ in range(4):
        end = time.process_time() + 0.3
        while time.process_time() < end: pass
        await VoxEngine.sleep(0)
    Logger.write("computed")
"""
    async with worker() as core:
        await core.start(STARTED.format(body=body), handler_cpu_s=0.8)
        await core.event("Application.Started")
        await core.until(lambda: bool(core.logs) or bool(core.errors))
        assert core.logs == ["computed"]


async def test_an_import_that_computes_too_long_fails() -> None:
    async with worker() as core:
        await core.start("while True: pass", import_cpu_s=0.3)
        assert core.errors[0].kind == "import"
        assert core.errors[0].message.startswith("HandlerTimeout")
        assert core.errors[0].where == "scenario.py:1"


async def test_a_script_that_swallows_the_interruption_is_interrupted_again() -> None:
    body = """
    for _ in range(3):
        try:
            while True: sum(range(100))
        except BaseException as exc:
            Logger.write(type(exc).__name__)
"""
    async with worker() as core:
        await core.start(STARTED.format(body=body), handler_cpu_s=0.3)
        await core.event("Application.Started")
        await core.until(lambda: len(core.logs) == 3)
        assert core.logs == ["HandlerTimeout"] * 3
