"""What can be configured of trunks and of the routes to them: parts of `callstage.toml`.

docs/reference/configuration.md describes each key for operators.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final, Literal

import attrs

from runtime.config.passwords import USER_NAME, PasswordSettings
from runtime.decisions.numbers import MAX_RULES, NumberRule
from runtime.decisions.patterns import MAX_SUBJECT, number_pattern
from runtime.decisions.trunk_load import TrunkLimits

MAX_LISTED: Final = 64
"""Networks, names or patterns in one list; carriers announce a dozen networks."""
MAX_TRUNKS: Final = 100
"""Each may have a registration and a ping; a runtime with more is a carrier itself."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Trunk and route names stand in logs, headers and on command lines."""

Calls = Literal["both", "in", "out"]
IdentityHeader = Literal["from", "p-asserted-identity", "remote-party-id"]


def check_name(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} must be 1 to 64 letters, digits, - _ and .")


def check_networks(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for text in value:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f'{text!r} is not a network; write it like "203.0.113.0/24"') from None


def _few_networks(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    _few(_, attribute, value)
    check_networks(_, attribute, value)


def _few(_: Any, __: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
    if len(value) > MAX_LISTED:
        raise ValueError(f"has {len(value)} entries, the limit is {MAX_LISTED}")


def _patterns(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    _few(_, attribute, value)
    for text in value:
        number_pattern(text)


def _number_rules(_: Any, __: attrs.Attribute[Any], value: tuple[NumberRule, ...]) -> None:
    if len(value) > MAX_RULES:
        raise ValueError(f"has {len(value)} rules, the limit is {MAX_RULES}")
    for place, rule in enumerate(value):
        if why := rule.fault():
            raise ValueError(f"rule {place}: {why}")


def _pattern(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    number_pattern(value)


def _some(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not 0 < len(value) <= MAX_LISTED:
        raise ValueError(f"lists {len(value)} trunks, it must list 1 to {MAX_LISTED}")


def _patience(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if not 0.5 <= value <= 32:
        raise ValueError(f"{value:g} must be 0.5 to 32 (RFC 3261 gives up after 32 s)")


def _ping(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if not (value == 0 or 5 <= value <= 3_600):
        raise ValueError(f"{value:g} must be 0 (no pings), or 5 to 3600 s")


def _expiry(_: Any, __: attrs.Attribute[Any], value: int) -> None:
    if not 60 <= value <= 86_400:
        raise ValueError(f"{value} must be 60 to 86400 s")


@attrs.frozen(kw_only=True)
class RegisterSettings:
    """`[trunk.register]`: that we register with the trunk above, and how."""

    registrars: tuple[str, ...] = attrs.field(default=(), validator=_few)
    """SIP URIs, best first; empty = the trunk's uri."""
    expires_s: int = attrs.field(default=600, validator=_expiry)
    contact_user: str = ""
    """User part of our contact; empty = the trunk's user."""


def _login_name(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not USER_NAME.fullmatch(value):
        raise ValueError(f"{value!r} must be 1 to 64 letters, digits, and . _ ~ + -")


@attrs.frozen(kw_only=True)
class LoginSettings(PasswordSettings):
    """`[trunk.login]`: what the trunk above has to prove itself with when it calls us."""

    user: str = attrs.field(validator=_login_name)
    """The digest username; nobody else's, since it says which trunk calls."""


@attrs.frozen(kw_only=True)
class TrunkPolicy:
    """The keys of a `[[trunk]]` about who it is, whom it may call, and how it writes numbers."""

    calls: Calls = "both"
    """Which calls it carries; "in" keeps scripts from calling over it."""
    addresses: tuple[str, ...] = attrs.field(default=(), validator=_few_networks)
    """Networks that it calls from, besides the address of its uri."""
    certificates: tuple[str, ...] = attrs.field(default=(), validator=_few)
    """Names in the TLS client certificate that it calls with."""
    login: LoginSettings | None = None
    """None: where it calls from is proof enough."""
    numbers_in: tuple[NumberRule, ...] = attrs.field(default=(), validator=_number_rules)
    numbers_out: tuple[NumberRule, ...] = attrs.field(default=(), validator=_number_rules)
    callerid: str = ""
    """For calls whose script says none."""
    callerids: tuple[str, ...] = attrs.field(default=(), validator=_patterns)
    """What scripts may call themselves, as patterns for the whole number; empty = anything."""
    trusted: bool = False
    """Whether what it asserts about a caller is believed (RFC 3325 2.3)."""
    identity: IdentityHeader = "from"
    """The header that tells it who calls, besides From."""
    first_response_s: float = attrs.field(default=5.0, validator=_patience)
    """Without any response to an INVITE so long, the next trunk of the route is tried."""

    number_from: Literal["request-uri", "to"] = "request-uri"
    """Where its calls say which number was dialled; registrars put our contact's user into the
    Request-URI."""
    register: RegisterSettings | None = None
    ping_s: float = attrs.field(default=0.0, validator=_ping)
    """Between OPTIONS pings; 0 = none, and the trunk always counts as usable."""
    limits: TrunkLimits = TrunkLimits()

    @property
    def takes_calls(self) -> bool:
        return self.calls != "out"

    @property
    def places_calls(self) -> bool:
        return self.calls != "in"

    def permits_callerid(self, number: str) -> bool:
        """Whether a script may call itself so; `number` is in our own form."""
        if not self.callerids or number == self.callerid:
            return True
        if len(number) > MAX_SUBJECT:
            return False
        return any(number_pattern(text).fullmatch(number) for text in self.callerids)


@attrs.frozen(kw_only=True)
class RouteSettings:
    """A `[[route]]`: which trunks carry which numbers, best first."""

    name: str = attrs.field(validator=check_name)
    to: str = attrs.field(validator=_pattern)
    trunks: tuple[str, ...] = attrs.field(validator=_some)
