"""`callstage call`: one call of the small SIP phone, told to a person or as one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import attrs
import typer

from runtime.config.settings import USUAL_CODECS, CodecName, Srtp
from runtime.phone import CallPlan, CallReport, PlanError, place_call
from runtime.verbs.telling import heard_line
from sip.endpoint import ListenError


@attrs.frozen(kw_only=True)
class CallRequest:
    """The words of the command line."""

    target: str
    play: Path | None
    record: Path | None
    digits: str
    for_s: float | None
    user: str
    password: str = attrs.field(repr=False)
    codecs: tuple[CodecName, ...] = USUAL_CODECS
    srtp: Srtp = "off"
    as_json: bool
    ca: Path | None = None


def codecs_of(text: str) -> tuple[CodecName, ...]:
    """Codecs from a list with commas, in its order. ValueError names what is unknown."""
    known = {name.lower(): name for name in get_args(CodecName)}
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word.lower() not in known:
            raise ValueError(f"{word!r} is no codec; there are {', '.join(known.values())}")
    return tuple(dict.fromkeys(known[word.lower()] for word in words)) or USUAL_CODECS


async def call(request: CallRequest) -> int:
    """Place the call and tell how it went; the exit code."""
    plan = CallPlan(
        target=request.target,
        play=request.play,
        record=request.record,
        digits=request.digits,
        for_s=request.for_s,
        auth_user=request.user,
        password=request.password,
    )
    try:
        report = await place_call(plan, codecs=request.codecs, srtp=request.srtp, ca=request.ca)
    except (PlanError, ListenError) as exc:
        typer.echo(f"callstage: {exc}", err=True)
        return 2
    if request.as_json:
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
    else:
        _tell(report)
    return 0 if report.ok else 1


def _tell(report: CallReport) -> None:
    for line in report.trace:
        typer.echo(line)
    typer.echo(f"{'answered' if report.ok else 'failed'}: {report.code} {report.reason}")
    typer.echo(f"talked for {report.duration_s:.1f} s; heard:")
    for interval in report.heard:
        typer.echo(heard_line(interval))
    rtp = report.rtp
    typer.echo(
        f"rtp: {rtp.packets_sent} sent, {rtp.packets_received} received, {rtp.packets_lost} lost, "
        f"jitter {rtp.jitter_ms:.1f} ms, largest gap {rtp.max_gap_ms:.0f} ms"
    )
    typer.echo(f"audio: {'encrypted, ' + report.srtp_suite if report.srtp_suite else 'plain'}")
    if report.digits:
        typer.echo(f"digits received: {report.digits}")
    if report.recording is not None:
        typer.echo(f"recorded to {report.recording}")
