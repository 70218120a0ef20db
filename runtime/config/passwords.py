"""Where a password of somebody who calls us comes from: one of four keys, each with its faults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from runtime.config.secret_sources import SourceFault, from_environment, from_file

MAX_PASSWORD: Final = 256
USER_NAME: Final = re.compile(r"[A-Za-z0-9._~+-]{1,64}")
"""Characters that stand unescaped in every SIP address."""
HA1: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
HA1_ALGORITHMS: Final[Mapping[int, str]] = {32: "MD5", 64: "SHA-256"}
"""Told apart by their length."""


def _ha1(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not all(HA1.fullmatch(each) for each in value):
        raise ValueError("must be 32 (MD5) or 64 (SHA-256) hexadecimal digits each")


@attrs.frozen(kw_only=True)
class PasswordSettings:
    """A password, from one of password, password_file, password_env and ha1."""

    password: str = attrs.field(default="", repr=False)
    password_file: Path | None = None
    password_env: str = ""
    ha1: tuple[str, ...] = attrs.field(default=(), validator=_ha1, repr=False)
    """MD5 and SHA-256 of name:realm:password, in place of a password."""


def password_of(name: str, given: PasswordSettings, base: Path) -> str:
    """The password of `name`, "" where there is `ha1`; paths are relative to `base`.

    Raises SourceFault, which says what is wrong and never shows a password.
    """
    sources = ("password", "password_file", "password_env", "ha1")
    used = [key for key in sources if getattr(given, key)]
    if len(used) != 1:
        raise SourceFault("password", f"give one of {', '.join(sources)}")
    password = given.password
    if given.password_file is not None:
        password = from_file(base / given.password_file, "password_file")
    elif given.password_env:
        password = from_environment(given.password_env, "password_env")
    if given.ha1:
        return ""
    why = why_no_password(name, password)
    if why:
        raise SourceFault(used[0], why)
    return password


def why_no_password(name: str, password: str) -> str:
    """What is wrong with a user's password, without repeating it; empty = nothing."""
    if password.lower() == name.lower():
        return "is the user's name, which is what guessers try first"
    if not 0 < len(password) <= MAX_PASSWORD or any(not c.isprintable() for c in password):
        return f"must be 1 to {MAX_PASSWORD} printable characters"
    return ""
