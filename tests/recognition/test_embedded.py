"""The embedded recogniser: spoken phrases, and the real process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
import trio
import trio.testing

from runtime.decisions.hints import MAX_HINTS
from runtime.decisions.seats import OWN_TO_FREE
from runtime.recognition import RecognitionUnavailable
from runtime.recognition.embedded import (
    MAX_LISTENING,
    MODULE,
    OWNER_QUEUE,
    EmbeddedRecogniser,
)
from runtime.recognition.one_shot import Failed
from runtime.recognition.utterances import Ended
from tests.processes.running import children_running
from tests.recognition.voices import PATIENCE_S, spoken, telephoned

MENU = ["Sales", "support", "billing", "operator", "yes", "no", "cancel", "customer service"]
OTHERS = ["banana", "window", "elephant", "yesterday", "kitchen", "purple", "river"]
"""Most of them are told from the menu by their confidence; not each (docs/howto)."""


@pytest.fixture
async def recogniser(nursery: trio.Nursery) -> AsyncIterator[EmbeddedRecogniser]:
    embedded = EmbeddedRecogniser(lambda _: None)
    await nursery.start(embedded.run)
    with trio.fail_after(PATIENCE_S):
        yield embedded
    nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["en-US", "en-GB+f3"])
async def test_phrases_of_a_menu_are_told_apart_on_a_telephone_line(
    recogniser: EmbeddedRecogniser, voice: str
) -> None:
    understander = await recogniser.open({"phraseHints": MENU}, "s1")
    said = await spoken([*MENU, *OTHERS], voice)
    heard = {
        phrase: await understander.understand(Ended(telephoned(samples)))
        for phrase, samples in said.items()
    }
    right = [phrase for phrase in MENU if heard[phrase].fields["text"] == phrase]
    assert len(right) >= len(MENU) - 1, heard
    wrong = [heard[phrase].fields["confidence"] for phrase in OTHERS]
    sure = sorted(heard[phrase].fields["confidence"] for phrase in right)
    assert np.median(sure) > 75 > 50 > np.median(wrong), (sure, wrong)
    assert recogniser.restarts == 0


async def test_there_is_no_process_before_it_is_needed(recogniser: EmbeddedRecogniser) -> None:
    assert children_running(MODULE) == []
    assert recogniser.sandbox is None
    understander = await recogniser.open({"phraseHints": ["yes"]}, "s1")
    assert len(children_running(MODULE)) == 1
    assert recogniser.sandbox is not None
    assert understander.note == ""


async def test_silence_is_no_phrase(recogniser: EmbeddedRecogniser) -> None:
    understander = await recogniser.open({"phraseHints": MENU}, "s1")
    result = await understander.understand(Ended(np.zeros(16000, np.int16)))
    assert (result.name, result.fields["text"], result.fields["confidence"]) == ("Result", "", 0)


async def test_words_that_the_dictionary_lacks_are_told_and_the_others_understood(
    recogniser: EmbeddedRecogniser,
) -> None:
    hints = ["yes", "Kubernetes cluster", "zorgle"]
    understander = await recogniser.open({"phraseHints": hints}, "s1")
    assert understander.note == "hints with these words cannot be recognised: kubernetes, zorgle"
    said = await spoken(["yes"])
    result = await understander.understand(Ended(telephoned(said["yes"])))
    assert result.fields["text"] == "yes"


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({}, "takes no dictation: give them as phraseHints"),
        ({"phraseHints": []}, "takes no dictation"),
        ({"phraseHints": ["ja"], "profile": "de-DE"}, "understands English only, not 'de-DE'"),
        ({"phraseHints": ["1"]}, "write it as it is spoken"),
        ({"phraseHints": ["zorgle"]}, "has none of the hints; it lacks zorgle"),
        ({"phraseHints": ["yes"] * (MAX_HINTS + 1)}, "takes 200 at most"),
    ],
)
async def test_what_it_cannot_do_is_refused_with_what_to_do(
    recogniser: EmbeddedRecogniser, wishes: dict[str, object], why: str
) -> None:
    with pytest.raises(RecognitionUnavailable, match=why):
        await recogniser.open(wishes, "s1")


async def test_one_too_many_is_refused_and_has_room_when_another_ends(
    recogniser: EmbeddedRecogniser,
) -> None:
    most = MAX_LISTENING * OWN_TO_FREE // (OWN_TO_FREE + 1)
    held = [await recogniser.open({"phraseHints": ["yes"]}, "greedy") for _ in range(most)]
    with pytest.raises(RecognitionUnavailable, match="to 75 callers of this application and 0 of"):
        await recogniser.open({"phraseHints": ["yes"]}, "greedy")
    held[0].close()
    held[0].close()
    await recogniser.open({"phraseHints": ["yes"]}, "greedy")


async def test_an_application_that_takes_every_place_it_can_leaves_some_to_another(
    recogniser: EmbeddedRecogniser,
) -> None:
    hints, got = {"phraseHints": ["yes"]}, 0
    with contextlib.suppress(RecognitionUnavailable):
        while got < MAX_LISTENING:
            await recogniser.open(hints, "greedy")
            got += 1
    assert got == recogniser.held_by("greedy") == 75
    modest = [await recogniser.open(hints, "modest") for _ in range(10)]
    utterance = Ended(np.zeros(8000, np.int16))
    assert [(await one.understand(utterance)).name for one in modest] == ["Result"] * 10


async def test_one_that_cannot_be_prepared_leaves_its_place(
    recogniser: EmbeddedRecogniser,
) -> None:
    for _ in range(MAX_LISTENING + 1):
        with pytest.raises(RecognitionUnavailable, match="has none of the hints"):
            await recogniser.open({"phraseHints": ["zorgle"]}, "a")
    await recogniser.open({"phraseHints": ["yes"]}, "a")


async def test_an_application_that_floods_it_is_refused_and_another_has_its_turn(
    recogniser: EmbeddedRecogniser,
) -> None:
    greedy = await recogniser.open({"phraseHints": ["yes"]}, "greedy")
    modest = await recogniser.open({"phraseHints": ["no"]}, "modest")
    utterance, outcomes = Ended(np.zeros(8000, np.int16)), list[str]()

    async def ask() -> None:
        try:
            outcomes.append((await greedy.understand(utterance)).name)
        except Failed as exc:
            outcomes.append(str(exc))

    async with trio.open_nursery() as nursery:
        for _ in range(3 * OWNER_QUEUE):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert (await modest.understand(utterance)).name == "Result"
        assert outcomes.count("Result") < OWNER_QUEUE
    assert OWNER_QUEUE <= outcomes.count("Result") <= OWNER_QUEUE + 1
    assert any("requests waiting; try again later" in each for each in outcomes)


async def test_a_killed_recogniser_costs_one_utterance_and_comes_back(
    recogniser: EmbeddedRecogniser,
) -> None:
    understander = await recogniser.open({"phraseHints": ["yes", "no"]}, "s1")
    (pid,) = children_running(MODULE)
    os.kill(pid, signal.SIGSTOP)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_failure, understander.understand)
        await trio.testing.wait_all_tasks_blocked()
        os.kill(pid, signal.SIGKILL)
    result = await understander.understand(Ended(np.zeros(8000, np.int16)))
    assert result.name == "Result"
    assert recogniser.restarts == 1


async def _expect_failure(understand: Callable[[Ended], Awaitable[object]]) -> None:
    with pytest.raises(Failed, match="the embedded recogniser failed on it and was restarted"):
        await understand(Ended(np.zeros(8000, np.int16)))
