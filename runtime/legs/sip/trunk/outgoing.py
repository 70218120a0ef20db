"""What a trunk makes of an outgoing call: its number, and who is shown as its caller. Pure."""

from __future__ import annotations

import attrs

from runtime.decisions.numbers import dialled_number, rewrite
from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused
from runtime.legs.sip.trunk.caller import ANONYMOUS, ShownCaller, shown_caller
from runtime.legs.sip.trunks import Trunk
from sip.message import NameAddr, Uri


def called_over(trunk: Trunk, number: str) -> Uri:
    """The Request-URI for a number in our own form."""
    return trunk.target(rewrite(number, trunk.policy.numbers_out, "called").number)


def caller_over(
    trunk: Trunk, caller: NameAddr, *, given: bool, account: str, diverted_from: str = ""
) -> ShownCaller:
    """The caller as this trunk is told it; `given`: the script named it. Raises DialRefused (403).

    `account` is the name under which we are known there; `diverted_from` who passed the call on.
    """
    policy, user = trunk.policy, caller.uri.user or ""
    withheld = user.lower() == ANONYMOUS
    if given and not withheld and not policy.permits_callerid(dialled_number(user) or user):
        allowed = ", ".join((*policy.callerids, policy.callerid)[:8]).rstrip(", ")
        raise DialRefused(
            Dials.CALLER_NOT_PERMITTED,
            f"trunk {trunk.name} does not let scripts call themselves {user[:80]!r}: its callerids "
            f"are {allowed}",
        )
    if not withheld:
        written = rewrite(user, policy.numbers_out, "caller").number
        if written != user:
            uri = attrs.evolve(caller.uri, user=written, escaped_user=None)
            caller = attrs.evolve(caller, uri=uri)
    diversion = [NameAddr(uri=called_over(trunk, diverted_from))] if diverted_from else []
    known_as = policy.callerid or account
    return shown_caller(
        caller,
        header=policy.identity,
        account=rewrite(known_as, policy.numbers_out, "caller").number,
        diversion=diversion,
    )
