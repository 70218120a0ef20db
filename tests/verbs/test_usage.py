"""The command line's words: exit codes, and all faults at once."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runtime.cli import app


def callstage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_no_scenario_says_what_to_give() -> None:
    result = callstage("run")
    assert result.exit_code == 2
    assert "no scenario: name one" in result.stderr


def test_the_version_is_told() -> None:
    result = callstage("--version")
    assert (result.exit_code, result.stdout) == (0, f"callstage {metadata.version('callstage')}\n")


def test_faults_of_the_command_line_and_of_the_file_come_together(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_text("[limits]\nidle_session_s = 0\n[sib]\n")
    result = callstage("run", "--config", file, "--sip", "foo", "--http", "bar")
    assert result.exit_code == 2
    for part in ("limits.idle_session_s", "did you mean sip", "--sip: 'foo'", "--http: 'bar'"):
        assert part in result.stderr
    numbers = [line.rpartition("(")[2].rstrip(")") for line in result.stderr.splitlines()]
    assert sorted(numbers) == ["E3002", "E3003", "E3006", "E3006"]


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        ("nothing.py", "the file nothing.py does not exist"),
        ("module:scenarios.nothing", "there is no shipped scenario scenarios.nothing; there are "),
    ],
)
def test_a_scenario_that_is_not_there_is_named(scenario: str, fault: str) -> None:
    result = callstage("run", scenario)
    assert result.exit_code == 2
    assert fault in result.stderr


def test_a_rule_without_its_scenario_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_text("[[rule]]\nname='a'\nto='.*'\nscenario='gone.py'\n")
    result = callstage("run", "--config", file)
    assert result.exit_code == 2
    assert "gone.py does not exist (E3007)" in result.stderr


def test_http_for_others_wants_a_token(tmp_path: Path) -> None:
    result = callstage("run", "scenarios.hello", "--http", "0.0.0.0:0", "--data", tmp_path)
    assert result.exit_code == 2
    assert "add a token to [http.tokens]" in result.stderr
    assert "(E3008)" in result.stderr


def test_a_target_that_is_no_address_is_refused() -> None:
    result = callstage("call", "bogus")
    assert result.exit_code == 2
    assert "has no host" in result.stderr


def test_new_makes_three_files_and_touches_nothing_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = callstage("new", "hello")
    assert result.exit_code == 0
    names = sorted(file.name for file in (tmp_path / "hello").iterdir())
    assert names == ["callstage.toml", "scenario.py", "test_scenario.py"]
    again = callstage("new", "hello")
    assert again.exit_code == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", "x" * 65])
def test_a_name_that_is_no_folder_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = callstage("new", "--", name)
    assert result.exit_code == 2
    assert "is not a project name" in result.stderr
    assert list(tmp_path.iterdir()) == []
