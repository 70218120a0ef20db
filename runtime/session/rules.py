"""Which scenario takes a call: the first rule whose pattern matches the whole dialled user part.

Pure. A refusal explains what was tried and why it did not fit. Patterns come from operators, but
they meet strings from strangers: both are capped, and repeated repetition is not accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, Protocol, TypeVar

import attrs

from runtime.decisions.patterns import MAX_SUBJECT, number_pattern

DEFAULT_APPLICATION: Final = "default"
"""Whose scenarios those are that the command line and the configuration name."""
MAX_TRIED: Final = 10
"""Rules that an explanation names; it must fit into a log line."""

BundleT = TypeVar("BundleT")


class Pattern(Protocol):
    """What decides whether a rule takes a number; the whole of it must match."""

    def fullmatch(self, text: str, /) -> object: ...


class RuleError(ValueError):
    """A rule cannot be used; says which, why and what to do."""


def _pattern_of(rule: Rule) -> Pattern:
    try:
        return number_pattern(rule.to)
    except ValueError as exc:
        raise RuleError(f"rule {rule.name!r}: {exc}") from exc


@attrs.frozen(kw_only=True)
class Rule:
    """`to` is a regular expression for the whole dialled user part. Raises RuleError."""

    name: str
    to: str
    scenario: str
    conference: bool = False
    """Every caller joins the one running session instead of getting a session of its own."""
    custom_data: str = attrs.field(default="", repr=False)
    """What VoxEngine.customData() gives to the sessions that its calls begin."""
    pattern: Pattern = attrs.field(
        repr=False, eq=False, default=attrs.Factory(_pattern_of, takes_self=True)
    )
    """Made of `to` by Python's own matcher, unless given: rules that were uploaded bring one whose
    time is linear in the number, whatever they say (runtime/applications/patterns.py)."""


@attrs.frozen(kw_only=True)
class Match(Generic[BundleT]):
    scenario: str
    bundle: BundleT
    rule: str | None = None
    conference: bool = False
    custom_data: str = attrs.field(default="", repr=False)
    application: str = DEFAULT_APPLICATION


@attrs.frozen
class NoMatch:
    """Nobody takes the call; `explanation` goes into the refusal, the log and `explain`."""

    explanation: str


@attrs.frozen(kw_only=True)
class Routing(Generic[BundleT]):
    """What the runtime serves: bundles by scenario name, and how a call finds its own.

    With rules they decide; without, a single scenario takes every call, and of several the one
    whose name was dialled.
    """

    bundles: Mapping[str, BundleT]
    rules: tuple[Rule, ...] = ()

    @classmethod
    def single(cls, name: str, bundle: BundleT) -> Routing[BundleT]:
        """One scenario takes every call."""
        return cls(bundles={name: bundle})

    @classmethod
    def named(cls, bundles: Mapping[str, BundleT]) -> Routing[BundleT]:
        """The dialled user part is the scenario's name."""
        return cls(bundles=dict(bundles))

    @classmethod
    def ruled(cls, rules: Iterable[Rule], bundles: Mapping[str, BundleT]) -> Routing[BundleT]:
        """The rules decide. Raises RuleError for a rule whose scenario is not there."""
        rules = tuple(rules)
        for rule in rules:
            if rule.scenario not in bundles:
                known = ", ".join(sorted(bundles)) or "none"
                raise RuleError(
                    f"rule {rule.name!r}: no scenario is called {rule.scenario!r}, only: {known}"
                )
        return cls(bundles=dict(bundles), rules=rules)

    def choose(self, destination: str) -> Match[BundleT] | NoMatch:
        """Who takes a call to this user part."""
        if len(destination) > MAX_SUBJECT:
            return NoMatch(
                f"the dialled name has {len(destination)} characters, the limit is {MAX_SUBJECT}"
            )
        if self.rules:
            return self._by_rule(destination)
        if len(self.bundles) == 1:
            ((name, bundle),) = self.bundles.items()
            return Match(scenario=name, bundle=bundle)
        if destination in self.bundles:
            return Match(scenario=destination, bundle=self.bundles[destination])
        return NoMatch(self._no_name(destination))

    def explain(self, destination: str) -> str:
        """What would happen to a call, in one line (`callstage explain`)."""
        found = self.choose(destination)
        if isinstance(found, NoMatch):
            return found.explanation
        by = f"rule {found.rule!r}" if found.rule else "no rules are set"
        shared = ", joining the running session" if found.conference else ""
        return f"{destination} goes to scenario {found.scenario!r} ({by}{shared})"

    def _by_rule(self, destination: str) -> Match[BundleT] | NoMatch:
        for rule in self.rules:
            if rule.pattern.fullmatch(destination):
                return Match(
                    scenario=rule.scenario,
                    bundle=self.bundles[rule.scenario],
                    rule=rule.name,
                    conference=rule.conference,
                    custom_data=rule.custom_data,
                )
        return NoMatch(self._no_rule(destination))

    def _no_rule(self, destination: str) -> str:
        tried = [f"{rule.name} ({rule.to}, no)" for rule in self.rules[:MAX_TRIED]]
        more = len(self.rules) - MAX_TRIED
        if more > 0:
            tried.append(f"and {more} more")
        return (
            f"no rule matches {destination or 'an empty number'}: tried {', '.join(tried)}; "
            f"add a rule, or see: callstage explain {destination}".rstrip()
        )

    def _no_name(self, destination: str) -> str:
        known = sorted(self.bundles)
        if not known:
            return "no scenario is loaded; start with: callstage run SCENARIO"
        names = ", ".join(known[:MAX_TRIED])
        return (
            f"no scenario is called {destination!r}: without rules the dialled name chooses one "
            f"of {names}"
        )


