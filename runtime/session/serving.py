"""From words to Routing: which bundles are loaded, and how a call finds its own.

One SCENARIO takes every call; several are dialled by name; with a configuration its rules decide.
Paths in a configuration are relative to its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from runtime.config.settings import RuleSettings
from runtime.decisions.limits import Limits
from runtime.sandbox.bundle import BundleError, load_bundle
from runtime.session.rules import Routing, Rule
from runtime.session.worker import Bundle


class NothingToServe(Exception):
    """No scenario was named; str() says what to do."""


@attrs.frozen(kw_only=True)
class Serving:
    """What the operator asked to be served; `load` can be repeated when files change."""

    scenarios: tuple[str, ...]
    rules: tuple[RuleSettings, ...]
    base: Path
    """The folder that relative scenario paths of rules start from."""
    uploads: bool = False
    """Whether scenarios may come later."""
    limits: Limits = Limits()
    """Of the application: how big a scenario may be."""

    def load(self) -> Routing[Bundle]:
        """Read every bundle. Raises BundleError, RuleError or NothingToServe."""
        if self.scenarios:
            bundles = [self._bundle(scenario) for scenario in self.scenarios]
            if len(bundles) == 1:
                return Routing.single(bundles[0].name, bundles[0])
            return Routing.named(_by_name(bundles))
        if not self.rules:
            if self.uploads:
                return Routing(bundles={})
            raise NothingToServe(
                "no scenario: name one (a .py file, a folder, or module:scenarios.ivr), give a "
                "--config with [[rule]] entries, or wait for uploads with --uploads"
            )
        named = {rule.scenario: self._bundle(self._path(rule.scenario)) for rule in self.rules}
        return Routing.ruled(rules_of(self.rules), named)

    def _bundle(self, scenario: str) -> Bundle:
        return load_bundle(scenario, self.limits)

    def _path(self, scenario: str) -> str:
        return scenario if scenario.startswith("module:") else str(self.base / scenario)


def rules_of(settings: Sequence[RuleSettings]) -> list[Rule]:
    """The rules of a configuration. Raises RuleError."""
    return [
        Rule(
            name=rule.name,
            to=rule.to,
            scenario=rule.scenario,
            conference=rule.conference,
            custom_data=rule.custom_data,
        )
        for rule in settings
    ]


def _by_name(bundles: Sequence[Bundle]) -> dict[str, Bundle]:
    named = {}
    for bundle in bundles:
        if bundle.name in named:
            raise BundleError(
                bundle.name, ["two scenarios have this name; the dialled name must tell them apart"]
            )
        named[bundle.name] = bundle
    return named
