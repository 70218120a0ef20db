"""Which host may get which secret, and how a script's text becomes what is sent. Runs in the core.

A script holds placeholders, never values. A placeholder carries a number that only this session's
script knows, so that text of strangers that passes through it is never taken for one. What a server
sends back is searched for the values, in every spelling in which they can have been sent.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

import attrs

MIN_VALUE: Final = 8
"""Shorter values would be guessed, and be found by chance in what servers answer."""
MAX_VALUE: Final = 4_096
"""Longer than any key or token; bounds what is held back while an answer is searched."""
MAX_SECRETS: Final = 100
"""Each costs a search through every answer."""
SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_PLACEHOLDER: Final = "cs-secret.{nonce}.{name}.end"
"""Of characters that URLs, forms, JSON and headers leave as they are (RFC 3986 2.3)."""
_ANY_PLACEHOLDER: Final = re.compile(r"cs-secret\.[A-Za-z0-9]+\.([A-Za-z0-9_-]{1,64})\.end")
_BASIC: Final = re.compile(r"[Bb]asic +([A-Za-z0-9+/]+={0,2}) *")
_HOST: Final = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?"
)
_SIP_HOST: Final = re.compile(
    r"(?:sip:)?(?:[A-Za-z0-9._~!$&'*+%-]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?:;.*)?",
    re.IGNORECASE,
)
"""An address that nobody can read in two ways."""
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"https": 443, "sip": 5060}
"""Where a host without a port is meant to be reached; never over plain HTTP."""

Escape = Callable[[str], str]


@attrs.frozen(kw_only=True)
class Secret:
    """A value that scripts may use and not see."""

    name: str
    value: str = attrs.field(repr=False)
    hosts: tuple[str, ...]
    """"host" (its https or SIP port) or "host:port", lower case."""


def make_secret(name: str, value: str, hosts: Collection[str]) -> Secret:
    """Checked. Raises ValueError."""
    if isinstance(hosts, str) or not hosts:
        raise ValueError("hosts: must list at least one host that the secret is meant for")
    if not SECRET_NAME.fullmatch(name):
        raise ValueError(f"name: {name!r} must be 1 to 64 letters, digits, - and _")
    why = why_no_value(value)
    if why is not None:
        raise ValueError(f"value: {why}")
    return Secret(name=name, value=value, hosts=tuple(map(read_host, hosts)))


def why_no_value(value: str) -> str | None:
    """What is wrong with a secret's value, without repeating it."""
    if not MIN_VALUE <= len(value) <= MAX_VALUE:
        return f"has {len(value)} characters; a secret has {MIN_VALUE} to {MAX_VALUE}"
    if not value.isprintable() or value != value.strip():
        return "must be one line of printable characters, without spaces around it"
    return None


def read_host(text: str) -> str:
    """ "host", "host:port" or "[address]:port" as it is compared. Raises ValueError."""
    match = _HOST.fullmatch(text)
    if match is None or not (match[2] is None or 0 < int(match[2]) < 65536):
        raise ValueError(
            f'{text!r} is not a host; write it like "api.example.com" or "api.example.com:8443"'
        )
    host = match[1] if match[2] else match[1].strip("[]")
    return (host + (f":{match[2]}" if match[2] else "")).lower()


@attrs.frozen
class Target:
    """Who would get a secret. `scheme`: https, http or sip."""

    scheme: str
    host: str
    port: int


class SecretRefused(Exception):
    """The secret is not meant for who would get it; str() names both."""


def _sip_target(address: str) -> Target:
    """Where a dialled address leads. Raises SecretRefused when that is not plain."""
    match = _SIP_HOST.fullmatch(address.strip())
    if match is None:
        raise SecretRefused(
            f"secrets go to plain SIP addresses only, sip:user@host, and not to {address[:80]!r}"
        )
    return Target("sip", match[1].strip("[]").lower(), int(match[2] or 5060))


def shown(text: str) -> str:
    """For people: placeholders by the names of their secrets."""
    return _ANY_PLACEHOLDER.sub(r"(secret \1)", text)


def in_url(value: str) -> str:
    return quote(value, safe="")


def in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def as_it_is(value: str) -> str:
    return value


_NOTHING: Final = re.compile(r"(?!)")
"""Most sessions have no secrets, and should not wait for the compiler of patterns."""


def _pattern(nonce: str, names: Iterable[str]) -> re.Pattern[str]:
    """Any placeholder of these."""
    name = "|".join(map(re.escape, names))
    placeholder = _PLACEHOLDER.replace(".", r"\.")
    return re.compile(placeholder.format(nonce=re.escape(nonce), name=f"({name})"))


