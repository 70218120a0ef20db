"""Which scenario takes a call, and what a refusal says."""

from __future__ import annotations

import attrs
import pytest

from runtime.session.rules import Match, NoMatch, Number, Routing, Rule, RuleError, Served


def ruled(*patterns: str) -> Routing[str]:
    rules = [Rule(name=f"r{n}", to=to, scenario="s") for n, to in enumerate(patterns)]
    return Routing.ruled(rules, {"s": "bundle"})


def chosen(routing: Routing[str], destination: str) -> str | None:
    found = routing.choose(destination)
    return found.rule if isinstance(found, Match) else None


def test_the_whole_user_part_must_match() -> None:
    routing = ruled("123", "123.+")
    assert chosen(routing, "123") == "r0"
    assert chosen(routing, "123456") == "r1"
    assert chosen(routing, "0123") is None


def test_the_first_match_wins() -> None:
    assert chosen(ruled(".*", "1.."), "100") == "r0"


def test_a_rule_s_data_comes_with_its_match() -> None:
    rules = [
        Rule(name="a", to="1.*", scenario="s", custom_data="tea"),
        Rule(name="b", to=".*", scenario="s"),
    ]
    routing = Routing.ruled(rules, {"s": "bundle"})
    first, second = routing.choose("100"), routing.choose("200")
    assert isinstance(first, Match)
    assert isinstance(second, Match)
    assert (first.custom_data, second.custom_data) == ("tea", "")


def test_anchors_do_no_harm() -> None:
    assert chosen(ruled(r"^\+44\d+$"), "+442079") == "r0"


def test_one_scenario_takes_every_call() -> None:
    routing = Routing.single("ivr", "bundle")
    assert routing.choose("anything") == Match(scenario="ivr", bundle="bundle")
    assert routing.choose("") == Match(scenario="ivr", bundle="bundle")


def test_of_several_scenarios_the_dialled_name_chooses() -> None:
    routing = Routing.named({"a": "bundle a", "b": "bundle b"})
    assert routing.choose("b") == Match(scenario="b", bundle="bundle b")
    found = routing.choose("c")
    assert isinstance(found, NoMatch)
    assert found.explanation == (
        "no scenario is called 'c': without rules the dialled name chooses one of a, b"
    )


def test_nothing_loaded_says_so() -> None:
    found = Routing[str](bundles={}).choose("1")
    assert isinstance(found, NoMatch)
    assert "callstage run SCENARIO" in found.explanation


def test_an_explanation_names_what_was_tried() -> None:
    found = ruled("1..", "2..").choose("300")
    assert isinstance(found, NoMatch)
    assert found.explanation == (
        "no rule matches 300: tried r0 (1.., no), r1 (2.., no); "
        "add a rule, or see: callstage explain 300"
    )


def test_an_explanation_is_bounded() -> None:
    found = ruled(*[str(n) for n in range(100)]).choose("x")
    assert isinstance(found, NoMatch)
    assert "and 90 more" in found.explanation


def test_explain_says_where_a_call_goes() -> None:
    rules = [Rule(name="rooms", to="room.*", scenario="s", conference=True)]
    routing = Routing.ruled(rules, {"s": "bundle"})
    assert routing.explain("room1") == (
        "room1 goes to scenario 's' (rule 'rooms', joining the running session)"
    )
    assert routing.explain("x").startswith("no rule matches x")
    assert Routing.single("ivr", "b").explain("1") == "1 goes to scenario 'ivr' (no rules are set)"


def test_a_dialled_name_has_a_greatest_length() -> None:
    found = ruled(".*").choose("1" * 129)
    assert isinstance(found, NoMatch)
    assert "128" in found.explanation


@pytest.mark.parametrize("to", ["(", "[", "a{2", "*", "(?P<x>"])
def test_a_pattern_must_be_a_regular_expression_or_plain_text(to: str) -> None:
    if to == "a{2":
        Rule(name="plain", to=to, scenario="s")
        return
    with pytest.raises(RuleError, match="not a regular expression"):
        Rule(name="broken", to=to, scenario="s")


@pytest.mark.parametrize(
    "to",
    ["(a+)+", "(a*)*b", "(a|b+)*", "((1+)2?)+", "(?:x+)+", "(?=(a+)+)b", "(a+){2,}", "(a{1,})+"],
)
def test_a_pattern_that_can_run_for_ever_is_refused(to: str) -> None:
    with pytest.raises(RuleError, match="repeats something that repeats"):
        Rule(name="slow", to=to, scenario="s")


@pytest.mark.parametrize(
    "to", [r"\+44\d+", "1.*", "(sales|support)-?[0-9]{1,4}", "(0044|\\+44)7.*"]
)
def test_ordinary_patterns_are_fine(to: str) -> None:
    Rule(name="good", to=to, scenario="s")


