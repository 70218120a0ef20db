"""What becomes of an INVITE because of the trunk it comes from: its numbers, or a refusal. Pure.

One place for the real path and for `callstage explain`.
"""

from __future__ import annotations

import attrs

from runtime.decisions.numbers import Rewritten, rewrite
from runtime.decisions.problems import Calls, Dials
from runtime.legs.leg import DialRefused, LegIdentity
from runtime.legs.sip.trunk.caller import Asserted, asserted, user_or_number
from runtime.legs.sip.trunk.recognition import Recognised
from runtime.legs.sip.trunks import Trunk
from sip.message import Request


@attrs.frozen(kw_only=True)
class TrunkRefusal:
    """Why a call is not taken or placed, for the wire, timeline and log."""

    kind: Calls | Dials
    """Of a call that comes or of one that a script dials."""
    status: int = attrs.field(default=attrs.Factory(lambda self: self.kind.status, takes_self=True))
    reason: str
    retry_after_s: int | None = None

    def for_a_call(self) -> DialRefused:
        """As a dialled call fails."""
        assert isinstance(self.kind, Dials)
        return DialRefused(self.kind, self.reason, code=self.status)


@attrs.frozen(kw_only=True)
class Arriving:
    """The two numbers of a call from a trunk, in our own form."""

    called: Rewritten
    caller: Rewritten


def refuse_direction(trunk: Trunk) -> TrunkRefusal | None:
    """A trunk that is only for calls outwards sends none."""
    if trunk.policy.takes_calls:
        return None
    return TrunkRefusal(
        kind=Calls.TRUNK_ONE_WAY,
        reason=f'trunk {trunk.name} is configured for outgoing calls only (calls = "out")',
    )


def refuse_placing(trunk: Trunk) -> TrunkRefusal | None:
    """A trunk that is only for calls from it carries none."""
    if trunk.policy.places_calls:
        return None
    return TrunkRefusal(
        kind=Dials.TRUNK_ONE_WAY,
        reason=f'trunk {trunk.name} is configured for incoming calls only (calls = "in")',
    )


def numbers_of(trunk: Trunk, called: str, caller: str) -> Arriving:
    """Apply the trunk's `numbers_in`."""
    rules = trunk.policy.numbers_in
    return Arriving(
        called=rewrite(called, rules, "called"), caller=rewrite(caller, rules, "caller")
    )


def identity_over(recognised: Recognised, identity: LegIdentity, request: Request) -> LegIdentity:
    """The identity of a call, as its trunk's rules make it."""
    trunk = recognised.trunk
    said: Asserted = asserted(request.headers, request.from_, trusted=trunk.policy.trusted)
    called = identity.number
    if trunk.policy.number_from == "to":
        called = _text(user_or_number(request.to))
    numbers = numbers_of(trunk, called, _text(said.number))
    headers = dict(identity.headers)
    if said.diversion:
        headers["Diversion"] = rewrite(
            _text(said.diversion), trunk.policy.numbers_in, "called"
        ).number
    return attrs.evolve(
        identity,
        number=numbers.called.number,
        callerid=numbers.caller.number,
        display_name=_text(said.display_name),
        from_uri="sip:anonymous@anonymous.invalid" if said.withheld else identity.from_uri,
        headers=headers,
        client_type="pstn",
    )


def _text(value: str) -> str:
    return value[:256].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
