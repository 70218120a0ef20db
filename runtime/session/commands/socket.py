"""What a script may ask of its WebSockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.decisions.problems import Commands
from runtime.sandbox.socket_commands import (
    AllowSockets,
    ClearSocket,
    CloseSocket,
    CreateSocket,
    SendSocketText,
)
from runtime.session.commands.table import DONE, CommandRefused, Handler
from runtime.session.context import SessionContext
from runtime.session.socket import WebSocket
from runtime.session.socket_streams import SocketRefused


def create(session: SessionContext, command: CreateSocket, _: int) -> bool:
    socket = WebSocket(session)
    most = session.settings.limits.sockets
    room = sum(not each.came_in for each in session.units.of(WebSocket)) < most
    session.units.claim(command.unit, socket)
    if not room:
        why = f"WebSocket limit reached: a session has at most {most} at once; close one first"
        socket.turn_away(command.unit, why)
        raise CommandRefused(Commands.TOO_MANY, why)
    socket.open(command.unit, command)
    return DONE


def allow(session: SessionContext, _: AllowSockets, __: int) -> bool:
    session.access.allow_sockets()
    return DONE


def send(session: SessionContext, command: SendSocketText, _: int) -> bool:
    try:
        session.units.find(command.unit, WebSocket).send(command.text)
    except SocketRefused as exc:
        raise CommandRefused(exc.kind, str(exc)) from exc
    return DONE


def close(session: SessionContext, command: CloseSocket, _: int) -> bool:
    session.units.find(command.unit, WebSocket).close()
    return DONE


def clear(session: SessionContext, command: ClearSocket, _: int) -> bool:
    session.units.find(command.unit, WebSocket).clear()
    return DONE


SOCKET_COMMANDS: Final[Mapping[str, Handler]] = {
    CreateSocket.op: create,
    AllowSockets.op: allow,
    SendSocketText.op: send,
    CloseSocket.op: close,
    ClearSocket.op: clear,
}
