"""Transcripts of digit collection: (time, input) -> actions."""

from __future__ import annotations

import pytest

from runtime.decisions.gather import MAX_UTTERANCE_S, Action, Done, Gather, Plan, Reason, StopPrompt

Step = tuple[float, str]


def play(plan: Plan, steps: list[Step], *, prompting: bool = False) -> list[tuple[float, Action]]:
    """Feed "1" (a key), "over" (the prompt ends), "bye" (the call ends), "tick" (time passes),
    "voice" (somebody begins to speak), "said ..." (what it was), "lost" (the recogniser leaves)."""
    core = Gather(plan, 0.0, prompting=prompting)
    said: list[tuple[float, Action]] = []
    for now, what in steps:
        timeout = core.next_timeout()
        if timeout is not None and timeout <= now:
            said += [(timeout, action) for action in core.on_time(timeout)]
        match what:
            case "over":
                actions = core.on_prompt_over(now)
            case "bye":
                actions = core.on_call_ended()
            case "tick":
                actions = core.on_time(now)
            case "voice":
                actions = core.on_voice(now)
            case "lost":
                actions = core.on_recogniser_lost(now)
            case words if words.startswith("said "):
                actions = core.on_speech(words.removeprefix("said "), 80.0, now)
            case key:
                actions = core.on_digit(key, now)
        said += [(now, action) for action in actions]
    return said


def test_the_last_digit_allowed_ends_it() -> None:
    steps = [(1.0, "1"), (2.0, "2"), (3.0, "3")]
    assert play(Plan(max_digits=2), steps) == [(2.0, Done("12", Reason.MAX_DIGITS))]


def test_the_finish_key_ends_it_and_is_no_digit() -> None:
    steps = [(1.0, "1"), (2.0, "#")]
    assert play(Plan(), steps) == [(2.0, Done("1", Reason.FINISH_KEY))]


def test_without_a_finish_key_every_key_is_a_digit() -> None:
    steps = [(1.0, "*"), (2.0, "#")]
    plan = Plan(finish_on="", max_digits=2)
    assert play(plan, steps) == [(2.0, Done("*#", Reason.MAX_DIGITS))]


def test_silence_before_the_first_digit_ends_it() -> None:
    assert play(Plan(timeout_s=5), [(9.0, "tick")]) == [(5.0, Done("", Reason.TIMEOUT))]


def test_silence_between_digits_has_its_own_time() -> None:
    steps = [(4.0, "1"), (5.9, "2"), (9.0, "tick")]
    plan = Plan(timeout_s=5, inter_digit_s=2)
    assert play(plan, steps) == [(7.9, Done("12", Reason.TIMEOUT))]


def test_the_first_digit_s_time_runs_from_the_end_of_the_prompt() -> None:
    steps = [(20.0, "over"), (26.0, "tick")]
    plan = Plan(timeout_s=5)
    assert play(plan, steps, prompting=True) == [(25.0, Done("", Reason.TIMEOUT))]


def test_a_key_stops_the_prompt_and_counts() -> None:
    steps = [(1.0, "1"), (2.0, "over"), (7.0, "tick")]
    plan = Plan(timeout_s=5)
    said = play(plan, steps, prompting=True)
    assert said == [(1.0, StopPrompt()), (6.0, Done("1", Reason.TIMEOUT))]


def test_without_barge_in_keys_during_the_prompt_are_not_taken() -> None:
    steps = [(1.0, "1"), (2.0, "over"), (3.0, "2"), (4.0, "#")]
    plan = Plan(barge_in=False)
    assert play(plan, steps, prompting=True) == [(4.0, Done("2", Reason.FINISH_KEY))]


def test_a_single_key_may_stop_the_prompt_and_end_it_at_once() -> None:
    said = play(Plan(max_digits=1), [(1.0, "1")], prompting=True)
    assert said == [(1.0, StopPrompt()), (1.0, Done("1", Reason.MAX_DIGITS))]


@pytest.mark.parametrize("prompting", [True, False])
def test_the_end_of_the_call_ends_it_with_what_is_there(prompting: bool) -> None:
    steps = [(1.0, "1"), (2.0, "bye"), (3.0, "2"), (9.0, "tick")]
    said = play(Plan(), steps, prompting=prompting)
    assert said[-1] == (2.0, Done("1", Reason.CALL_ENDED))


