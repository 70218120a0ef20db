"""`kill -9` in the middle of work: what was finished is still there, what was not says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import process_tree
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import Command, RuntimeProcess, callstage, wait_ready

pytestmark = pytest.mark.loopback


@contextmanager
def doomed(*words: object, folder: Path) -> Iterator[RuntimeProcess]:
    """A runtime that is killed at the end of the block, with all its processes."""
    runtime = Command(words=[str(word) for word in words], folder=folder).launch()
    try:
        wait_ready(runtime)
        yield runtime
    finally:
        runtime.abandon()


def calls_of(session: dict[str, Any]) -> list[tuple[str, int]]:
    return [(call["result"], call["code"]) for call in session["calls"]]


def read_begin(url: str) -> httpx.Response:
    return httpx.get(url, headers={"range": "bytes=0-99"}, trust_env=False)


async def record_a_call(runtime: RuntimeProcess, phone: Phone) -> str:
    """A finished call with a finished recording; the id of its session."""
    call = await phone.call("record", headers=[("X-Again", "1")])
    await call.connected()
    session = await runtime.session_of(call.call_id)
    await call.hear(1.0)
    await call.bye()

    def finished() -> bool:
        found = runtime.api("history?application=default&limit=10")["sessions"]
        mine = next((each for each in found if each["id"] == session), None)
        return mine is not None and calls_of(mine) == [("answered", 200)] and mine["recordings"]

    await runtime.until(finished, "the call and its recording in the history")
    return session


async def test_no_finished_call_and_no_recording_is_lost(scripts: Path, tmp_path: Path) -> None:
    with doomed(scripts / "record.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            finished = await record_a_call(runtime, phone)
            live = await phone.call("record", headers=[("X-Again", "1")])
            await live.connected()
            unfinished = await runtime.session_of(live.call_id)
            await live.hear(1.0)
            just_over = await phone.call("record", headers=[("X-Again", "1")])
            await just_over.connected()
            barely = await runtime.session_of(just_over.call_id)
            await just_over.hear(0.5)
            await just_over.bye()
            tree = process_tree.identified(runtime.pid)
            runtime.kill(runtime.pid)
            await runtime.exited()
            assert process_tree.wait_gone(tree) == []

    with callstage(scripts / "record.py", folder=tmp_path) as again:
        await again.logged("sessions of a killed process are marked as interrupted")
        history = {each["id"]: each for each in again.api("history")["sessions"]}
        assert calls_of(history[finished]) == [("answered", 200)]
        assert calls_of(history[unfinished]) == [("interrupted", 0)]
        assert history[unfinished]["end_cause"] == "interrupted"
        assert history[barely]["calls"][0]["result"] in ("answered", "interrupted")
        [row] = history[finished]["recordings"]
        assert len(row["sha256"]) == 64
        for session in (finished, unfinished, barely):

            def indexed(session: str = session) -> bool:
                return bool(again.api(f"history/{session}")["recordings"])

            await again.until(indexed, f"the recording of {session} in the index")
            url = f"{again.http}/api/v1/sessions/{session}/recordings/1"
            part = read_begin(url)
            assert (part.status_code, len(part.content)) == (206, 100)
