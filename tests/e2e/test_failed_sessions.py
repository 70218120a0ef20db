"""Sessions whose process dies or goes beyond a limit: what each kind of call is told, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import process_tree
from tests.e2e.audio import tone
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import check_tone

pytestmark = pytest.mark.loopback

RULE = '[[rule]]\nname = "all"\nto = ".*"\nscenario = "doomed.py"\n'


class CoreLost(Exception):
    """The runtime did not end in order, as was meant."""


@contextmanager
def configured(text: str, scripts: Path, folder: Path) -> Iterator[RuntimeProcess]:
    config = scripts / f"{folder.name}.toml"
    config.write_text(text + RULE)
    with callstage(folder=folder, options=["--config", str(config)]) as runtime:
        yield runtime


async def doom(phone: Phone, way: str, **more: str) -> Any:
    headers = [("X-Way", way), *((f"X-{name}", value) for name, value in more.items())]
    return await phone.call("anyone", headers=headers)


async def test_answered_calls_hear_the_apology_others_are_refused_and_cancelled(
    scripts: Path, tmp_path: Path
) -> None:
    text = '[application]\napology = "440.wav"\nbreaker = "on"\n[limits]\ncrashes = 2\n'
    with configured(text, scripts, tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await doom(phone, "crash")
            await call.connected()
            await call.ask("INFO", kind="text/plain", body=b"now")
            bye = await call.ended()
            [heard] = call.audio.heard()
            check_tone(heard, 440, 1.0)
            assert "the script's process " in bye.get("Reason")
            timeline = await runtime.over(await runtime.session_of(call.call_id))
            assert timeline[-1]["what"] == "over: crashed"

            unanswered = await doom(phone, "crash", Target=phone.uri)
            ringing = await phone.incoming()
            await ringing.reply(180, "Ringing")
            assert (await unanswered.final()).status == 500
            assert "the script's process " in unanswered.finals[0].get("Warning")
            await ringing.requested("CANCEL")

            refused = await (await doom(phone, "crash")).final()
            assert refused.status == 503
            assert "is failing: 2 sessions crashed within 60 s" in refused.get("Warning")


async def test_bridged_calls_are_kept_without_their_script(scripts: Path, tmp_path: Path) -> None:
    text = '[application]\napology = "440.wav"\non_failure = "keep"\n'
    with configured(text, scripts, tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await doom(phone, "hang", Target=phone.uri, Join="1")
            await call.connected()
            other = await phone.incoming()
            other.audio.say(tone(880, 1.0), again=True)
            await other.answer()
            await runtime.logged("joined")
            await call.ask("INFO", kind="text/plain", body=b"now")
            await runtime.logged("bridged calls go on without the script")
            await runtime.logged("worker ended: signal 9")
            await call.hear(0.5)
            await call.bye()
            assert (await other.ended()).get("Reason")
            # The phone that sends it may itself be late on a busy machine.
            for heard in call.audio.heard():
                check_tone(heard, 880, heard.duration_s)
            assert sum(heard.duration_s for heard in call.audio.heard()) > 0.4


async def test_a_script_has_the_memory_that_its_application_is_given(
    scripts: Path, tmp_path: Path
) -> None:
    text = "[limits]\nmemory_mib = 96\n[application.limits]\nmemory_mib = 16\n"
    with configured(text, scripts, tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await doom(phone, "eat")
            await call.connected()
            await call.ask("INFO", kind="text/plain", body=b"now")
            assert "MemoryError" in (await call.ended()).get("Reason")
            timeline = await runtime.over(await runtime.session_of(call.call_id))
            assert timeline[-1]["what"] == "over: memory"


async def test_a_stuck_process_does_not_outlive_the_core(scripts: Path, tmp_path: Path) -> None:
    try:
        with configured("[limits]\nhandler_cpu_s = 60\n", scripts, tmp_path) as runtime:
            await _lose_core(runtime)
            raise CoreLost
    except CoreLost:
        pass


async def _lose_core(runtime: RuntimeProcess) -> None:
    async with telephone(runtime.port()) as phone:
        call = await doom(phone, "hang")
        await call.connected()
        await call.ask("INFO", kind="text/plain", body=b"now")
        await runtime.logged("hangs")
        tree = process_tree.identified(runtime.pid)
        assert len(tree) > 4
        runtime.kill(runtime.pid)
        await runtime.exited()
    assert process_tree.wait_gone(tree) == []
