"""The registry of sessions, put together from the configuration and the parts that it uses."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import attrs
from structlog.typing import FilteringBoundLogger

from runtime.applications.secrets import ApplicationSecrets
from runtime.config import Config
from runtime.config.services import MailSettings
from runtime.control.routes import API
from runtime.decisions.access import ACCESS
from runtime.decisions.rates import RateTable
from runtime.legs.sip.gateway import SipGateway
from runtime.mail import Relay, RelayedMail
from runtime.server.children import Children
from runtime.server.machine import sessions_that_fit
from runtime.server.records import Records
from runtime.session.history import History
from runtime.session.refusals import RefusalView
from runtime.session.registry import SessionRegistry
from runtime.session.settings import Ports, SessionSettings
from runtime.timeline_log import LoggedTimelines

RETRY_AFTER_S: Final = 10
"""What callers are told while the runtime drains."""


@attrs.frozen(kw_only=True)
class SessionParts:
    """What sessions are made of."""

    config: Config
    url: str
    """Where the HTTP interface is reached."""
    children: Children
    records: Records
    sip: SipGateway
    secrets: ApplicationSecrets
    history: History
    on_refusal: Callable[[RefusalView], None]
    log: FilteringBoundLogger


def make_registry(parts: SessionParts) -> SessionRegistry:
    """Not running yet, and without scenarios."""
    children = parts.children
    return SessionRegistry(
        settings=_settings(parts),
        launcher=children.zygote,
        ports=Ports(
            media=children.engine,
            dialer=parts.sip.dialer,
            sounds=children.sounds,
            recordings=children.recordings,
            http=children.http,
            sockets=children.sockets,
            recognition=children.recognisers,
            mail=RelayedMail(_relay(parts.config.mail)),
            storage=parts.records.storage,
        ),
        timelines=LoggedTimelines(children.timelines, parts.log).open,
        new_id=lambda: secrets.token_hex(8),
        on_refusal=parts.on_refusal,
        history=parts.history,
    )


def _settings(parts: SessionParts) -> SessionSettings:
    config, url = parts.config, parts.url
    return SessionSettings(
        limits=config.application_limits,
        on_error=config.application.on_error,
        on_failure=config.application.on_failure,
        apology=config.application.apology,
        breaker=_breaker_is_on(config, only_loopback=parts.sip.only_loopback),
        sessions_that_fit=sessions_that_fit(),
        retry_after_s=RETRY_AFTER_S,
        access_url=lambda token: f"{url}{ACCESS}{token}",
        log_url=lambda session: f"{url}{API}/sessions/{session}/timeline",
        recogniser=config.asr.url,
        rates=RateTable(config.rate),
        secrets_of=parts.secrets.of,
    )


def _breaker_is_on(config: Config, *, only_loopback: bool) -> bool:
    """Off on loopback unless asked for: a developer would rather see each crash."""
    wanted = config.application.breaker
    return wanted == "on" or (wanted == "auto" and not only_loopback)


def _relay(mail: MailSettings) -> Relay:
    return Relay(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.user,
        password=mail.password,
        senders=mail.senders,
    )
