"""What can be configured: one frozen object, the shape of `callstage.toml`, with its defaults.

Every key is optional. The checks here are about single values; file.py turns their refusals into
faults with file, key and hint. docs/reference/configuration.md describes each key for operators.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from runtime.config.data import DataSettings, not_negative
from runtime.config.http import HttpSettings, check_server_url, parse_http_address
from runtime.config.names import check_application
from runtime.config.services import AsrSettings, MailSettings
from runtime.config.trunk import (
    MAX_TRUNKS,
    RouteSettings,
    TrunkPolicy,
    check_name,
    check_networks,
)
from runtime.config.users import RegistrarSettings, UserSettings, check_users
from runtime.decisions.audio_host import audio_host, left_out
from runtime.decisions.limits import Limits, lowered
from runtime.decisions.rates import MAX_RATES, Rate
from runtime.decisions.secrets import MAX_SECRETS, SECRET_NAME, read_host

MAX_CUSTOM_DATA: Final = 8_192
"""As much as the wire to a script carries (runtime/sandbox/schema.py)."""
MAX_PATTERN: Final = 512
"""A rule's pattern is read by people; longer ones are mistakes or attacks on the matcher."""
MAX_APOLOGY: Final = 500
"""A sentence or two: nobody is kept on the line for more than ten seconds of it."""


def parse_port_range(text: str) -> range:
    """The even RTP ports of "10000-19999"; "0" lets the system choose."""
    if text == "0":
        return range(1)
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None:
        raise ValueError(f'{text!r} is not a port range; write it like "10000-19999"')
    low, high = int(match[1]), int(match[2])
    if not 0 < low < high <= 65535:
        raise ValueError(f"{text!r}: ports go from 1 to 65535, the lower one first")
    return range(low, high + 1)


LogFormat = Literal["text", "json"]
"""Of standard error."""

LISTENERS: Final = ("udp", "tcp", "tls", "ws", "wss")
"""What SIP is spoken over."""
SECURE_LISTENERS: Final = ("tls", "wss")
"""Those that need a certificate."""


def is_secure_listener(text: str) -> bool:
    return text.partition("://")[0].lower() in SECURE_LISTENERS


