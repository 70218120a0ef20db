"""A WebSocket of a script: opened or taken, spoken through, a source and a sink of audio, and
closed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import trio

from runtime.decisions.allowances import TokenBucket
from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.media_stream import StreamPlan
from runtime.decisions.problems import Commands
from runtime.decisions.routing import Node
from runtime.decisions.timeline import shown_path, shown_url
from runtime.media.port import MediaUnavailable
from runtime.net import FetchError, FetchRefused
from runtime.sandbox.commands import SendMediaTo
from runtime.sandbox.frames import call_id
from runtime.sandbox.socket_commands import CreateSocket
from runtime.sandbox.wire import ProtocolError, parse_value
from runtime.session.context import SessionContext
from runtime.session.dressing import Dressing
from runtime.session.socket_streams import SocketRefused, Streams
from runtime.sockets import (
    Socket,
    SocketArrival,
    SocketBegan,
    SocketClosed,
    SocketEnded,
    SocketEvent,
    SocketFull,
    SocketGone,
    SocketNote,
    SocketRequest,
    SocketText,
)

NOT_OPENED: Final = 1006
"""RFC 6455 7.4.1."""


class WebSocket:
    """One socket; its handle is gone with its Close."""

    def __init__(self, session: SessionContext) -> None:
        self.unit = 0
        self._session = session
        self._socket: Socket | None = None
        self.came_in = False
        """Somebody outside has opened it."""
        self.gone = trio.Event()
        self.failure = ""
        """Why one that came in could not be taken."""
        limits = session.settings.limits
        self._pace = TokenBucket(limits.socket_messages_per_s, limits.socket_messages_burst)

    def open(self, unit: int, command: CreateSocket) -> None:
        self.unit = unit
        session = self._session
        self._streams = Streams(session, unit)
        self._emit("Created")
        request = SocketRequest(
            url=command.url,
            headers=command.headers,
            protocols=tuple(filter(None, (each.strip() for each in command.protocols.split(",")))),
            connect_s=session.settings.limits.http_connect_timeout_s,
            owner=session.assets,
        )
        self._scope = session.tasks.start(partial(self._run, request))

    def take(self, unit: int, arrival: SocketArrival, opening: Mapping[str, Any]) -> None:
        """Somebody has come. NewWebSocketConnection follows with `opening`, or `failure` is set;
        `gone` is set at the end of either."""
        self.unit, self.came_in = unit, True
        self._streams = Streams(self._session, unit)
        self._scope = self._session.tasks.start(partial(self._welcome, arrival, opening))

    async def _welcome(self, arrival: SocketArrival, opening: Mapping[str, Any]) -> None:
        try:
            listener = self._session.tasks.edge(self._on)
            try:
                socket = await arrival.accept(listener)
            except (SocketGone, MediaUnavailable) as exc:
                self.failure = str(exc)
                self.abandon()
                return
            self._session.events.emit(
                "AppEvents.NewWebSocketConnection",
                fields={**opening, "websocket": {"unit": self.unit, "url": opening["path"]}},
                on_reply=self._greeted,
            )
            self._note(f"came in at {shown_path(opening['path'])}: open")
            self._opened(socket)
            await socket.run(self._turn)
        finally:
            self.gone.set()

    def _greeted(self, heard: bool) -> None:
        if not heard:
            text = "a WebSocket came in: there is no listener for AppEvents.WebSocket"
            self._refuse(Commands.NOBODY_LISTENS, text)
            self.close()

    def turn_away(self, unit: int, why: str) -> None:
        """There are too many."""
        self.unit = unit
        self._session.units.drop(unit)
        self._emit("Error", reason=why)
        self._emit("Close", code=NOT_OPENED, reason=why, wasClean=False)

    async def _run(self, request: SocketRequest) -> None:
        dressing = Dressing(self._session.secrets)
        try:
            listener = self._session.tasks.edge(self._on)
            socket = await self._session.ports.sockets.open(request, dressing.dress, listener)
        except (FetchError, MediaUnavailable) as exc:
            why = dressing.mask().text(str(exc))
            note = f"{shown_url(request.url)}: {why}"
            if isinstance(exc, FetchRefused):
                self._refuse(Commands.FORBIDDEN_ADDRESS, note)
            else:
                self._note(note)
            self._emit("Error", reason=why)
            self._over(SocketClosed(code=NOT_OPENED, reason=why, clean=False))
            return
        self._note(f"{shown_url(request.url)}: open")
        self._opened(socket)
        await socket.run(self._turn)

    async def _turn(self) -> None:
        """Whoever is at the other end must not take the script's CPU time, nor the room of the
        events of calls."""
        now = trio.current_time()
        if not self._pace.take(now):
            await trio.sleep(self._pace.wait_s(now))
            self._pace.take(trio.current_time())
        await self._session.events.room()

    def _opened(self, socket: Socket) -> None:
        self._socket = socket
        self._emit("Open")
        self._streams.opened(socket)

    # --- what the script asks -------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Raises SocketRefused."""
        if self._socket is None:
            raise SocketRefused(
                Commands.WRONG_MOMENT, "the socket is not open yet; wait for WebSocketEvents.OPEN"
            )
        try:
            self._socket.send(text)
        except SocketFull as exc:
            raise SocketRefused(Commands.TOO_MANY, str(exc)) from exc

    def node_of(self, command: SendMediaTo) -> Node:
        """Where what is sent to it goes. Raises SocketRefused."""
        return self._streams.node_of(command.tag)

    def hear(self, node: Node, command: SendMediaTo) -> None:
        """Something is sent there."""
        encoding = ENCODINGS[command.encoding or "PCM8"]
        plan = StreamPlan(encoding=encoding, tag=command.tag, custom=command.custom_parameters)
        self._streams.begin(node, plan)

    def hear_no_more(self, source: Node) -> None:
        """None of its streams has this source any more."""
        for node in self._streams.nodes:
            self._session.routes.disconnect(source, node)

    def clear(self) -> None:
        if self._socket is not None:
            self._socket.clear()

    def close(self) -> None:
        """Close follows. Safe twice."""
        if self._socket is not None:
            self._socket.close()
        else:
            self._scope.cancel()
            self._over(
                SocketClosed(code=NOT_OPENED, reason="closed before it was open", clean=False)
            )

    def abandon(self) -> None:
        """The session ends: the peer is told goodbye, the script nothing. Safe twice."""
        self._streams.remove()
        self._session.units.drop(self.unit)
        self._scope.cancel()

    # --- what the peer does ---------------------------------------------------------------------

    def _on(self, event: SocketEvent) -> None:
        match event:
            case SocketText(text):
                self._emit("Message", text=text)
            case SocketBegan(tag=tag, encoding=encoding, custom=custom):
                own = custom_parameters(custom)
                self._emit("MediaEventStarted", tag=tag, encoding=encoding, customParameters=own)
            case SocketEnded(tag=tag, duration_s=duration_s):
                self._emit("MediaEventEnded", tag=tag, mediaInfo={"duration": round(duration_s)})
            case SocketNote(text):
                self._note(text)
            case SocketClosed():
                self._over(event)

    def _over(self, event: SocketClosed) -> None:
        if self.unit not in self._session.routes:
            return
        self._socket = None
        self._streams.remove()
        self._session.units.drop(self.unit)
        self._emit("Close", code=event.code, reason=event.reason, wasClean=event.clean)

    def _emit(self, name: str, **fields: Any) -> None:
        self._session.events.emit(f"WebSocket.{name}", unit=self.unit, fields=fields)

    def _note(self, text: str) -> None:
        self._session.timeline.record("socket", text, leg=call_id(self._session.id, self.unit))

    def _refuse(self, kind: Commands, text: str) -> None:
        self._session.timeline.refuse(kind, text, leg=call_id(self._session.id, self.unit))


def custom_parameters(custom: str) -> Any:
    """What a peer says of its stream is JSON that was written as a text, mostly; what is none, or
    none that the wire to the script carries, stays a text."""
    try:
        return parse_value(custom)
    except ProtocolError:
        return custom or None
