"""What is served of all applications now, in memory, and what of it the registry is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs
import trio

from runtime.applications.faults import Kind, Refused, unknown
from runtime.sandbox.bundle import Bundle
from runtime.session.registry import SessionRegistry
from runtime.session.rules import NoMatch, Number, Routing, Rule, Served
from runtime.store.scenarios import StoredVersion

MAX_APPLICATIONS: Final = 100
"""A call that no rule takes is held against the rules of all of them."""
MAX_SCENARIOS: Final = 200
"""Of one application."""
MAX_SERVED_BYTES: Final = 128 * 1024**2
"""Python of all current versions, which are held in memory."""


@attrs.frozen(kw_only=True)
class Application:
    """What is served of one application now."""

    versions: Mapping[str, StoredVersion] = attrs.field(factory=dict)
    """Current ones by scenario."""
    bundles: Mapping[str, Bundle] = attrs.field(factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def routing(self) -> Routing[Any]:
        return Routing.ruled(self.rules, self.bundles)

    @property
    def size_bytes(self) -> int:
        return sum(len(module.source) for b in self.bundles.values() for module in b.modules)


class Catalogue:
    """The applications by name; `serve` after changes."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry
        self._applications: dict[str, Application] = {}
        self.numbers: Mapping[str, Number] = {}
        """By number; of whom each is."""
        self.changing = trio.Lock()
        """One change at a time, of all that names each other: scenarios, rules and numbers."""

    def __iter__(self) -> Iterator[Application]:
        return iter(list(self._applications.values()))

    def get(self, application: str) -> Application:
        return self._applications.get(application, Application())

    def known(self, application: str) -> Application:
        """Raises Refused."""
        if application not in self._applications:
            raise unknown(f"no scenario was uploaded to an application {application[:64]!r}")
        return self._applications[application]

    def put(self, version: StoredVersion, bundle: Bundle) -> None:
        there = self.get(version.application)
        self._applications[version.application] = attrs.evolve(
            there,
            versions={**there.versions, version.scenario: version},
            bundles={**there.bundles, version.scenario: bundle},
        )

    def set_rules(self, application: str, rules: Iterable[Rule]) -> None:
        there = self.get(application)
        self._applications[application] = attrs.evolve(there, rules=tuple(rules))

    def replace(self, versions: Iterable[tuple[StoredVersion, Bundle]]) -> None:
        """These instead of those that were there; applications that stay keep their rules."""
        before, self._applications = self._applications, {}
        for version, bundle in versions:
            self.put(version, bundle)
        for name, there in self._applications.items():
            rules = before.get(name, Application()).rules
            self._applications[name] = attrs.evolve(there, rules=rules)

    def set_numbers(self, numbers: Iterable[Number]) -> None:
        """These instead of those that were there; a later one of the same number counts."""
        self.numbers = {each.number: each for each in numbers}

    def naming(self, application: str, scenario: str) -> list[str]:
        """What would have nobody to take its calls without this scenario."""
        rules = [f"rule {r.name}" for r in self.get(application).rules if r.scenario == scenario]
        place = (application, scenario)
        named = (n for n in self.numbers.values() if (n.application, n.scenario) == place)
        return rules + [f"number {each.number}" for each in named]

    def check_room(self, application: str, scenario: str, bundle: Bundle) -> None:
        there = self._applications.get(application)
        if there is None and len(self._applications) >= MAX_APPLICATIONS:
            raise Refused(Kind.FULL, f"there are {MAX_APPLICATIONS} applications, the limit")
        bundles = {} if there is None else there.bundles
        if scenario not in bundles and len(bundles) >= MAX_SCENARIOS:
            raise Refused(Kind.FULL, f"{application} has {MAX_SCENARIOS} scenarios, the limit")
        size = sum(len(module.source) for module in bundle.modules)
        if size + sum(each.size_bytes for each in self._applications.values()) > MAX_SERVED_BYTES:
            raise Refused(Kind.FULL, f"all scenarios together: {MAX_SERVED_BYTES} bytes of Python")

    def explain(self, application: str, number: str) -> dict[str, Any]:
        """What would become of a call to this number, by the rules of this application."""
        routing = self.known(application).routing
        owned = self.numbers.get(number)
        if owned is not None:
            return self._explain_owned(application, owned)
        found = routing.choose(number) if routing.rules else NoMatch("the application has no rules")
        if isinstance(found, NoMatch):
            return {"to": number, "rule": None, "scenario": None, "why": found.explanation}
        why = routing.explain(number)
        return {"to": number, "rule": found.rule, "scenario": found.scenario, "why": why}

    def _explain_owned(self, application: str, owned: Number) -> dict[str, Any]:
        """Of a number that belongs to an application, this one or another."""
        seen: dict[str, Any] = {"to": owned.number, "rule": None, "scenario": None}
        if owned.application != application:
            return {**seen, "why": f"{owned.number} belongs to another application"}
        served = {application: self.known(application).routing}
        everything: Served[Any] = Served(
            operator=Routing(bundles={}), applications=served, numbers={owned.number: owned}
        )
        found = everything.choose(owned.number)
        if isinstance(found, NoMatch):
            return {**seen, "why": found.explanation}
        by = f"rule {found.rule!r}" if found.rule else "the number says so"
        why = f"{owned.number} goes to scenario {found.scenario!r} ({by})"
        return {**seen, "rule": found.rule, "scenario": found.scenario, "why": why}

    def listing(self) -> dict[str, dict[str, Any]]:
        """Applications with their scenarios and the number of their rules."""
        return {
            name: {
                "scenarios": {s: v.number for s, v in each.versions.items()},
                "rules": len(each.rules),
            }
            for name, each in self._applications.items()
        }

    def serve(self) -> None:
        named = {name: each for name, each in self._applications.items() if each.bundles}
        routings = {name: each.routing for name, each in named.items()}
        self._registry.set_applications(routings, self.numbers.values())


def rule_row(rule: Rule) -> dict[str, Any]:
    """As it is stored and shown."""
    return {
        "name": rule.name,
        "to": rule.to,
        "scenario": rule.scenario,
        "conference": rule.conference,
        "custom_data": rule.custom_data,
    }
