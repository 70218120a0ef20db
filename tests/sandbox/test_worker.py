"""A worker's life: start, readiness, import errors, ping, end."""

from __future__ import annotations

import trio

from tests.sandbox.fake_core import running


async def test_a_script_that_loads_makes_the_session_ready(autojump_clock: trio.abc.Clock) -> None:
    async with running('from runtime import Logger\nLogger.write("loaded")') as core:
        assert core.ready
        assert core.logs == ["loaded"]
