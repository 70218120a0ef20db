"""Recognition by utterances, with an understander that the test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import numpy as np
import trio
import trio.testing

from runtime.decisions.recognition import Recognised
from runtime.media.pcm import Samples
from runtime.recognition import RecognitionEvent, RecognitionLost
from runtime.recognition.one_shot import WAITING, OneShotRecognition, Understander
from runtime.recognition.utterances import FRAME, Ended
from tests.media.detect.voices import talk


@attrs.define
class Sound:
    """Stands for what a leg hears: all of it at once."""

    samples: Samples
    media: object = None
    closed: bool = False

    async def frames(self) -> AsyncIterator[Samples]:
        for start in range(0, len(self.samples) - FRAME, FRAME):
            yield self.samples[start : start + FRAME]
        await trio.sleep_forever()

    def close(self) -> None:
        self.closed = True


@attrs.define
class Slow(Understander):
    """Understands when it is allowed to."""

    max_s = 60.0
    note = ""
    may: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(0))
    closed: bool = False

    async def understand(self, utterance: Ended) -> Recognised:
        await self.may.acquire()
        return Recognised("Result", {"text": f"{utterance.duration_s > 1}"})

    def close(self) -> None:
        self.closed = True


def sentences(count: int) -> Samples:
    one = np.concatenate([np.repeat(talk(1.0), 2), np.zeros(16000, np.int16)])
    return np.concatenate([np.zeros(8000, np.int16), *[one] * count])


def names(told: list[RecognitionEvent]) -> list[str]:
    return [each.name for each in told if isinstance(each, Recognised)]


async def test_beginnings_are_told_while_an_earlier_utterance_is_not_understood_yet() -> None:
    sound, slow, told = Sound(sentences(3)), Slow(), list[RecognitionEvent]()
    recognition = OneShotRecognition(sound, slow, told.append)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recognition.run)
        await trio.testing.wait_all_tasks_blocked()
        assert names(told) == ["CaptureStarted", "SpeechCaptured"] * 3
        for _ in range(3):
            slow.may.release()
        await trio.testing.wait_all_tasks_blocked()
        assert names(told)[6:] == ["Result"] * 3
        recognition.close()
        recognition.close()
    assert sound.closed
    assert slow.closed


async def test_who_is_too_slow_for_a_talker_is_left() -> None:
    slow, told = Slow(), list[RecognitionEvent]()
    sound = Sound(sentences(WAITING + 2))
    recognition = OneShotRecognition(sound, slow, told.append)  # type: ignore[arg-type]
    await recognition.run()
    assert told[-1] == RecognitionLost(
        "4 utterances wait already for the recogniser, which is too slow"
    )
    assert slow.closed