def escape_of_body(content_type: str) -> Escape:
    """How a value is written into a body of this type, so that the body stays what it is."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return quote_plus
    return in_json if kind.endswith(("/json", "+json")) else as_it_is


class SecretBook:
    """The secrets of one session, under the placeholders that its script has."""

    def __init__(self, secrets: Iterable[Secret], nonce: str) -> None:
        self._secrets = {secret.name: secret for secret in secrets}
        self.placeholders: Mapping[str, str] = {
            name: _PLACEHOLDER.format(nonce=nonce, name=name) for name in self._secrets
        }
        """What VoxEngine.getSecretValue gives, by name."""
        self._pattern = _pattern(nonce, self._secrets) if self._secrets else _NOTHING

    def fill(self, text: str, target: Target, escape: Escape = as_it_is) -> str:
        """The text with values in place of placeholders. Raises SecretRefused."""
        return self._pattern.sub(lambda match: escape(self._value(match[1], target)), text)

    def fill_bytes(self, data: bytes, target: Target, escape: Escape) -> bytes:
        """As `fill`, of a body; bytes that are no text pass unchanged."""
        if not self._secrets or b"cs-secret." not in data:
            return data
        return self.fill(data.decode("latin-1"), target, _latin(escape)).encode("latin-1")

    def fill_header(self, value: str, target: Target) -> str:
        """As `fill`; also inside Basic credentials (RFC 7617), which are base64."""
        basic = _BASIC.fullmatch(value)
        if basic is None:
            return self.fill(value, target)
        try:
            plain = base64.b64decode(basic[1], validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return value
        filled = self.fill(plain, target)
        return value if filled == plain else _basic(filled)

    def credentials(self, user: str, password: str, addresses: Iterable[str]) -> tuple[str, str]:
        """Both with values in place of placeholders, if every address ("" = none) is one they are
        meant for. Raises SecretRefused."""
        if not self._pattern.search(f"{user}\n{password}"):
            return user, password
        targets = [_sip_target(address) for address in addresses if address]
        filled = [(self.fill(user, target), self.fill(password, target)) for target in targets]
        return filled[0]

    def spellings(self) -> dict[bytes, bytes]:
        """Every way in which a value may come back -> what is shown in its place."""
        found: dict[bytes, bytes] = {}
        for name, secret in self._secrets.items():
            shown_as = self.placeholders[name].encode()
            for escape in (as_it_is, in_url, quote_plus, in_json):
                found[escape(secret.value).encode()] = shown_as
        return found

    def _value(self, name: str, target: Target) -> str:
        secret = self._secrets[name]
        if not _permits(secret, target):
            where = target.host if _is_usual(target) else f"{target.host}:{target.port}"
            plain = " over plain http" if target.scheme == "http" else ""
            raise SecretRefused(
                f"the secret {name!r} is not meant for {where}{plain}; its hosts are "
                f"{', '.join(secret.hosts)}"
            )
        return secret.value


def _permits(secret: Secret, target: Target) -> bool:
    if _is_usual(target) and target.host in secret.hosts:
        return True
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}" in secret.hosts


def _is_usual(target: Target) -> bool:
    return _DEFAULT_PORTS.get(target.scheme) == target.port


def _basic(plain: str) -> str:
    return "Basic " + base64.b64encode(plain.encode()).decode("ascii")


def _latin(escape: Escape) -> Escape:
    """A value as the bytes of its UTF-8, one character each."""
    return lambda value: escape(value).encode().decode("latin-1")


class Mask:
    """Puts something else in the place of known byte strings, also across the borders of pieces."""

    def __init__(self, known: Mapping[bytes, bytes]) -> None:
        self._known = dict(known)
        self._longest = max(map(len, self._known), default=0)
        self._held = b""

    def text(self, text: str) -> str:
        """A whole text, apart from the pieces."""
        return self._whole(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    def feed(self, piece: bytes) -> bytes:
        """What of the bytes so far can be let through."""
        if not self._longest:
            return piece
        data = self._held + piece
        sure = max(0, len(data) - self._longest + 1)
        through, at = [], 0
        for match in self._found(data):
            if match.start() >= sure:
                break
            through += [data[at : match.start()], self._known[match[0]]]
            at = match.end()
        sure = max(sure, at)
        self._held = data[sure:]
        return b"".join([*through, data[at:sure]])

    def end(self) -> bytes:
        """The rest."""
        rest, self._held = self._held, b""
        return self._whole(rest)

    def _whole(self, data: bytes) -> bytes:
        parts, at = [], 0
        for match in self._found(data):
            parts += [data[at : match.start()], self._known[match[0]]]
            at = match.end()
        return b"".join([*parts, data[at:]])

    def _found(self, data: bytes) -> Iterator[re.Match[bytes]]:
        """The longest where several begin. Searching for each alone first is a hundred times
        faster than one pattern of them all, and mostly finds nothing."""
        there = sorted((each for each in self._known if each in data), key=len, reverse=True)
        return re.finditer(b"|".join(map(re.escape, there)), data) if there else iter(())
