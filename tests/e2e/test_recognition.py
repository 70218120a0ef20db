"""Callers who speak: the embedded recogniser on real calls, with nothing configured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.audio import Samples, silence
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.recognition.voices import spoken

pytestmark = pytest.mark.loopback

RECOGNISER = "runtime.recognition.sphinx"


@pytest.fixture(scope="module")
def runtime(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """Of its own, because the recogniser starts when it is first used."""
    with callstage(scripts / "menu.py", folder=tmp_path_factory.mktemp("menu")) as started:
        yield started


@pytest.fixture
async def phone(runtime: RuntimeProcess) -> AsyncIterator[Phone]:
    async with telephone(runtime.port()) as made:
        yield made


def logged(runtime: RuntimeProcess, session: str) -> list[str]:
    return [entry["what"] for entry in runtime.timeline(session) if entry["kind"] == "log"]


def sentences(words: list[Samples], pause_s: float = 1.0) -> Samples:
    return np.concatenate([part for word in words for part in (word, silence(pause_s))])


async def test_a_word_of_the_menu_is_understood_and_stops_the_prompt(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    assert runtime.processes(RECOGNISER) == []
    said = await spoken(["support"])
    call = await phone.call("menu")
    await call.connected()
    await call.until(lambda: call.audio.heard(), "the beginning of the prompt")
    await call.hear(1.5)
    call.audio.say(said["support"])
    began = len(call.audio.audio_packets())
    await call.ended()
    session = await runtime.session_of(call.call_id)
    await runtime.over(session)
    assert "chosen: 'support' speech " in logged(runtime, session)
    rest = call.audio.samples()[began * 160 :]
    loud = np.abs(rest.astype(int)) > 500
    assert np.count_nonzero(loud[: 8000 // 2]) > 0, "the prompt was over before"
    assert not loud[8000:].any(), "the prompt went on while the caller spoke"
    assert len(runtime.processes(RECOGNISER)) == 1


async def test_one_result_follows_the_other_in_the_documented_order(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    said = await spoken(["sales", "billing"])
    call = await phone.call("menu", headers=[("X-Sentences", "1")])
    await call.connected()
    await runtime.logged("ASR.Started")
    call.audio.say(sentences([said["sales"], said["billing"]]))
    await runtime.logged("result: billing")
    await call.bye()
    session = await runtime.session_of(call.call_id)
    utterance = ["ASR.CaptureStarted", "ASR.SpeechCaptured"]
    assert logged(runtime, session) == [
        "ASR.Started", *utterance, "result: sales", *utterance, "result: billing",
    ]  # fmt: skip
