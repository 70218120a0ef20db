"""WebSocket: a connection of the script's to a server of somebody's, for texts and for audio.

Its audio goes in text messages of VoxEngine's media stream format; see docs/howto/websockets.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast, overload

from runtime.api.event_constants import WebSocketEvents
from runtime.api.events import Event
from runtime.api.handle import CommandHandle
from runtime.api.http import header_pairs
from runtime.api.listeners import EventSource
from runtime.api.options import merge, text
from runtime.api.running import current
from runtime.api.session import Session
from runtime.api.unit import MediaSource
from runtime.api.values import WebSocketReadyState
from runtime.sandbox.socket_commands import (
    AllowSockets,
    ClearSocket,
    CloseSocket,
    CreateSocket,
    SendSocketText,
)

SOCKET_OPTIONS: Final = ("headers", "privacy", "protocols", "statistics", "trace")
CLEAR_OPTIONS: Final = ("tag",)

Callback = Callable[[Any], object] | Callable[[], object]


class Shorthand:
    """`socket.onopen = function`: called right before the other handlers of that event."""

    def __init__(self, event: type[Event]) -> None:
        self._event = event

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, socket: None, owner: type[object]) -> Shorthand: ...
    @overload
    def __get__(self, socket: WebSocket, owner: type[object]) -> Callback | None: ...
    def __get__(self, socket: WebSocket | None, owner: type[object]) -> Shorthand | Callback | None:
        return self if socket is None else socket._own.get(self._name)

    def __set__(self, socket: WebSocket, callback: Callback | None) -> None:
        before = socket._own.pop(self._name, None)
        if before is not None:
            socket._listeners.remove(self._event.name, before)
        if callback is not None:
            socket._listeners.add(self._event.name, callback, once=False, first=True)
            socket._own[self._name] = callback


class WebSocket(MediaSource):
    """Made by VoxEngine.createWebSocket, or given by AppEvents.WebSocket.
    `call.sendMediaTo(socket)`: the other side hears the call; `socket.sendMediaTo(call)`: the call
    hears the other side. A socket hears one source for each `tag` of sendMediaTo, four at most. It
    stays open when a call ends: close it.

    `url` and `readyState` ("connecting", "open", "closing", "closed") are its properties; `onopen`,
    `onmessage`, `onclose`, `onerror`, `oncreated`, `onmediastarted` and
    `onmediaended` can be set to a function, which is called right before the other handlers.
    VoxEngine reference: WebSocket.
    """

    __slots__ = ("_own", "_ready", "_url")
    _namespace = WebSocketEvents
    _made_by = "VoxEngine.createWebSocket()"
    _hears = True

    onopen = Shorthand(WebSocketEvents.OPEN)
    onmessage = Shorthand(WebSocketEvents.MESSAGE)
    onclose = Shorthand(WebSocketEvents.CLOSE)
    onerror = Shorthand(WebSocketEvents.ERROR)
    oncreated = Shorthand(WebSocketEvents.CREATED)
    onmediastarted = Shorthand(WebSocketEvents.MEDIA_STARTED)
    onmediaended = Shorthand(WebSocketEvents.MEDIA_ENDED)

    def __init__(
        self,
        session: Session,
        unit: int,
        url: str,
        ready: WebSocketReadyState = WebSocketReadyState.CONNECTING,
    ) -> None:
        super().__init__(session, unit)
        self._url = url
        self._own: dict[str, Callback] = {}
        self._ready = ready

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if isinstance(getattr(type(self), name, None), Shorthand):
                object.__setattr__(self, name, value)
            else:
                super().__setattr__(name, value)

    @property
    def _over(self) -> bool:
        return self._ready is WebSocketReadyState.CLOSED

    def _learn(self, name: str) -> None:
        """What an event changes before its handlers run."""
        if name == WebSocketEvents.CLOSE.name:
            self._ready = WebSocketReadyState.CLOSED
        elif name == WebSocketEvents.OPEN.name and self._ready is WebSocketReadyState.CONNECTING:
            self._ready = WebSocketReadyState.OPEN

    def __repr__(self) -> str:
        return f"<WebSocket {self._unit_id} {self._ready.value}>"

    @property
    def url(self) -> str:
        """As it was given. VoxEngine reference: WebSocket.url."""
        return self._url

    @property
    def readyState(self) -> WebSocketReadyState:
        """ "connecting", "open", "closing" or "closed", as of the event being handled. VoxEngine
        reference: WebSocket.readyState."""
        return self._ready

    def send(self, data: str) -> CommandHandle:
        """Send a text message (48 KiB as JSON at most). Refused before OPEN, and while 1 MiB waits
        because the server does not take it. VoxEngine reference: WebSocket.send."""
        return self._command("send", SendSocketText, text=text("WebSocket.send", "data", data))

    def close(self) -> CommandHandle:
        """Say goodbye (1000): CLOSE follows, when the server has answered or after 2 s. VoxEngine
        reference: WebSocket.close."""
        handle = self._command("close", CloseSocket)
        if not self._over:
            self._ready = WebSocketReadyState.CLOSING
        return handle

    def clearMediaBuffer(self, parameters: object = None, **options: object) -> CommandHandle:
        """Drop the server's audio that was not heard yet: MEDIA_ENDED follows if there was some.
        VoxEngine reference: WebSocket.clearMediaBuffer."""
        given = () if parameters is None else (parameters,)
        merge("WebSocket.clearMediaBuffer", CLEAR_OPTIONS, given, options)
        return self._command("clearMediaBuffer", ClearSocket)


class SocketMaking(EventSource):
    """createWebSocket, allowWebSocketConnections."""

    __slots__ = ()

    def allowWebSocketConnections(self) -> CommandHandle:
        """Let others open WebSockets at the session's accessURL (with ws:// for http://) from now
        on: AppEvents.WebSocket follows with each. As many as calls, and three more.
        VoxEngine reference: VoxEngine.allowWebSocketConnections."""
        what = "VoxEngine.allowWebSocketConnections"
        session = current()
        session.refuse_late(what)
        return session.command(AllowSockets(), CommandHandle(what))

    def createWebSocket(self, url: str, *parameters: object, **options: object) -> WebSocket:
        """Open a WebSocket to a ws:// or wss:// URL.

        CREATED follows, then OPEN, or ERROR and CLOSE when it cannot be opened within 6 s. The
        rules of Net.httpRequest count: private addresses need `[net] allow`, secrets go to their
        hosts only. Options, as keywords or one dict: protocols (a text or a list, "chat" by
        default), headers (a dict, a list of "Name: value" or of {"name", "value"}); statistics,
        trace and privacy are accepted. The older positional form (url, protocols) works. At most 10
        at once. VoxEngine reference: VoxEngine.createWebSocket.
        """
        what = "VoxEngine.createWebSocket"
        given = merge(what, SOCKET_OPTIONS, parameters, options, legacy=("protocols",))
        session = current()
        session.refuse_late(what)
        unit = session.new_unit()
        command = session.build(
            what,
            CreateSocket,
            unit=unit,
            url=text(what, "url", url),
            protocols=_protocols(what, given.get("protocols", "chat")),
            headers=tuple(header_pairs(what, given.get("headers"))),
        )
        session.command(command, CommandHandle(what))
        return WebSocket(session, unit, url)


def _protocols(what: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(text(what, "protocols", each) for each in cast("list[object]", value))
    return text(what, "protocols", value)
