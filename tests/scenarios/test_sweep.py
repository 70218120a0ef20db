"""Shipped scenarios and those of the how-to pages leave nothing behind wherever they are cut off.

A way through each of them is broken off at each of its moments (runtime/testing/sweep.py); `make
soak` does so with all of their tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.test_code_blocks import ROOT, blocks

pytest_plugins = ["pytester"]

HERE: Final = Path(__file__).parent
LONG_WAYS: Final = (
    "test_click_to_call.py::test_the_two_are_called_one_after_the_other_and_joined",
    "test_conference.py::test_joining_and_leaving_are_announced_to_the_others",
    "test_echo.py::test_what_the_caller_says_comes_back",
    "test_forwarding.py::test_whoever_does_not_answer_is_given_up_for_the_next",
    "test_hello.py::test_two_callers_are_two_sessions",
    "test_ivr.py::test_early_media_of_the_colleague_replaces_our_ringback",
    "test_ivr.py::test_without_a_colleague_two_takes_a_message",
    "test_masking.py::test_a_new_link_takes_the_place_of_the_old",
    "test_office_hours.py::test_the_office_rings_for_as_long_as_is_set",
    "test_survey.py::test_the_answers_are_reported",
    "test_voicemail.py::test_a_message_is_recorded_from_the_beep_to_the_hash_key",
)
PAGES: Final = (
    "answering-machines",
    "dtmf-relay",
    "operator-pickup",
    "speech-bot",
    "transfers",
    "whisper",
)
FIRST_TEST: Final = re.compile(r"async def (test_\w+)")


def sweep(pytester: pytest.Pytester, *arguments: str) -> int:
    """How often the tests were broken off, when that found nothing."""
    options = ("-q", "-p", "no:cacheprovider", "--callstage-sweep")
    result = pytester.runpytest_inprocess(*options, *arguments)
    assert result.ret == 0, "a test that is broken off leaves something behind; see above"
    (line,) = [line for line in result.outlines if line.startswith("callstage sweep")]
    return int(re.findall(r"\d+", line)[0])


@pytest.mark.parametrize("test", LONG_WAYS)
def test_a_shipped_scenario_can_be_broken_off_anywhere(
    pytester: pytest.Pytester, test: str
) -> None:
    assert sweep(pytester, f"{HERE}/{test}") >= 15


@pytest.mark.parametrize("name", PAGES)
def test_a_scenario_of_the_how_to_pages_can_be_broken_off_anywhere(
    pytester: pytest.Pytester, name: str
) -> None:
    for block in blocks(ROOT / f"docs/howto/{name}.md"):
        if block.kind == "python":
            (pytester.path / block.file).write_text(block.text)
            for first in FIRST_TEST.findall(block.text)[:1]:
                assert sweep(pytester, "-k", first) >= 15


@pytest.mark.soak
def test_all_tests_of_shipped_scenarios_can_be_broken_off_anywhere(
    pytester: pytest.Pytester,
) -> None:
    tests = sorted(HERE.glob("test_*.py"))
    assert sweep(pytester, *(str(path) for path in tests if path != Path(__file__))) >= 5_000


@pytest.mark.soak
@pytest.mark.parametrize("name", PAGES)
def test_all_tests_of_the_how_to_pages_can_be_broken_off_anywhere(
    pytester: pytest.Pytester, name: str
) -> None:
    for block in blocks(ROOT / f"docs/howto/{name}.md"):
        if block.kind == "python":
            (pytester.path / block.file).write_text(block.text)
            if block.file.startswith("test_"):
                assert sweep(pytester) >= 50
