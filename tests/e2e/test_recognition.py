"""Callers who speak: the embedded recogniser on real calls, with nothing configured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import trio

from runtime.recognition.embedded import EmbeddedRecogniser
from runtime.recognition.utterances import FRAME, Ended, Utterances
from tests.e2e.audio import Samples, silence
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import read_sound
from tests.recognition.voices import doubled, spoken

pytestmark = pytest.mark.loopback

RECOGNISER = "runtime.recognition.sphinx"


@pytest.fixture(scope="module")
def runtime(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """Of its own, because the recogniser starts when it is first used."""
    served = [scripts / "menu.py", scripts / "record.py"]
    with callstage(*served, folder=tmp_path_factory.mktemp("menu")) as started:
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
    await runtime.over(session)
    utterance = ["ASR.CaptureStarted", "ASR.SpeechCaptured"]
    assert logged(runtime, session) == [
        "ASR.Started", *utterance, "result: sales", *utterance, "result: billing",
    ]  # fmt: skip


WORDS = ["sales", "support", "billing", "operator", "cancel", "delivery", "english", "repeat"]
LOSS = 0.05


@pytest.mark.soak
async def test_a_recording_of_a_call_that_lost_packets_is_understood_as_well(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    said = await spoken(WORDS)
    speech = sentences([silence(0.5), *said.values()], pause_s=0.7)
    files: dict[float, Path] = {}

    async def record(loss: float) -> None:
        call = await phone.call("record", caller=f"loss-{loss}", headers=[("X-Container", "wav")])
        await call.connected()
        await runtime.logged(f"loss-{loss} record started")
        call.audio.loss = loss
        call.audio.say(speech)
        await call.hear(len(speech) / 8000 + 0.5)
        await call.bye()
        await runtime.logged(f"loss-{loss} record stopped")
        session = await runtime.session_of(call.call_id)
        (files[loss],) = (file for file in runtime.recordings() if session in str(file))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(record, 0.0)
        nursery.start_soon(record, LOSS)
    whole, lossy = [await words_in(files[loss]) for loss in (0.0, LOSS)]
    assert len(whole) == len(lossy) == len(WORDS)
    # The voice speaks differently each time: one word of eight may be misheard, and of those that
    # arrived with gaps two.
    assert understood(whole) >= len(WORDS) - 1
    assert understood(lossy) >= len(WORDS) - 2


def understood(heard: list[str]) -> int:
    return sum(one == other for one, other in zip(WORDS, heard, strict=True))


async def words_in(file: Path) -> list[str]:
    """What the embedded recogniser makes of the caller's side."""
    samples, rate = read_sound(file)
    assert rate == 8000
    caller, heard = doubled(np.ascontiguousarray(samples[:, 0])), list[str]()
    utterances, recogniser = Utterances(max_s=10), EmbeddedRecogniser(lambda _: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(recogniser.run)
        understander = await recogniser.open({"phraseHints": WORDS}, "recording")
        for start in range(0, len(caller) - FRAME, FRAME):
            for found in utterances.hear(caller[start : start + FRAME]):
                if isinstance(found, Ended):
                    heard.append((await understander.understand(found)).fields["text"])
        nursery.cancel_scope.cancel()
    return heard
