"""What would become of a number, without a call: which rule takes it, which trunks carry it, why.

Pure. Asks the same functions as a real call does and says what they say, refusals included; only
what a running runtime alone knows (who is registered, down or full) is not known here.
"""

from __future__ import annotations

import attrs

from runtime.decisions.numbers import Rewritten
from runtime.decisions.problems import Calls
from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.route import OutgoingRules, Plan
from runtime.legs.sip.trunk.arriving import TrunkRefusal, numbers_of, refuse_direction
from runtime.legs.sip.trunks import Trunk
from runtime.session.rules import MAX_TRIED, NoMatch, Routing

"""Of a call that no rule takes (runtime/session/registry.py)."""


@attrs.frozen(kw_only=True)
class Inbound:
    """A call to a number, from a trunk or from somebody else."""

    trunk: str
    called: str
    """In our own spelling."""
    called_because: str
    caller: str
    caller_because: str
    tried: tuple[str, ...]
    """Rules that did not match, up to the one that did."""
    rule: str | None
    scenario: str
    why: str
    refusal: TrunkRefusal | None = None


@attrs.frozen(kw_only=True)
class Attempt:
    """One INVITE that would be sent."""

    trunk: str
    target: str
    next_hop: str
    caller: str
    headers: tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Outbound:
    """A call of a script to a number."""

    attempts: tuple[Attempt, ...] = ()
    why: str = ""
    left_out: tuple[str, ...] = ()
    refusal: TrunkRefusal | None = None


def explain_inbound(
    routing: Routing[None], number: str, caller: str, trunk: Trunk | None
) -> Inbound:
    """Who takes a call to this number; `trunk` None is a peer that is no trunk."""
    called, calling = Rewritten(number=number), Rewritten(number=caller)
    refusal = None
    if trunk is not None:
        refusal = refuse_direction(trunk)
        numbers = numbers_of(trunk, number, caller)
        called, calling = numbers.called, numbers.caller
    found = routing.choose(called.number)
    if isinstance(found, NoMatch):
        refusal = refusal or TrunkRefusal(kind=Calls.NO_RULE, reason=found.explanation)
        rule, scenario = None, ""
    else:
        rule, scenario = found.rule, found.scenario
    return Inbound(
        trunk=trunk.name if trunk else "",
        called=called.number,
        called_because=_because(called),
        caller=calling.number,
        caller_because=_because(calling),
        tried=_tried(routing, rule),
        rule=rule,
        scenario="" if refusal else scenario,
        why=refusal.reason if refusal else routing.explain(called.number),
        refusal=refusal,
    )


def _because(number: Rewritten) -> str:
    return "" if number.rule is None else str(number.rule)


def _tried(routing: Routing[None], taken: str | None) -> tuple[str, ...]:
    tried: list[str] = []
    for rule in routing.rules:
        if rule.name == taken or len(tried) >= MAX_TRIED:
            break
        tried.append(f"{rule.name} ({rule.to}, no)")
    return tuple(tried)


def explain_outbound(rules: OutgoingRules, target: str, caller: str) -> Outbound:
    """What callPSTN, or callSIP for an address, would do."""
    is_address = "@" in target or target.lower().startswith(("sip:", "sips:", "tel:"))
    request = DialRequest(kind="sip" if is_address else "pstn", to=target, callerid=caller)
    try:
        plan: Plan = rules.plan(request)
    except DialRefused as exc:
        return Outbound(refusal=TrunkRefusal(kind=exc.kind, status=exc.code, reason=exc.reason))
    attempts = tuple(
        Attempt(
            trunk=route.trunk,
            target=str(route.target),
            next_hop=str(route.next_hop),
            caller=str(route.from_),
            headers=route.headers,
        )
        for route in plan.routes
    )
    return Outbound(attempts=attempts, why=plan.why, left_out=plan.left_out)
