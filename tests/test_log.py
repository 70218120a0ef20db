"""Log lines: one a event, verbatim, dropped rather than waited for."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import structlog
import trio
import trio.testing

from runtime.log import MAX_WAITING_LINES, LogLines, open_log, render_text


async def written(form: str, *texts: str) -> list[str]:
    out: list[str] = []
    lines = LogLines(out.append)
    log = open_log(lines, "json" if form == "json" else "text")
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.run)
        for text in texts:
            log.info(text, session="s1")
        lines.close()
    return "".join(out).splitlines()


async def test_a_text_line_holds_the_event_verbatim() -> None:
    [line] = await written("text", "caller pressed 1 [really]")
    assert "caller pressed 1 [really]" in line
    assert "session=s1" in line


@pytest.mark.parametrize(
    "fields",
    [{}, {"b": 1, "a": "x"}, {"t": "two words", "q": "it's", "e": ""}, {"d": {"k": [1.5, None]}}],
)
def test_a_text_line_looks_as_structlog_would_write_it(fields: dict[str, Any]) -> None:
    event = {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "a = b"} | fields
    theirs = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    assert render_text(None, "info", dict(event)) == theirs(None, "info", dict(event))


async def test_a_json_line_is_one_object_with_the_text_in_a_field() -> None:
    [line] = await written("json", 'quote " and é')
    entry = json.loads(line)
    assert entry["event"] == 'quote " and é'
    assert entry["level"] == "info"


async def test_newlines_cannot_forge_a_second_line() -> None:
    assert len(await written("text", "first\nsecond\r\nthird\x0bfourth\x85fifth\u2028end")) == 1
    assert len(await written("json", "first\nsecond\r\nthird\x0bfourth\x85fifth\u2028end")) == 1


async def test_control_characters_are_shown_and_not_obeyed() -> None:
    [line] = await written("text", "a\x1b[31mb\tc")
    assert "a\\x1b[31mb\tc" in line


async def test_a_json_field_holds_the_newlines_as_they_were() -> None:
    [line] = await written("json", "first\nsecond")
    assert json.loads(line)["event"] == "first\nsecond"


async def test_order_is_kept() -> None:
    lines = await written("json", *[f"line {n}" for n in range(500)])
    assert [json.loads(line)["event"] for line in lines] == [f"line {n}" for n in range(500)]


async def test_a_reader_that_does_not_read_costs_lines_and_never_blocks() -> None:
    stuck = threading.Event()
    out: list[str] = []

    def write(text: str) -> None:
        stuck.wait(30)
        out.append(text)

    lines = LogLines(write)
    log = open_log(lines, "text")
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.run)
        for number in range(MAX_WAITING_LINES * 2):
            log.info(f"line {number}")
        stuck.set()
        await trio.testing.wait_all_tasks_blocked()
        lines.close()
    assert "lines dropped" in "".join(out)
