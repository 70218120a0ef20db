"""How well the processes of this runtime are locked: told at the start, and found out for doctor.

A start that would promise more than the machine can keep is stopped.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

import trio
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.config.http import parse_http_address
from runtime.decisions.isolation import Refuse, decide
from runtime.media.client import MediaClient, MediaLimits
from runtime.media.port import MediaUnavailable
from runtime.processes.child import start_child
from runtime.processes.packets import LinkClosed
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.launcher import LaunchError, ZygoteLauncher
from runtime.sandbox.levels import Isolation, SandboxReport, unprobed

START_S: Final = 30.0
"""A process is ready in well under a second; on a starved machine, this."""
ANY_PORTS: Final = range(1)


def loopback_only(config: Config) -> bool:
    """Whether nobody outside this machine can reach a listener."""
    addresses = [listener.partition("://")[2] for listener in config.sip.listen]
    hosts = [parse_http_address(address)[0] for address in (*addresses, config.http.listen)]
    return all(ipaddress.ip_address(host).is_loopback for host in hosts)


def check_isolation(
    found: Isolation, config: Config, log: FilteringBoundLogger, *, dev: bool
) -> str | None:
    """Log the levels; why the runtime must not start, if so."""
    for name, report in found.kinds.items():
        log.info(f"sandbox of the {name}: {report.level.value}", **row(report))
    verdict = decide(found, config.sandbox.require, loopback=loopback_only(config), dev=dev)
    if isinstance(verdict, Refuse):
        return verdict.why
    if verdict.banner is not None:
        log.warning(f"*** {verdict.banner} ***")
    return None


def row(report: SandboxReport) -> dict[str, str]:
    """One kind of process in one line."""
    refused = sum(act.refused for act in report.acts)
    return {
        "locks": "; ".join(f"{lock.name}: {lock.detail}" for lock in report.locks if lock.held),
        "forbidden_acts_refused": f"{refused} of {len(report.acts)}",
    }


async def find_isolation(ceilings: Ceilings) -> Isolation:
    """Start one process of each kind as `run` does, hear what it found, and end it."""
    reports: dict[str, SandboxReport] = {}

    async def hear(kind: str, ask: Any, *arguments: object) -> None:
        reports[kind] = await ask(*arguments)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear, "session", _of_zygote, ceilings)
        nursery.start_soon(hear, "decoder", _of_worker, "runtime.media.sounds.files")
        nursery.start_soon(hear, "recorder", _of_worker, "runtime.media.recording.recorder")
        nursery.start_soon(hear, "voice", _of_worker, "runtime.speech.espeak")
        nursery.start_soon(hear, "recogniser", _of_worker, "runtime.recognition.sphinx")
        nursery.start_soon(hear, "engine", _of_engine)
    return Isolation.of(**reports)


async def _of_zygote(ceilings: Ceilings) -> SandboxReport:
    launcher, faults = ZygoteLauncher(ceilings, blanks=0), ""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(launcher.run)
            nursery.cancel_scope.cancel()
    except* LaunchError as group:
        faults = _told(group)
    return unprobed(faults) if faults else launcher.sandbox


async def _of_worker(module: str) -> SandboxReport:
    child = start_child(module)
    try:
        with trio.fail_after(START_S):
            hello, _ = await child.link.receive()
        return SandboxReport.from_json(hello["sandbox"])
    except (LinkClosed, trio.TooSlowError) as exc:
        return unprobed(f"it does not start ({exc or 'too slow'})")
    finally:
        await child.close()


async def _of_engine() -> SandboxReport:
    client = MediaClient("127.0.0.1", ANY_PORTS, limits=MediaLimits(legs=1, players=1))
    faults = ""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(client.run)
            nursery.cancel_scope.cancel()
    except* (MediaUnavailable, OSError) as group:
        faults = _told(group)
    return unprobed(faults) if faults else client.sandbox


def _told(group: BaseExceptionGroup[Exception]) -> str:
    return "; ".join(str(exc) for exc in group.exceptions)
