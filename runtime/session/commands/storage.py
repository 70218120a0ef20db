"""What a script may ask of what outlives it: pairs of the application, and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import attrs

from runtime.decisions.problems import Commands
from runtime.decisions.storage import Pair, StorageFull, TooManyKeys, listed
from runtime.sandbox.frames import ResponseFrame, body_frames
from runtime.sandbox.storage_commands import GetPair, ListKeys, PutPair, RemovePair, Report
from runtime.session.commands.table import LATER, CommandRefused, Handler
from runtime.session.context import SessionContext

TAKEN: Final = b'{"result": true}'


def get(session: SessionContext, command: GetPair, req: int) -> bool:
    return _settle(session, req, session.ports.storage.get(session.application, command.key))


def put(session: SessionContext, command: PutPair, req: int) -> bool:
    most = session.settings.limits.stored_pairs
    try:
        pair = session.ports.storage.put(
            session.application, command.key, command.value, command.ttl, most
        )
    except StorageFull as exc:
        raise CommandRefused(Commands.TOO_MANY, str(exc)) from exc
    return _settle(session, req, pair)


def remove(session: SessionContext, command: RemovePair, req: int) -> bool:
    pair = session.ports.storage.remove(session.application, command.key)
    return _settle(session, req, pair)


def keys(session: SessionContext, command: ListKeys, req: int) -> bool:
    found = session.ports.storage.keys(session.application, command.pattern, command.count)
    try:
        session.events.settle(req, listed(found))
    except TooManyKeys as exc:
        raise CommandRefused(Commands.TOO_MANY, str(exc)) from exc
    return LATER


def _settle(session: SessionContext, req: int, pair: Pair | None) -> bool:
    session.events.settle(req, None if pair is None else json.dumps(attrs.asdict(pair)))
    return LATER


def report(session: SessionContext, command: Report, req: int) -> bool:
    """Answered as the HTTP request that it is in VoxEngine."""
    session.timeline.record("report", command.kind, data=command.data)
    for frame in body_frames(req, TAKEN):
        session.events.send(frame)
    session.events.respond(ResponseFrame(req=req, code=200))
    return LATER


STORAGE_COMMANDS: Final[Mapping[str, Handler]] = {
    GetPair.op: get,
    PutPair.op: put,
    RemovePair.op: remove,
    ListKeys.op: keys,
    Report.op: report,
}
