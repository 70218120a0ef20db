"""Cutting by our voice detection: what is told, when, and what the utterance holds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from runtime.media.pcm import Samples
from runtime.recognition.utterances import FRAME, Began, Ended, Utterances
from tests.media.detect.voices import talk

FRAME_S = 0.02


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Two seconds at 16 kHz, without its first and last silence."""
    narrow = talk(2.0)
    loud = np.flatnonzero(np.abs(narrow) > 500)
    return np.repeat(narrow[loud[0] : loud[-1]], 2)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * 16000), np.int16)


def told(*parts: Samples, max_s: float = 60.0) -> list[tuple[float, Began | Ended]]:
    """What is told, each with the time at which it is."""
    utterances, sound = Utterances(max_s), np.concatenate(parts)
    found = []
    for number in range(len(sound) // FRAME):
        frame = sound[number * FRAME : (number + 1) * FRAME]
        found += [((number + 1) * FRAME_S, each) for each in utterances.hear(frame)]
    return found


def test_speech_is_told_within_a_fifth_of_a_second_and_its_end_after_half(speech: Samples) -> None:
    (begins_s, began), *_, (ends_s, ended) = told(quiet(1), speech, quiet(1))
    assert isinstance(began, Began)
    assert isinstance(ended, Ended)
    assert 1.0 < begins_s < 1.2
    assert 0.4 < ends_s - 1 - len(speech) / 16000 < 0.7


def test_an_utterance_holds_the_sound_before_its_voice_was_certain(speech: Samples) -> None:
    ended = told(quiet(1), speech, quiet(1))[-1][1]
    assert isinstance(ended, Ended)
    first = np.flatnonzero(np.abs(ended.samples) > 500)[0]
    assert 0.2 < first / 16000 < 0.4
    start = first - np.flatnonzero(np.abs(speech) > 500)[0]
    assert np.array_equal(ended.samples[start:][: len(speech)], speech)


def test_beginnings_and_ends_alternate(speech: Samples) -> None:
    kinds = [type(each) for _, each in told(quiet(0.5), *[speech, quiet(1)] * 3)]
    assert kinds[0] is Began
    assert kinds[-1] is Ended
    assert all(one is not other for one, other in itertools.pairwise(kinds))


def test_a_long_utterance_is_cut_and_its_rest_is_the_next(speech: Samples) -> None:
    found = [each for _, each in told(quiet(0.5), speech, speech, quiet(1), max_s=1.0)]
    lengths = [each.duration_s for each in found if isinstance(each, Ended)]
    assert len(lengths) >= 4
    assert max(lengths) == 1.0
    assert sum(isinstance(each, Began) for each in found) == len(lengths)


def test_silence_is_told_as_nothing() -> None:
    assert told(quiet(3)) == []
