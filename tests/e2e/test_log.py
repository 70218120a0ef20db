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


async def test_json_lines_are_objects_with_the_text_as_a_string(
    scripts: Path, tmp_path: Path
) -> None:
    options = ["--log-format", "json"]
    with callstage(scripts / "talker.py", folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("anyone")
            await call.connected()
            await runtime.logged("last of the talker", within_s=10)
            await call.bye()
    entries = [json.loads(line) for line in runtime.log().splitlines()]
    texts = [value for entry in entries for value in entry.values() if isinstance(value, str)]
    assert [text for text in texts if text in NUMBERED] == NUMBERED


async def test_a_script_that_writes_without_end_is_cut_short_once(
    tmp_path: Path,
) -> None:
    script = tmp_path / "spam.py"
    script.write_text(
        "from runtime import AppEvents, Logger, VoxEngine\n\n\n"
        "@VoxEngine.on(AppEvents.CallAlerting)\n"
        "async def incoming(e: AppEvents.CallAlerting) -> None:\n"
        "    await e.call.answer()\n"
        "    for number in range(900):\n"
        "        Logger.write(f'spam {number} ' + 'x' * 990)\n"
        "    await VoxEngine.sleep(0.3)\n"
        "    e.call.hangup()\n"
    )
    with callstage(script, folder=tmp_path / "run") as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("anyone")
            await call.connected()
            await call.ended()
    spam = runtime.log_lines("spam ")
    assert 200 < len(spam) < 500
    assert len(runtime.log_lines("truncated")) == 1
