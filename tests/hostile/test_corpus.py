"""Every hostile script is contained, for the named reason, and nobody else notices."""

from __future__ import annotations

import sys

import pytest
import trio

from runtime.sandbox.levels import Level
from tests.hostile.arena import Report, fight
from tests.hostile.control import control_runs
from tests.hostile.corpus import CORPUS

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only"),
]

MAX_GROWN_KIB = 64 * 1024
"""Timelines that the test keeps, and what the allocator keeps; a leak of one session's script,
events or frames in each of the hundred would be more."""
PROVED = [name for name, case in CORPUS.items() if case.proof is not None]


@pytest.fixture(scope="module")
def report() -> Report:
    return trio.run(fight, list(CORPUS.values()))


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_script_is_contained(report: Report, name: str) -> None:
    case, outcome = CORPUS[name], report.outcomes[name]
    assert case.at_import or "attacking" in outcome.logs
    assert outcome.cause in (case.ends, *case.or_ends), outcome.told
    assert case.says in outcome.told, outcome.told
    if case.ends is not None:
        assert f"session: over: {outcome.cause}" in outcome.told
    elif not case.on_stop:
        assert (case.until not in outcome.logs) == case.hangs_up, outcome.told
        assert outcome.final_cause == "operator"
    if not case.at_import:
        assert outcome.leg[-1] == "hangup"
    assert "worker ended: " in outcome.told


@pytest.mark.parametrize("name", PROVED)
def test_what_is_refused_would_have_worked_without_locks(name: str) -> None:
    (said,) = control_runs()[name]
    assert said.startswith(CORPUS[name].proof or "?")


def test_the_witness_was_served_all_the_time(report: Report) -> None:
    witness = report.witness
    assert witness.cause is None, witness
    assert witness.errors == [], witness
    assert witness.sent - witness.answered <= 1  # the one that was under way at the end
    assert witness.answered > len(CORPUS) / 10


def test_the_core_kept_nothing(report: Report) -> None:
    before, after = report.descriptors
    assert after == before
    assert report.grown_kib < MAX_GROWN_KIB
    assert report.left == []


def test_scripts_were_locked_fully(report: Report) -> None:
    assert report.level is Level.FULL