def test_what_is_no_key_is_not_taken() -> None:
    steps = [(1.0, "x"), (1.0, ""), (1.0, "12"), (2.0, "#")]
    assert play(Plan(), steps) == [(2.0, Done("", Reason.FINISH_KEY))]


# --- speech -------------------------------------------------------------------------------------


def test_what_is_said_ends_it() -> None:
    steps = [(1.0, "voice"), (3.0, "said my card is lost "), (4.0, "1")]
    done = Done("", Reason.SPEECH, "my card is lost", 80.0)
    assert play(Plan(speech=True), steps) == [(3.0, done)]


def test_a_voice_stops_the_prompt_and_so_do_words_without_one() -> None:
    done = Done("", Reason.SPEECH, "yes", 80.0)
    plan = Plan(speech=True)
    assert play(plan, [(1.0, "voice"), (2.0, "said yes")], prompting=True) == [
        (1.0, StopPrompt()),
        (2.0, done),
    ]
    assert play(plan, [(2.0, "said yes")], prompting=True) == [(2.0, StopPrompt()), (2.0, done)]


def test_without_barge_in_nothing_is_listened_to_during_the_prompt() -> None:
    plan = Plan(speech=True, barge_in=False)
    core = Gather(plan, 0.0, prompting=True)
    assert not core.listening
    assert core.on_voice(1.0) == core.on_speech("yes", 80.0, 2.0) == []
    core.on_prompt_over(3.0)
    assert core.listening


def test_who_speaks_is_not_interrupted_by_the_first_time_out() -> None:
    steps = [(4.0, "voice"), (30.0, "said a long story")]
    done = Done("", Reason.SPEECH, "a long story", 80.0)
    assert play(Plan(speech=True, timeout_s=5), steps) == [(30.0, done)]


def test_a_recogniser_that_never_says_what_was_said_is_not_waited_for() -> None:
    steps = [(4.0, "voice"), (10.0, "voice"), (99.0, "tick")]
    done = Done("", Reason.TIMEOUT)
    assert play(Plan(speech=True), steps) == [(4.0 + MAX_UTTERANCE_S, done)]


def test_a_cough_gives_the_time_of_a_first_digit_anew() -> None:
    steps = [(4.0, "voice"), (6.0, "said  "), (20.0, "tick")]
    assert play(Plan(speech=True, timeout_s=5), steps) == [(11.0, Done("", Reason.TIMEOUT))]


def test_the_first_digit_ends_the_listening() -> None:
    core = Gather(Plan(speech=True), 0.0, prompting=False)
    core.on_voice(1.0)
    assert core.listening
    core.on_digit("1", 2.0)
    assert not core.listening
    assert core.on_speech("never mind", 80.0, 3.0) == []
    assert core.on_digit("#", 4.0) == [Done("1", Reason.FINISH_KEY)]


def test_without_a_recogniser_keys_are_still_taken() -> None:
    steps = [(1.0, "voice"), (2.0, "lost"), (3.0, "said x"), (6.0, "1"), (7.0, "#")]
    assert play(Plan(speech=True, timeout_s=5), steps) == [(7.0, Done("1", Reason.FINISH_KEY))]
    steps = [(1.0, "voice"), (2.0, "lost"), (9.0, "tick")]
    assert play(Plan(speech=True, timeout_s=5), steps) == [(7.0, Done("", Reason.TIMEOUT))]


def test_a_recogniser_that_is_lost_during_the_prompt_does_not_end_its_time() -> None:
    steps = [(1.0, "lost"), (20.0, "over"), (26.0, "tick")]
    plan = Plan(speech=True, timeout_s=5)
    assert play(plan, steps, prompting=True) == [(25.0, Done("", Reason.TIMEOUT))]


def test_speech_that_was_not_asked_for_is_not_listened_to() -> None:
    core = Gather(Plan(), 0.0, prompting=False)
    assert not core.listening
    assert core.on_voice(1.0) == core.on_speech("yes", 80.0, 2.0) == []
    assert core.next_timeout() == 5.0
