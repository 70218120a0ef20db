"""Answers of a server in a terminal, projects on disk, and where a command goes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from runtime.cli import app
from runtime.config.settings import RuleSettings
from runtime.remote.project import ProjectFault, read_project
from runtime.remote.upload import Plan
from runtime.sandbox.bundle import MAX_ASSET, BundleError
from runtime.verbs.remote_tables import (
    event_line,
    events,
    plan_json,
    safe,
    show_history,
    show_plan,
    timeline_line,
)


def test_server_sent_events_are_read_and_comments_left_out() -> None:
    lines = [": open", "", "event: call", 'data: {"a": 1}', "", ": still here", ""]
    assert list(events(iter(lines))) == [("call", {"a": 1})]


def test_what_strangers_wrote_cannot_steer_the_terminal() -> None:
    assert safe("a\x1b[2Jb\r") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
    entry = '{"t": 1, "kind": "log", "what": "\\u001b[31mred", "leg": null, "detail": {}}'
    assert "\x1b" not in timeline_line(entry)
    assert "\x1b" not in event_line("other", {"x": "\x1b"})
    out = io.StringIO()
    call = {
        "result": "failed",
        "code": 486,
        "incoming": True,
        "callerid": "\x1b[2J",
        "number": "[b]",
    }
    session = {
        "id": "s1",
        "application": "default",
        "scenario": "ivr",
        "started_at": 0.0,
        "duration_s": 1.25,
        "end_cause": "terminated",
        "calls": [call],
        "recordings": [],
    }
    page = {"sessions": [session], "next": "1.5~s1"}
    show_history(Console(file=out, width=200), page)
    assert "\x1b" not in out.getvalue()
    assert "> [b]  failed 486" in out.getvalue()
    assert "older ones: --after 1.5~s1" in out.getvalue()


def test_a_project_is_its_rules_and_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "tones").mkdir()
    (tmp_path / "tones" / "b.wav").write_bytes(b"sound")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.wav").write_bytes(b"sound")
    rules = (
        RuleSettings(name="one", to="1", scenario="a.py"),
        RuleSettings(name="two", to="2", scenario="module:scenarios.ivr"),
    )
    project = read_project(tmp_path, rules)
    assert list(project.scenarios) == ["a", "scenarios.ivr"]
    mine = project.scenarios["a"].body
    assert (mine["modules"], mine["main"]) == ({"a": "x = 1\n"}, "a")
    assert list(mine["sounds"]) == ["tones/b.wav"]
    assert project.rules is not None
    assert [(row["name"], row["scenario"]) for row in project.rules] == [
        ("one", "a"),
        ("two", "scenarios.ivr"),
    ]


def test_sounds_that_no_scenario_could_play_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"private")
    folder = tmp_path / "ivr"
    (folder / "sub").mkdir(parents=True)
    (folder / "scenario.py").write_text("x = 1\n")
    (folder / "good.wav").write_bytes(b"sound")
    (folder / "alias.wav").symlink_to("good.wav")
    (folder / "sub" / "out.wav").symlink_to(tmp_path / "key")
    (folder / "gone.wav").symlink_to("nothing")
    (folder / "endless.wav").symlink_to("/dev/zero")
    (folder / "large.wav").write_bytes(bytes(MAX_ASSET + 1))
    os.mkfifo(folder / "pipe.wav")
    with pytest.raises(BundleError) as caught:
        read_project(folder, ())
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "'endless.wav'",
        "'gone.wav'",
        "'large.wav'",
        "'pipe.wav'",
        "'sub/out.wav'",
    ]
    for name in ("endless.wav", "gone.wav", "large.wav", "pipe.wav", "sub/out.wav"):
        (folder / name).unlink()
    [scenario] = read_project(folder, ()).scenarios.values()
    assert list(scenario.sounds) == ["alias.wav", "good.wav"]


def test_two_scenarios_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("")
    rules = tuple(RuleSettings(name=n, to=n, scenario=f"{n}/a.py") for n in ("x", "y"))
    with pytest.raises(ProjectFault, match="would both be called 'a'"):
        read_project(tmp_path, rules)


def test_faults_of_the_projects_file_are_all_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "callstage.toml").write_text('[project]\nserver = "x"\napplicaton = "x"\n')
    result = CliRunner().invoke(app, ["upload"])
    assert result.exit_code == 2
    assert "project.server: 'x' is no server" in result.stderr
    assert "did you mean application" in result.stderr


def test_a_plan_shows_rules_field_by_field_and_what_only_the_server_has() -> None:
    same: dict[str, list[str]] = {
        "added": [],
        "changed": ["a.py"],
        "removed": [],
        "same": ["b.wav"],
    }
    planned = Plan(
        scenarios={"ivr": {**same, "digest": "d", "missing_sounds": []}},
        rules_added=["new"],
        rules_changed={"sales": {"to": ("1..", "2..")}},
        rules_removed=["old"],
        rules_same=["rest"],
        rules_reordered=False,
        only_there=["legacy"],
        missing={},
    )
    out = io.StringIO()
    show_plan(Console(file=out, width=200), planned, {})
    shown = [line.strip("│ \n") for line in out.getvalue().splitlines() if line.startswith("│")]
    told = {line.split("│")[1].strip(): line.split("│")[3].strip() for line in shown}
    assert told == {
        "ivr": "changed a.py",
        "legacy": "only on the server, and stays",
        "new": "added",
        "sales": "to: '1..' becomes '2..'",
        "old": "removed",
        "rest": "the same",
    }
    seen = plan_json(planned, {}, dry_run=True)
    assert (seen["only_on_the_server"], seen["scenarios"]["ivr"]["same"]) == (["legacy"], ["b.wav"])