def test_a_pattern_has_a_greatest_length() -> None:
    with pytest.raises(RuleError, match="500"):
        Rule(name="long", to="1" * 501, scenario="s")


def test_a_rule_whose_scenario_is_missing_is_refused() -> None:
    with pytest.raises(RuleError, match="'t', only: s"):
        Routing.ruled([Rule(name="r", to=".*", scenario="t")], {"s": "bundle"})


def test_applications_come_after_what_the_operator_named() -> None:
    rule = Rule(name="sales", to="1..", scenario="ivr")
    own = Routing.ruled([rule], {"ivr": "theirs"})
    served = Served(
        operator=Routing.ruled([Rule(name="first", to="100", scenario="main")], {"main": "ours"}),
        applications={"shop": own, "quiet": Routing.named({"ivr": "no rules, no calls"})},
    )
    first, second, none = (served.choose(number) for number in ("100", "101", "200"))
    assert isinstance(first, Match)
    assert (first.bundle, first.application) == ("ours", "default")
    assert isinstance(second, Match)
    assert (second.bundle, second.application, second.rule) == ("theirs", "shop", "sales")
    assert isinstance(none, NoMatch)
    assert "first (100, no)" in none.explanation
    assert "application 'shop': no rule matches 200: tried sales (1.., no)" in none.explanation


def test_a_scenario_of_the_command_line_takes_every_call_before_any_application() -> None:
    rule = Rule(name="all", to=".*", scenario="ivr")
    served = Served(
        operator=Routing.single("main", "ours"),
        applications={"shop": Routing.ruled([rule], {"ivr": "theirs"})},
    )
    found = served.choose("anything")
    assert isinstance(found, Match)
    assert found.bundle == "ours"
    assert served.bundles("default") == {"main": "ours"}
    assert served.bundles("shop") == {"ivr": "theirs"}


def shared(to: str, scenario: str) -> Routing[str]:
    rules = [Rule(name=f"rule of {scenario}", to=to, scenario=scenario, conference=True)]
    return Routing.ruled(rules, {scenario: "bundle"})


def test_a_conference_is_looked_for_in_the_application_that_calls_it() -> None:
    served = Served(operator=shared("room.*", "ours"), applications={"a": shared("room.*", "as")})
    for application, scenario in (("default", "ours"), ("a", "as")):
        found = served.conference("room1", application)
        assert isinstance(found, Match)
        assert (found.scenario, found.application) == (scenario, application)
    elsewhere = served.conference("room1", "b")
    assert isinstance(elsewhere, NoMatch)


def test_a_rule_that_is_not_shared_is_no_conference() -> None:
    served = Served(operator=ruled("room.*"))
    found = served.conference("room1", "default")
    assert isinstance(found, NoMatch)
    assert found.explanation.startswith("rule 'r0' takes 'room1', and is not shared")


def served(*numbers: Number) -> Served[str]:
    everything = [Rule(name="all", to=".*", scenario="s")]
    return Served(
        operator=Routing(bundles={}),
        applications={
            "bank": Routing.ruled(everything, {"s": "theirs"}),
            "shop": Routing.ruled([Rule(name="mine", to="2..", scenario="s")], {"s": "ours"}),
        },
        numbers={each.number: each for each in numbers},
    )


def taken(routing: Served[str], destination: str, caller: str = "") -> tuple[str, str | None]:
    found = routing.choose(destination, caller)
    assert isinstance(found, Match), found
    return found.application, found.rule


def test_a_number_is_taken_by_whom_it_belongs_to() -> None:
    routing = served(
        Number(number="200", application="shop"),
        Number(number="900", application="shop", scenario="s", custom_data="tea"),
    )
    assert taken(routing, "200") == ("shop", "mine")
    assert taken(routing, "201") == ("bank", "all")
    found = routing.choose("900")
    assert isinstance(found, Match)
    assert (found.application, found.rule, found.custom_data) == ("shop", None, "tea")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (Number(number="100", application="gone"), "'gone', which has no scenario"),
        (Number(number="100", application="shop", scenario="x"), "which has no scenario 'x'"),
        (Number(number="100", application="shop"), "'shop': no rule matches 100"),
    ],
)
def test_a_number_that_nobody_takes_is_not_left_to_others(number: Number, says: str) -> None:
    found = served(number).choose("100")
    assert isinstance(found, NoMatch)
    assert says in found.explanation


def test_calls_of_an_applications_users_stay_with_it() -> None:
    routing = served()
    assert taken(routing, "200", caller="shop") == ("shop", "mine")
    found = routing.choose("900", "shop")
    assert isinstance(found, NoMatch)
    assert "its caller is a user of application 'shop'" in found.explanation


def test_what_the_operator_named_comes_before_numbers() -> None:
    routing = attrs.evolve(
        served(Number(number="100", application="shop", scenario="s")),
        operator=Routing.single("own", "operator"),
    )
    assert taken(routing, "100") == ("default", None)
