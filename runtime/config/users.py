"""[registrar] and [users.NAME]: who may register and call, and where the passwords come from.

A password never stands in a fault, a log line or a repr; what is kept of it is its digest secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from runtime.config.passwords import USER_NAME, PasswordSettings, password_of
from runtime.config.secret_sources import SourceFault

MAX_USERS: Final = 10_000
"""As many as a registrar has places for; more need a directory, not a file."""
_REALM: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")

DigestName = Literal["SHA-256", "MD5"]


def _realm(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not _REALM.fullmatch(value):
        raise ValueError(f"{value!r} must be 1 to 64 letters, digits, and . _ : -")


def _between(low: int, high: int) -> Any:
    def check(_: Any, __: attrs.Attribute[Any], value: int) -> None:
        if not low <= value <= high:
            raise ValueError(f"{value} is not from {low} to {high}")

    return check


def _digest(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value or len(set(value)) != len(value):
        raise ValueError('must name "SHA-256", "MD5" or both, each once')


@attrs.frozen(kw_only=True)
class RegistrarSettings:
    """What all users have in common."""

    realm: str = attrs.field(default="callstage", validator=_realm)
    """Part of every digest secret: who writes `ha1` computes it with this."""
    min_expires_s: int = attrs.field(default=60, validator=_between(1, 86_400))
    max_expires_s: int = attrs.field(default=3_600, validator=_between(60, 86_400))
    digest: tuple[DigestName, ...] = attrs.field(default=("MD5", "SHA-256"), validator=_digest)
    """What phones are offered, in this order; older ones look at the first alone."""
    challenge_calls: bool = True
    """Whether a call from where a user is registered needs its password again."""


@attrs.frozen(kw_only=True)
class UserSettings(PasswordSettings):
    """One user; its password from one of password, password_file, password_env and ha1."""

    display_name: str = ""
    max_contacts: int = attrs.field(default=5, validator=_between(1, 12))


def check_users(_: Any, __: attrs.Attribute[Any], value: dict[str, UserSettings]) -> None:
    """Names and number of [users]."""
    if len(value) > MAX_USERS:
        raise ValueError(f"{len(value)} users, the limit is {MAX_USERS}")
    for name in value:
        if not USER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} must be 1 to 64 letters, digits, and . _ ~ + -")


def with_passwords(
    users: Mapping[str, UserSettings], base: Path
) -> tuple[dict[str, UserSettings], list[tuple[str, str]]]:
    """The users with their passwords in `password`, and (key, problem) of those without.

    Paths are relative to `base`, the folder of the configuration file.
    """
    found: dict[str, UserSettings] = {}
    faults: list[tuple[str, str]] = []
    for name, user in users.items():
        try:
            password = password_of(name, user, base)
        except SourceFault as exc:
            faults.append((f"users.{name}.{exc.key}", str(exc)))
        else:
            found[name] = attrs.evolve(user, password=password, password_file=None, password_env="")
    return found, faults
