"""Tells how well scripts are locked, and stops a start that would promise more than it can keep."""

from __future__ import annotations

import ipaddress

from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.config.settings import parse_http_address
from runtime.decisions.isolation import Refuse, decide
from runtime.sandbox.levels import SandboxReport


def loopback_only(config: Config) -> bool:
    """Whether nobody outside this machine can reach a listener."""
    addresses = [listener.partition("://")[2] for listener in config.sip.listen]
    hosts = [parse_http_address(address)[0] for address in (*addresses, config.http.listen)]
    return all(ipaddress.ip_address(host).is_loopback for host in hosts)


def check_isolation(
    report: SandboxReport, config: Config, log: FilteringBoundLogger, *, dev: bool
) -> str | None:
    """Log the level; why the runtime must not start, if so."""
    locks = "; ".join(f"{lock.name}: {lock.detail}" for lock in report.locks if lock.held)
    tried = sum(act.refused for act in report.acts)
    log.info(
        f"sandbox of scripts: {report.level.value}",
        locks=locks,
        forbidden_acts_refused=f"{tried} of {len(report.acts)}",
    )
    verdict = decide(report, config.sandbox.require, loopback=loopback_only(config), dev=dev)
    if isinstance(verdict, Refuse):
        return verdict.why
    if verdict.banner is not None:
        log.warning(f"*** {verdict.banner} ***")
    return None
