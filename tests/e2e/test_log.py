"""What a script writes: one line each, soon, in order, on standard error only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage

pytestmark = pytest.mark.loopback

NUMBERED = [f'line {number:02d} of the talker: äöü ☎ "quoted" {{braces}}' for number in range(50)]


async def test_text_lines_hold_what_was_written_in_order(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("talker")
    await call.connected()
    await runtime.logged("last of the talker", within_s=10)
    await call.bye()
    lines = runtime.log_lines("of the talker")
    assert len(lines) == 51
    for line, text in zip(lines, NUMBERED, strict=False):
        assert text in line
    [two] = runtime.log_lines("two\\nlines")
    assert "\x1b" not in two
    [long] = runtime.log_lines("xxxxxxxx")
    assert 14_000 < long.count("x") <= 15_000
    assert "…" in long or "cut" in long


SPAM = """
from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    for number in range(900):
        Logger.write(f"spam {number} " + "x" * 990)
    await VoxEngine.sleep(0.3)
    e.call.hangup()
"""


async def test_json_lines_are_objects_and_a_script_that_never_stops_is_cut_short_once(
    scripts: Path, tmp_path: Path
) -> None:
    spam = tmp_path / "spam.py"
    spam.write_text(SPAM)
    options = ["--log-format", "json"]
    with callstage(scripts / "talker.py", spam, folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("talker")
            await call.connected()
            await runtime.logged("last of the talker", within_s=10)
            await call.bye()
            call = await phone.call("spam")
            await call.connected()
            await call.ended()
    entries = [json.loads(line) for line in runtime.log().splitlines()]
    texts = [value for entry in entries for value in entry.values() if isinstance(value, str)]
    assert [text for text in texts if text in NUMBERED] == NUMBERED
    assert "two\nlines and \x1b[31mcolour\x1b[0m" in texts
    assert 200 < len(runtime.log_lines("spam ")) < 500
    assert len(runtime.log_lines("truncated")) == 1


async def test_a_line_is_there_half_a_second_after_it_was_written(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("quiet", caller="punctual")
    await call.connected()  # the script writes its line when the ACK has come
    await runtime.logged("quiet answered punctual", within_s=0.5)
    await call.bye()
