"""`callstage explain`: what would become of a number, in the words of the real path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from runtime.cli import app
from runtime.config import load_config
from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunk.desk import TrunkDesk
from runtime.legs.sip.trunk.setup import outgoing_rules, trunk_of
from runtime.session.rules import NoMatch, Routing
from runtime.session.serving import rules_of

CONFIG = r"""
[http]
listen = "127.0.0.1:0"
[[trunk]]
name = "one"
uri = "sip:192.0.2.5"
numbers_in = [{ strip = "0", add = "+44" }]
numbers_out = [{ of = "called", strip = "+44", add = "0" }]
identity = "p-asserted-identity"
[[trunk]]
name = "two"
uri = "sip:192.0.2.6"
calls = "out"
callerids = ['\+4420.*']
[[route]]
name = "uk"
to = '\+44.*'
trunks = ["two", "one"]
[[rule]]
name = "night"
to = '999'
scenario = "night.py"
[[rule]]
name = "sales"
to = '\+4420.*'
scenario = "sales.py"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "callstage.toml"
    made.write_text(CONFIG)
    return made


def explain(file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["explain", "--config", str(file), *words])


def facts(file: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(explain(file, "--json", *words).stdout)
    return found


def test_a_number_from_a_trunk_is_rewritten_and_finds_its_rule(file: Path) -> None:
    said = explain(file, "02079460000", "--from", "0207", "--trunk", "one").stdout
    assert "called number becomes +442079460000: 0 at the front becomes +44" in said
    assert "caller becomes +44207" in said
    assert "tried night (999, no)" in said
    assert "goes to scenario 'sales.py' (rule 'sales')" in said


def test_the_way_out_names_each_trunk_with_its_number_caller_and_headers(file: Path) -> None:
    out = facts(file, "+442079460000", "--from", "+44209")["outbound"]
    assert out["why"] == "route 'uk'"
    assert [attempt["trunk"] for attempt in out["attempts"]] == ["two", "one"]
    assert [attempt["target"] for attempt in out["attempts"]] == [
        *("sip:+442079460000@192.0.2.6", "sip:02079460000@192.0.2.5")
    ]
    assert out["attempts"][1]["headers"]["P-Asserted-Identity"] == "<sip:+44209@192.0.2.5>"


def test_a_caller_that_a_trunk_does_not_permit_leaves_it_out(file: Path) -> None:
    out = facts(file, "+442079460000", "--from", "+1555")["outbound"]
    assert [attempt["trunk"] for attempt in out["attempts"]] == ["one"]
    assert "two does not let scripts call themselves '+1555'" in out["left_out"][0]


@pytest.mark.parametrize("target", ["12", "+33123", "sip:a@elsewhere.example"])
def test_a_refusal_is_the_one_that_a_real_call_gets(file: Path, target: str) -> None:
    config = load_config(file)
    rules = outgoing_rules(config.sip, [trunk_of(each) for each in config.trunk], config.route)
    with pytest.raises(DialRefused) as caught:
        rules.plan(DialRequest(kind="sip" if "@" in target else "pstn", to=target))
    told = facts(file, target)["outbound"]["refusal"]
    real = caught.value
    assert told == {
        "status": real.code,
        "reason": real.reason,
        "retry_after_s": None,
        "problem": real.kind.number,
    }
    assert f"refused ({real.code}, {real.kind.number}): " in explain(file, target).stdout


def test_a_number_without_a_rule_is_refused_as_a_real_caller_is(file: Path) -> None:
    rules = rules_of(load_config(file).rule)
    real = Routing.ruled(rules, {rule.scenario: None for rule in rules}).choose("12")
    assert isinstance(real, NoMatch)
    told = facts(file, "12")["inbound"]["refusal"]
    assert (told["status"], told["reason"]) == (404, real.explanation)


def test_a_trunk_that_may_not_call_is_refused_as_it_is_in_earnest(file: Path) -> None:
    trunks = [trunk_of(each) for each in load_config(file).trunk]
    real = TrunkDesk(trunks, lambda: 0.0).enter("two", "in")
    assert isinstance(real, TrunkRefusal)
    told = facts(file, "+4420", "--trunk", "two")["inbound"]["refusal"]
    assert (told["status"], told["reason"]) == (real.status, real.reason)


@pytest.mark.parametrize(
    ("more", "words", "fault"),
    [
        ("", ("1", "--trunk", "x"), "there is no trunk 'x', only: one, two"),
        ("[[route]]\nname='r'\nto='.*'\ntrunks=['x']", ("1",), "route r: no trunk is called 'x'"),
    ],
)
def test_what_cannot_be_explained_ends_with_2(
    file: Path, more: str, words: tuple[str, ...], fault: str
) -> None:
    file.write_text(CONFIG + more)
    result = explain(file, *words)
    assert result.exit_code == 2
    assert fault in result.stderr
