"""`callstage run` and `callstage dev`: load, serve, reload on save, leave on signals."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import trio
import typer
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.config.settings import LogFormat
from runtime.decisions.problems import Setup
from runtime.log import LogLines, open_log
from runtime.sandbox.bundle import BundleError
from runtime.server import Listening, Server, StartError, leaves, numbered
from runtime.server.memory import settle_memory
from runtime.session.rules import Routing, RuleError
from runtime.session.serving import NothingToServe, Serving
from runtime.session.worker import Bundle

WATCH_S: Final = 0.3
"""How often `dev` looks whether a file was saved: sooner than a person can call."""
MAX_WATCHED: Final = 1_000
"""Files looked at; a bundle has at most 64 modules."""

WhileServing = Callable[[Server], Awaitable[None]]
LoadFault = (BundleError, RuleError, NothingToServe)


async def run(config: Config, serving: Serving, log_format: LogFormat) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    return await _serve(config, serving, log_format, watch=False)


async def dev(config: Config, serving: Serving, log_format: LogFormat) -> int:
    """As `run`; a saved file serves new calls, and a broken one does not."""
    return await _serve(config, serving, log_format, watch=True)


async def _serve(config: Config, serving: Serving, log_format: LogFormat, *, watch: bool) -> int:
    try:
        routing = serving.load()
    except LoadFault as exc:
        return usage(*(numbered(Setup.NOT_LOADED, fault) for fault in _faults(exc)))
    lines = LogLines()
    log = open_log(lines, log_format)
    refused: list[str] = []
    async with trio.open_nursery() as logging:
        await logging.start(lines.run)
        try:
            server = Server(config, routing, log, dev=watch)
            await _serve_until_signal(server, serving, log, watch=watch)
        except* StartError as group:
            refused = [str(exc) for exc in leaves(group)]
        finally:
            lines.close()
    return usage(*refused) if refused else 0


def usage(*faults: str) -> int:
    """Show what is wrong with what was asked; the exit code for it."""
    for fault in faults:
        typer.echo(f"callstage: {fault}", err=True)
    return 2


async def _serve_until_signal(
    server: Server, serving: Serving, log: FilteringBoundLogger, *, watch: bool
) -> None:
    started = trio.Event()
    with trio.open_signal_receiver(*_heeded(server.config)) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_heed_signals, signals, server, started, nursery.cancel_scope)
            listening: Listening = await nursery.start(_serve_and_leave, server, nursery)
            started.set()
            settle_memory()
            announce(listening, dev=watch)
            if watch:
                nursery.start_soon(_reload_on_save, server, serving, log)


def _heeded(config: Config) -> tuple[signal.Signals, ...]:
    """SIGHUP means that certificates were renewed; without any it is a closed terminal, and ends
    the process as it ends others."""
    ends = (signal.SIGTERM, signal.SIGINT)
    return ends if config.sip.tls.certificate is None else (*ends, signal.SIGHUP)


async def _heed_signals(
    signals: AsyncIterator[int], server: Server, started: trio.Event, scope: trio.CancelScope
) -> None:
    """An orderly end; before there are calls to drain, simply the end."""
    async for signum in signals:
        if signum == signal.SIGHUP:
            if started.is_set():
                server.reload_certificates()
        elif started.is_set():
            server.stop()
        else:
            scope.cancel()


async def _serve_and_leave(
    server: Server, nursery: trio.Nursery, *, task_status: trio.TaskStatus[Listening]
) -> None:
    await server.run(task_status=task_status)
    nursery.cancel_scope.cancel()


def announce(listening: Listening, *, dev: bool) -> None:
    """The ready line on standard output, and for people what to do next."""
    sys.stdout.write(listening.ready_line + "\n")
    sys.stdout.flush()
    if dev:
        first = next((each for each in listening.sip if each.transport == "udp"), listening.sip[0])
        typer.echo(f"try it:  callstage call sip:dev@{first.host}:{first.port}", err=True)
        typer.echo("saved files serve new calls; only loopback can reach this", err=True)


async def _reload_on_save(server: Server, serving: Serving, log: FilteringBoundLogger) -> None:
    seen = _versions(server.registry.routing)
    stamps = _stamps(serving)
    while True:
        await trio.sleep(WATCH_S)
        now = await trio.to_thread.run_sync(_stamps, serving)
        if now == stamps:
            continue
        stamps = now
        seen = await _reload(server, serving, log, seen)


async def _reload(
    server: Server, serving: Serving, log: FilteringBoundLogger, seen: dict[str, str]
) -> dict[str, str]:
    """Serve what was saved if it compiles; otherwise say why and keep the last good version."""
    try:
        routing = await trio.to_thread.run_sync(serving.load)
        for bundle in routing.bundles.values():
            await server.registry.compile(bundle)
    except LoadFault as exc:
        for fault in _faults(exc):
            log.error(f"not loaded, the version before goes on: {fault}")
        return seen
    versions = _versions(routing)
    if versions != seen:
        server.registry.set_scenarios(routing)
        log.info("reloaded: new calls take the saved version", versions=versions)
    return versions


def _faults(exc: BaseException) -> tuple[str, ...]:
    return exc.faults if isinstance(exc, BundleError) else (str(exc),)


def _versions(routing: Routing[Bundle]) -> dict[str, str]:
    return {name: bundle.version for name, bundle in routing.bundles.items()}


def _stamps(serving: Serving) -> dict[str, tuple[int, int]]:
    """Time and size of every Python file that is served."""
    found: dict[str, tuple[int, int]] = {}
    for scenario in serving.scenarios:
        path = Path(scenario)
        files = sorted(path.glob("*.py"))[:MAX_WATCHED] if path.is_dir() else [path]
        for file in files:
            try:
                status = os.stat(file)
            except OSError:
                continue
            found[str(file)] = (status.st_mtime_ns, status.st_size)
    return found