@attrs.frozen(kw_only=True)
class Number:
    """A number that belongs to an application; calls to it are taken by nobody else's rules."""

    number: str
    """The whole dialled user part."""
    application: str
    scenario: str = ""
    """Takes the calls without being asked for by a rule; empty: the rules decide."""
    custom_data: str = attrs.field(default="", repr=False)
    """What VoxEngine.customData() gives to the sessions of `scenario`."""


@attrs.frozen(kw_only=True)
class Served(Generic[BundleT]):
    """All that is served: what the operator named comes first, then whom the number belongs to,
    then each application's rules.

    An application without rules and numbers gets no incoming calls; its sessions are started over
    HTTP. Calls of an application's users go to that application alone.
    """

    operator: Routing[BundleT]
    applications: Mapping[str, Routing[BundleT]] = attrs.field(factory=dict)
    numbers: Mapping[str, Number] = attrs.field(factory=dict)

    def choose(self, destination: str, caller: str = "") -> Match[BundleT] | NoMatch:
        """Who takes a call to this user part; `caller`: the application whose user calls."""
        number = self.numbers.get(destination)
        ruled = {name: each for name, each in self.applications.items() if each.rules}
        tried: list[str] = []
        if self.operator.bundles or not (ruled or self.numbers):
            found = self.operator.choose(destination)
            if isinstance(found, Match):
                return found
            tried.append(found.explanation)
        if number is not None:
            found = self._by_number(number)
            if isinstance(found, Match):
                return found
            return NoMatch("; ".join([*tried, found.explanation]))
        if caller:
            ruled = {name: each for name, each in ruled.items() if name == caller}
            tried.append(f"its caller is a user of application {caller!r}")
        for name, routing in ruled.items():
            found = routing.choose(destination)
            if isinstance(found, Match):
                return attrs.evolve(found, application=name)
            tried.append(f"application {name!r}: {found.explanation}")
        return NoMatch("; ".join(tried[:MAX_TRIED]))

    def conference(self, name: str, application: str) -> Match[BundleT] | NoMatch:
        """Who takes a call of a session of `application` to a shared one: a rule with `conference =
        true` of the same application."""
        own = attrs.evolve(
            self,
            operator=self.operator if application == DEFAULT_APPLICATION else Routing(bundles={}),
            applications={
                each: routing for each, routing in self.applications.items() if each == application
            },
            numbers={
                number: each
                for number, each in self.numbers.items()
                if each.application == application
            },
        )
        found = own.choose(name)
        if isinstance(found, NoMatch) or found.conference:
            return found
        taken = (
            f"rule {found.rule!r}" if found.rule else f"scenario {found.scenario!r}, by no rule,"
        )
        return NoMatch(
            f"{taken} takes {name!r}, and is not shared: callConference joins sessions of a rule "
            "with conference = true"
        )

    def _by_number(self, number: Number) -> Match[BundleT] | NoMatch:
        owner = f"{number.number} belongs to application {number.application!r}"
        routing = self.applications.get(number.application)
        if routing is None:
            return NoMatch(f"{owner}, which has no scenario")
        if number.scenario and number.scenario in routing.bundles:
            return Match(
                scenario=number.scenario,
                bundle=routing.bundles[number.scenario],
                application=number.application,
                custom_data=number.custom_data,
            )
        if number.scenario:
            return NoMatch(f"{owner}, which has no scenario {number.scenario!r}")
        if not routing.rules:
            return NoMatch(f"{owner}, which has no rules")
        found = routing.choose(number.number)
        if isinstance(found, Match):
            return attrs.evolve(found, application=number.application)
        return NoMatch(f"{owner}: {found.explanation}")

    def bundles(self, application: str) -> dict[str, BundleT]:
        """By name. What was uploaded to the default application stands beside what the operator
        named, and below it."""
        uploaded = self.applications.get(application)
        found = dict(uploaded.bundles) if uploaded else {}
        return found | dict(self.operator.bundles) if application == DEFAULT_APPLICATION else found

    def versions(self, version: Callable[[BundleT], str]) -> set[str]:
        """Of everything that a new session may run."""
        every = [self.operator, *self.applications.values()]
        return {version(bundle) for routing in every for bundle in routing.bundles.values()}
