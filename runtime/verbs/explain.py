"""`callstage explain NUMBER`: inbound rules and outbound routes, run without a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import typer

from runtime.config import Config
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunk.explain import Inbound, Outbound, explain_inbound, explain_outbound
from runtime.legs.sip.trunk.setup import outgoing_rules, trunk_of
from runtime.session.rules import Routing, RuleError
from runtime.session.serving import rules_of
from runtime.verbs.trunks import running_trunks


class Unexplainable(Exception):
    """The configuration cannot be used, or has no such trunk; str() says what to change."""


@attrs.frozen(kw_only=True)
class Question:
    """What is asked: a number or an address, who calls, and over which trunk it comes in."""

    number: str
    caller: str = ""
    trunk: str = ""


def explain(config: Config, question: Question, *, as_json: bool) -> None:
    """Say what would become of a call. Raises Unexplainable."""
    try:
        trunks = [trunk_of(settings) for settings in config.trunk]
        rules = outgoing_rules(config.sip, trunks, config.route)
        inbound_rules = rules_of(config.rule)
    except (ValueError, RuleError) as exc:
        raise Unexplainable(str(exc)) from exc
    trunk = next((each for each in trunks if each.name == question.trunk), None)
    if question.trunk and trunk is None:
        names = ", ".join(each.name for each in trunks) or "none"
        raise Unexplainable(f"there is no trunk {question.trunk!r}, only: {names}")
    routing = Routing.ruled(inbound_rules, {rule.scenario: None for rule in inbound_rules})
    inbound = explain_inbound(routing, question.number, question.caller, trunk)
    outbound = explain_outbound(rules, question.number, question.caller)
    states = _states(config, outbound)
    if as_json:
        typer.echo(json.dumps(_facts(question, inbound, outbound, states)))
        return
    for line in (*_inbound_lines(inbound), *_outbound_lines(outbound, states)):
        typer.echo(line)


def _states(config: Config, outbound: Outbound) -> dict[str, str]:
    """The state of the trunks, where a runtime runs; asked only when a trunk is needed."""
    if not any(attempt.trunk for attempt in outbound.attempts):
        return {}
    return {str(t.get("name")): str(t.get("state")) for t in running_trunks(config) or ()}


def _inbound_lines(found: Inbound) -> Iterator[str]:
    source = f"from trunk {found.trunk}" if found.trunk else "from a peer that is no trunk"
    yield f"a call {source}:"
    if found.called_because:
        yield f"  called number becomes {found.called}: {found.called_because}"
    if found.caller_because:
        yield f"  caller becomes {found.caller}: {found.caller_because}"
    for tried in found.tried if found.rule else ():
        yield f"  tried {tried}"
    yield f"  {_refused(found.refusal) or found.why}"


def _outbound_lines(found: Outbound, states: dict[str, str]) -> Iterator[str]:
    yield "a call of a script:"
    if found.refusal is not None:
        yield f"  {_refused(found.refusal)}"
        return
    yield f"  {found.why}"
    for why in found.left_out:
        yield f"  not tried: {why}"
    for place, attempt in enumerate(found.attempts, 1):
        over = f"trunk {attempt.trunk}" if attempt.trunk else "directly"
        state = states.get(attempt.trunk)
        shown = f" ({state})" if state else ""
        yield f"  {place}. {over}{shown}: {attempt.target} as {attempt.caller}"
        for name, value in attempt.headers:
            yield f"     {name}: {value}"


def _refused(refusal: TrunkRefusal | None) -> str:
    if refusal is None:
        return ""
    return f"refused ({refusal.status}, {refusal.kind.number}): {refusal.reason}"


def _facts(
    question: Question, inbound: Inbound, outbound: Outbound, states: dict[str, str]
) -> dict[str, Any]:
    attempts = [
        {
            **attrs.asdict(attempt),
            "headers": dict(attempt.headers),
            "state": states.get(attempt.trunk),
        }
        for attempt in outbound.attempts
    ]
    return {
        "number": question.number,
        "from": question.caller,
        "trunk": question.trunk or None,
        "inbound": {**attrs.asdict(inbound), "refusal": _refusal(inbound.refusal)},
        "outbound": {
            **attrs.asdict(outbound),
            "attempts": attempts,
            "refusal": _refusal(outbound.refusal),
        },
    }


def _refusal(refusal: TrunkRefusal | None) -> dict[str, Any] | None:
    if refusal is None:
        return None
    return {
        "status": refusal.status,
        "reason": refusal.reason,
        "retry_after_s": refusal.retry_after_s,
        "problem": refusal.kind.number,
    }