def _sip_listeners(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for text in value:
        scheme, separator, address = text.partition("://")
        if not separator or scheme.lower() not in LISTENERS:
            known = ", ".join(f"{name}://" for name in LISTENERS)
            example = 'write it like "udp://127.0.0.1:5060"'
            raise ValueError(f"{text!r} is not a listener; {example}; there are {known}")
        parse_http_address(address)


def _checked_by(parse: Any) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        parse(value)

    return check


def _ip_address(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    try:
        if value:
            ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


def _pattern(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if len(value) > MAX_PATTERN:
        raise ValueError(f"pattern of {len(value)} characters, the limit is {MAX_PATTERN}")
    try:
        re.compile(value)
    except re.error as exc:
        raise ValueError(f"{value!r} is not a regular expression: {exc}") from None


def _apology(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if len(value) > MAX_APOLOGY:
        raise ValueError(f"has {len(value)} characters, the limit is {MAX_APOLOGY}")


Srtp = Literal["off", "optional", "required"]
Redirects = Literal["never", "trunk"]
"""Encryption of the audio, by SDES (docs/design/secure-media.md)."""


SrtpKeys = Literal["anywhere", "protected"]
"""Over which signalling SDES keys may travel; protected: TLS (docs/design/secure-media.md)."""


@attrs.frozen(kw_only=True)
class SipTlsSettings:
    """Files in PEM; relative names are relative to the configuration file."""

    certificate: Path | None = None
    """Ours, with those of intermediate authorities behind it."""
    key: Path | None = None
    """None when it stands in the certificate's file."""
    ca: Path | None = None
    """Authorities that peers' certificates must come from; None for the system's."""
    client_certificates: Literal["off", "optional", "required"] = "off"
    """Whether those who connect to us must show a certificate."""


_ORIGIN: Final = re.compile(r"https?://[a-z0-9._\-\[\]:]+")
MAX_ORIGINS: Final = 100
"""Every handshake is compared with all of them."""


def _origins(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if len(value) > MAX_ORIGINS:
        raise ValueError(f"{len(value)} origins, the limit is {MAX_ORIGINS}")
    for text in value:
        if text != "*" and not _ORIGIN.fullmatch(text):
            example = 'write it as browsers do, like "https://phone.example.com"'
            raise ValueError(f'{text!r} is not an origin; {example}, or "*" for all')


@attrs.frozen(kw_only=True)
class SipWebSocketSettings:
    origins: tuple[str, ...] = attrs.field(default=(), validator=_origins)
    """Sites whose pages may connect; programs that send no Origin may anyway."""


@attrs.frozen(kw_only=True)
class SipSettings:
    listen: tuple[str, ...] = attrs.field(
        default=("udp://127.0.0.1:5060",), validator=_sip_listeners
    )
    advertise: str = ""
    """Addresses written into Contact, Via and SDP; empty = the listener's own."""
    local: tuple[str, ...] = attrs.field(default=(), validator=check_networks)
    """Networks whose peers are told the listener's own address all the same."""
    allow: tuple[str, ...] = attrs.field(
        default=("127.0.0.0/8", "::1/128"), validator=check_networks
    )
    """Who may send calls besides the trunks."""
    tls: SipTlsSettings = SipTlsSettings()
    websocket: SipWebSocketSettings = SipWebSocketSettings()
    digits: Literal["in-band", "info"] = "in-band"
    """How sendDigits reaches peers that did not negotiate RFC 4733."""


CodecName = Literal["opus", "G722", "PCMU", "PCMA", "L16", "L16/8000"]
"""As SDP spells them; `L16` has 16 kHz."""
USUAL_CODECS: Final[tuple[CodecName, ...]] = ("PCMU", "PCMA")
WIDEBAND: Final = frozenset[CodecName](("opus", "G722", "L16"))


def _codecs(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError('is empty; a call needs at least one codec, such as "PCMU"')
    if twice := [name for number, name in enumerate(value) if name in value[:number]]:
        raise ValueError(f"{twice[0]!r} stands in it twice")


@attrs.frozen(kw_only=True)
class RtpSettings:
    host: str = attrs.field(default="", validator=_ip_address)
    """Empty: where SIP listens (Config.rtp_host)."""
    ports: str = attrs.field(default="10000-19999", validator=_checked_by(parse_port_range))
    codecs: tuple[CodecName, ...] = attrs.field(default=USUAL_CODECS, validator=_codecs)
    """What calls are offered, in this order, and what is taken of their offers."""
    srtp: Srtp = "off"
    srtp_keys: SrtpKeys = "anywhere"
    direct: bool = True  # whether scripts may let peers send audio to each other


@attrs.frozen(kw_only=True)
class NetSettings:
    allow: tuple[str, ...] = attrs.field(default=(), validator=check_networks)
    """Networks that scripts may reach besides public addresses."""


@attrs.frozen(kw_only=True)
class SandboxSettings:
    require: Literal["full", "partial", "none"] = "full"


@attrs.frozen
class OwnLimits:
    """What an application lowers: keys of the table of limits (runtime/decisions/limits.py)."""

    given: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ServerSettings:
    drain_timeout_s: float = attrs.field(default=10, validator=not_negative)
    uploads: bool = False
    """Whether scenarios and rules may be uploaded over HTTP."""


@attrs.frozen(kw_only=True)
class ApplicationSettings:
    on_error: Literal["leg", "session"] = "leg"
    on_failure: Literal["hangup", "keep"] = "hangup"
    apology: str = attrs.field(default="", validator=_apology)
    """What callers hear when their session fails: a sound, or a text to be spoken."""
    breaker: Literal["auto", "on", "off"] = "auto"
    """Whether a scenario that keeps crashing gets no more sessions; auto: off on loopback."""
    limits: OwnLimits = OwnLimits()


@attrs.frozen(kw_only=True)
class ProjectSettings:
    """Where `callstage upload` and its sisters go; `run` does not look at it."""

    server: str = attrs.field(default="http://127.0.0.1:8080", validator=check_server_url)
    application: str = ""
    """Empty: the name of the folder."""
    token_file: Path | None = None
    """Relative to the configuration file; CALLSTAGE_TOKEN wins over it."""


@attrs.frozen(kw_only=True)
class TrunkSettings(TrunkPolicy):
    name: str = attrs.field(validator=check_name)
    uri: str
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    codecs: tuple[CodecName, ...] = attrs.field(default=USUAL_CODECS, validator=_codecs)
    srtp: Srtp | None = None
    """None: as [rtp] says."""
    redirects: Redirects = "never"
    """Whether a 3xx may send a call on to another address of this trunk."""


def _custom_data(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    size = len(value.encode("utf-8"))
    if size > MAX_CUSTOM_DATA:
        raise ValueError(f"has {size} bytes, the limit is {MAX_CUSTOM_DATA}")


@attrs.frozen(kw_only=True)
class RuleSettings:
    name: str
    to: str = attrs.field(validator=_pattern)
    scenario: str
    conference: bool = False
    custom_data: str = attrs.field(default="", repr=False, validator=_custom_data)
    """What VoxEngine.customData() gives to the sessions of this rule."""


def _secret_name(_: Any, __: attrs.Attribute[Any], value: str) -> None:
    if not SECRET_NAME.fullmatch(value):
        raise ValueError(f"{value!r} must be 1 to 64 letters, digits, - and _")


def _secret_hosts(_: Any, __: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("must list at least one host that the secret is meant for")
    for host in value:
        read_host(host)


@attrs.frozen(kw_only=True)
class SecretSettings:
    """A value that scripts may use and not see; from one of value, file and env (secrets.py)."""

    name: str = attrs.field(validator=_secret_name)
    hosts: tuple[str, ...] = attrs.field(validator=_secret_hosts)
    """Who may be sent it: "host" (its https or SIP port) or "host:port"."""
    application: str = attrs.field(default="", validator=check_application)
    """Whose scripts may use it; empty: those of all."""
    value: str = attrs.field(default="", repr=False)
    file: Path | None = None
    env: str = ""

    def is_for(self, application: str) -> bool:
        return self.application in ("", application)


def _few_secrets(_: Any, __: attrs.Attribute[Any], value: tuple[SecretSettings, ...]) -> None:
    if len(value) > MAX_SECRETS:
        raise ValueError(f"{len(value)} secrets, the limit is {MAX_SECRETS}")


def _few_trunks(_: Any, __: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
    if len(value) > MAX_TRUNKS:
        raise ValueError(f"{len(value)} entries, the limit is {MAX_TRUNKS}")
    names = [each.name for each in value]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise ValueError(f"two of them are called {twice[0]!r}")


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration, as passed down from start-up."""

    sip: SipSettings = SipSettings()
    http: HttpSettings = HttpSettings()
    rtp: RtpSettings = RtpSettings()
    data: DataSettings = DataSettings()
    net: NetSettings = NetSettings()
    asr: AsrSettings = AsrSettings()
    mail: MailSettings = MailSettings()
    sandbox: SandboxSettings = SandboxSettings()
    limits: Limits = Limits()
    server: ServerSettings = ServerSettings()
    application: ApplicationSettings = ApplicationSettings()
    project: ProjectSettings = ProjectSettings()
    trunk: tuple[TrunkSettings, ...] = attrs.field(default=(), validator=_few_trunks)
    route: tuple[RouteSettings, ...] = attrs.field(default=(), validator=_few_trunks)
    rule: tuple[RuleSettings, ...] = ()
    rate: tuple[Rate, ...] = attrs.field(default=(), validator=attrs.validators.max_len(MAX_RATES))
    secret: tuple[SecretSettings, ...] = attrs.field(default=(), validator=_few_secrets)
    registrar: RegistrarSettings = RegistrarSettings()
    users: dict[str, UserSettings] = attrs.field(factory=dict, validator=check_users)

    @property
    def application_limits(self) -> Limits:
        """The operator's, lowered by the application. Raises ValueError when one is above."""
        return lowered(self.limits, self.application.limits.given)

    @property
    def rtp_host(self) -> str:
        """The local address of the audio sockets."""
        return self.rtp.host or audio_host(self._listening)

    @property
    def without_audio(self) -> list[str]:
        """A line for each SIP address whose peers can have no audio."""
        return left_out(self.rtp_host, self._listening)

    @property
    def _listening(self) -> list[str]:
        listeners = [text.partition("://")[2] for text in self.sip.listen]
        return [parse_http_address(address)[0] for address in listeners]

    @property
    def codecs(self) -> tuple[CodecName, ...]:
        """Everything that some call may be agreed on."""
        named = (*self.rtp.codecs, *(name for trunk in self.trunk for name in trunk.codecs))
        return tuple(dict.fromkeys(named))

    @property
    def wideband(self) -> bool:
        """Whether some call may hear 16 kHz, so that sounds are made for it."""
        return not WIDEBAND.isdisjoint(self.codecs)
