"""Servers of the operator's that scenarios use: the recogniser, the mail relay."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import attrs

from runtime.config.secret_sources import SourceFault, from_environment, from_file
from runtime.decisions.mail import address

MAX_HOST: Final = 253
"""RFC 1035 2.3.4, as text."""
MAX_SENDERS: Final = 100
"""Written by hand."""


RECOGNISER_SCHEMES: Final = ("ws://", "wss://", "http://", "https://")
MAX_ASR_TIMEOUT_S: Final = 60.0
"""A caller who waits longer for an answer has hung up."""


def _recogniser_url(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if value and not value.startswith(RECOGNISER_SCHEMES):
        raise ValueError(f"{value!r} must be a ws://, wss://, http:// or https:// URL")


def _asr_timeout(_: Any, __: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value <= MAX_ASR_TIMEOUT_S:
        raise ValueError(f"{value:g} is not from 0 to {MAX_ASR_TIMEOUT_S:g} seconds")


@attrs.frozen(kw_only=True)
class AsrSettings:
    """Where speech is recognised; without `url`, by the embedded recogniser."""

    url: str = attrs.field(default="", validator=_recogniser_url)
    audio: Literal["wav", "l16"] = "wav"
    """How utterances are posted to an http:// or https:// recogniser."""
    timeout_s: float = attrs.field(default=10.0, validator=_asr_timeout)
    """For its answer to one of them."""


def _host(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if len(value) > MAX_HOST or any(c.isspace() or c in "/@" for c in value):
        raise ValueError(f"{value[:80]!r} is no name or address of a server; the port is `port`")


def _port(_: Any, __: attrs.Attribute[Any], value: int) -> None:
    if not 0 <= value <= 65_535:
        raise ValueError(f"{value} is no port")


def _senders(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if len(value) > MAX_SENDERS:
        raise ValueError(f"{len(value)} senders, the limit is {MAX_SENDERS}")
    for each in value:
        try:
            address(f"any{each}" if each.startswith("@") else each)
        except ValueError as exc:
            raise ValueError(f'{exc}, or "@example.com" for everybody there') from None


@attrs.frozen(kw_only=True)
class MailSettings:
    """The relay of Net.sendMail; without a host nothing is sent."""

    host: str = attrs.field(default="", validator=_host)
    port: int = attrs.field(default=0, validator=_port)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    password_file: Path | None = None
    password_env: str = ""
    senders: tuple[str, ...] = attrs.field(default=(), validator=_senders)


def with_mail_password(
    mail: MailSettings, base: Path
) -> tuple[MailSettings, list[tuple[str, str]]]:
    """The relay with its password in `password`, and (key, problem) of what is missing.

    Paths are relative to `base`, the folder of the configuration file.
    """
    sources = ("password", "password_file", "password_env")
    given = [key for key in sources if getattr(mail, key)]
    if len(given) > 1:
        return mail, [("mail.password", f"give one of {', '.join(sources)}")]
    if bool(given) != bool(mail.user):
        return mail, [("mail.user", "user and a password go together")]
    if mail.user and mail.security == "none" and mail.host not in ("127.0.0.1", "::1", "localhost"):
        return mail, [("mail.security", 'a password is not sent in the clear: "starttls" or "tls"')]
    password = mail.password
    try:
        if mail.password_file is not None:
            password = from_file(base / mail.password_file, "password_file")
        elif mail.password_env:
            password = from_environment(mail.password_env, "password_env")
    except SourceFault as exc:
        return mail, [(f"mail.{exc.key}", str(exc))]
    return attrs.evolve(mail, password=password, password_file=None, password_env=""), []
