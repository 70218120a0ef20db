"""Every hostile script is contained, for the named reason, and nobody else notices.

One whole runtime serves all of them and a witness; `arena.py` says how, `gaps.py` when a tone is
broken.
"""

from __future__ import annotations

import sys
import warnings

import pytest
import trio

from tests.hostile.arena import Report, fight
from tests.hostile.control import control_runs
from tests.hostile.corpus import CORPUS, UNPROVED
from tests.hostile.gaps import MAX_GAP_S
from tests.hostile.witness import MAX_ANSWER_S

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only"),
]

MAX_GROWN_KIB = 100 * 1024
"""Half a MiB of timeline for each of the two hundred ended sessions that can still be looked at, if
all were full; most have some kilobytes."""
PROVED = [name for name, case in CORPUS.items() if case.proof is not None]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return trio.run(fight, list(CORPUS.values()), tmp_path_factory.mktemp("arena"))


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_script_is_contained(report: Report, name: str) -> None:
    case, outcome = CORPUS[name], report.outcomes[name]
    assert case.at_import or "attacking" in outcome.logs, outcome.told
    assert outcome.cause in (case.ends or "operator", *case.or_ends), outcome.told
    assert case.explained(outcome.told), outcome.told
    if case.ends is None and not case.on_stop:
        assert case.attacked(outcome.logs) != case.hangs_up, outcome.told
    assert {"480", "500"} & outcome.sip if case.at_import else "BYE" in outcome.sip
    assert "worker ended: " in outcome.told
    assert not any("evil" in header for header in outcome.headers)


@pytest.mark.parametrize("name", PROVED)
def test_it_would_have_worked_without_locks_and_watch(name: str) -> None:
    became = control_runs()[name]
    assert any(line.startswith(CORPUS[name].proof or "?") for line in became), became


def test_who_has_no_control_run_says_why() -> None:
    unproved = {case.name for group in UNPROVED for case in group.CASES}
    silent = [name for name, case in CORPUS.items() if case.proof is None and not case.unproved]
    assert set(silent) <= unproved


def test_the_witness_heard_an_unbroken_tone(report: Report) -> None:
    """A gap counts when it is the engine's own and comes again with the same scripts."""
    late = [gap for gap in report.gaps if gap.own_s > MAX_GAP_S]
    if late:
        warnings.warn(f"first try: {late}; repeated: {report.repeated}", stacklevel=1)
    assert [gap for gap in report.gaps_again if gap.own_s > MAX_GAP_S] == []


def test_a_script_is_of_lower_rank_than_engine_and_core(report: Report) -> None:
    """So no script can make a metronome late, and hide behind it that the engine was."""
    ranks = report.ranks
    assert ranks["engine"] <= ranks["core"] < ranks["script"]


def test_the_witness_was_answered_all_the_time(report: Report) -> None:
    assert not report.witness_ended
    assert report.witness_errors == []
    assert len(report.answers_s) > report.seconds
    assert max(report.answers_s) < MAX_ANSWER_S


def test_the_core_kept_nothing(report: Report) -> None:
    before, after = report.before, report.after
    assert not after.keeps(before), (before, after)
    assert after.resident_kib - before.resident_kib < MAX_GROWN_KIB


def test_scripts_were_locked_fully(report: Report) -> None:
    assert report.level == "full"
