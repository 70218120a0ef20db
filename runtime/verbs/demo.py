"""`callstage demo`: the main job in one go, on free loopback ports.

A runtime with the shipped IVR is started in this process, the small phone calls it over real SIP
and RTP and presses a key, the menu says goodbye; then the timeline is told, and where the
recordings are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import trio
import typer

from runtime.config import Config
from runtime.config.data import DataSettings
from runtime.config.settings import HttpSettings, RtpSettings, SipSettings
from runtime.control.sessions import read_timeline
from runtime.log import LogLines, open_log
from runtime.phone import CallPlan, CallReport, Phone
from runtime.server import Listening, Server, StartError, leaves
from runtime.session.serving import Serving
from runtime.verbs.run import usage
from runtime.verbs.telling import heard_line, timeline_lines

SCENARIO: Final = "module:scenarios.ivr"
KEYS: Final = ",,1"
"""A second to hear the greeting, then 1 for the opening hours."""
MAX_DEMO_S: Final = 25.0
"""The call takes about ten seconds; a demonstration that takes longer has failed."""
ANY_PORT: Final = "127.0.0.1:0"


async def demo(data: Path, *, as_json: bool) -> int:
    """Run it and tell it; the exit code."""
    config = Config(
        sip=SipSettings(listen=(f"udp://{ANY_PORT}",)),
        http=HttpSettings(listen=ANY_PORT),
        rtp=RtpSettings(ports="0"),
        data=DataSettings(dir=data),
    )
    routing = Serving(scenarios=(SCENARIO,), rules=(), base=Path()).load()
    lines = LogLines()
    report: CallReport | None = None
    refused: list[str] = []
    async with trio.open_nursery() as logging:
        await logging.start(lines.run)
        try:
            server = Server(config, routing, open_log(lines, "text"))
            with trio.move_on_after(MAX_DEMO_S):
                report = await _call_it(server, data / "demo-heard.wav", quiet=as_json)
        except* StartError as group:
            refused = [str(exc) for exc in leaves(group)]
        finally:
            lines.close()
    if refused:
        return usage(*refused)
    if report is None or not report.ok:
        why = "it was not over in time" if report is None else f"{report.code} {report.reason}"
        typer.echo(f"the demonstration call failed: {why}", err=True)
        return 1
    if as_json:
        typer.echo(json.dumps(_as_json(report, data)))
    else:
        _tell(report, data)
    return 0


async def _call_it(server: Server, heard: Path, *, quiet: bool) -> CallReport:
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(server.run)
        if not quiet:
            typer.echo(listening.ready_line)
            typer.echo(f"calling {listening.sip[0]} and pressing 1 ...")
        phone = Phone(plays=False)
        await nursery.start(phone.run)
        address = listening.sip[0]
        plan = CallPlan(target=f"sip:demo@{address.host}:{address.port}", digits=KEYS, record=heard)
        report = await phone.call(plan)
        server.stop()
        await server.ended.wait()
        nursery.cancel_scope.cancel()
    return report


def _newest(data: Path) -> Path:
    """The folder of the session that was just over."""
    return max((data / "sessions").iterdir(), key=lambda folder: folder.stat().st_mtime)


def _as_json(report: CallReport, data: Path) -> dict[str, Any]:
    newest = _newest(data)
    recorded = sorted((data / "recordings" / newest.name).glob("*"))
    return {
        **report.to_json(),
        "session_id": newest.name,
        "timeline": str(newest / "timeline.jsonl"),
        "recorded_by_the_scenario": [str(file) for file in recorded],
    }


def _tell(report: CallReport, data: Path) -> None:
    newest = _newest(data)
    typer.echo(f"\ntimeline of session {newest.name}:")
    for line in timeline_lines(read_timeline(newest / "timeline.jsonl")):
        typer.echo(line)
    typer.echo("\nthe caller heard:")
    for interval in report.heard:
        typer.echo(heard_line(interval))
    typer.echo(f"\ndigits pressed: {report.digits_sent}")
    typer.echo(f"what the caller heard: {report.recording}")
    for file in sorted((data / "recordings" / newest.name).glob("*")):
        typer.echo(f"recorded by the scenario: {file}")
