"""AppEvents: the life of the session itself.

Order: the script's top level, Started, then CallAlerting for a session that a call began; at the
end Terminating, then Terminated, after which nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from runtime.api.events import Event
from runtime.api.http import HttpHeader, HttpHeaders

if TYPE_CHECKING:
    from runtime.api.call import Call
    from runtime.api.websocket import WebSocket


@attrs.frozen(kw_only=True)
class AppEvent(Event):
    """What all AppEvents carry: their name."""


@attrs.frozen(kw_only=True)
class Started(AppEvent):
    """The first event of every session, once.

    Order: once, before every other event, after the top level of the script has run.
    """

    name: ClassVar[str] = "Application.Started"
    accessURL: str = ""
    """Where requests reach this session: each fires HttpRequest. Whoever knows it may ask."""
    accessSecureURL: str = ""
    accountId: int = 0
    applicationId: int | str = 0
    logURL: str = ""
    sessionId: int | str = 0
    conference_name: str | None = None


@attrs.frozen(kw_only=True)
class CallAlerting(AppEvent):
    """An incoming call. `destination` is the dialled user part, `toURI` the whole request URI.

    Order: after Started, the first event of its call; once for the session of one call, for each
    caller in a shared session.
    """

    name: ClassVar[str] = "Application.CallAlerting"
    call: Call
    callerid: str = ""
    destination: str = ""
    toURI: str = ""
    fromURI: str = ""
    displayName: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    customData: str = ""
    scheme: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


def _headers(value: Iterable[Iterable[str]]) -> HttpHeaders:
    if isinstance(value, HttpHeaders):
        return value
    return HttpHeaders(HttpHeader(*pair) for pair in value)


@attrs.frozen(kw_only=True)
class HttpRequest(AppEvent):
    """Somebody asks at the session's accessURL, by any method, with anything behind it.

    What a handler returns (an async one too) is the answer: a text or number as it is, anything
    else as JSON; None answers nothing, and of several handlers the first that returns something
    does. `path` is that of the request, with the query: `/request/SECRET/what?follows`. `content`
    is the body as text. `headers` are a sequence of key and value, also by name:
    `e.headers["X-Key"]`. A handler that fails answers 500, one that takes longer than 20 s 504.

    Order: any time after Started and before Terminating, many times.
    """

    name: ClassVar[str] = "Application.HttpRequest"
    method: str = ""
    path: str = attrs.field(default="", repr=False)
    content: str = attrs.field(default="", repr=False)
    headers: HttpHeaders = attrs.field(default=HttpHeaders(), converter=_headers, repr=False)


@attrs.frozen(kw_only=True)
class NewWebSocketConnection(AppEvent):
    """Somebody has opened a WebSocket at the session's accessURL, after
    VoxEngine.allowWebSocketConnections(). `websocket` is open; `path` and `headers` are those of
    its handshake.

    Order: after Started; the Open of the WebSocket follows, and its Close is the last.
    """

    name: ClassVar[str] = "AppEvents.NewWebSocketConnection"
    websocket: WebSocket
    method: str = "GET"
    path: str = attrs.field(default="", repr=False)
    content: str = ""
    headers: HttpHeaders = attrs.field(default=HttpHeaders(), converter=_headers, repr=False)


@attrs.frozen(kw_only=True)
class NewWebSocketFailed(AppEvent):
    """A WebSocket could not come in: there were too many, or no audio leg is free (`reason`).

    Order: after Started, in place of AppEvents.WebSocket.
    """

    name: ClassVar[str] = "Application.OnNewWebSocketFailed"
    reason: str = ""
    method: str = "GET"
    path: str = attrs.field(default="", repr=False)
    content: str = ""
    headers: HttpHeaders = attrs.field(default=HttpHeaders(), converter=_headers, repr=False)


@attrs.frozen(kw_only=True)
class Terminating(AppEvent):
    """The session ends: terminate(), an error, or the idle limit. No calls, no timers any more; one
    HTTP request may be made.

    Order: once, after everything else; Terminated follows, and no event of a call or unit.
    Callbacks of HTTP requests may come in between.
    """

    name: ClassVar[str] = "Application.Terminating"
    systemError: str | None = None


@attrs.frozen(kw_only=True)
class Terminated(AppEvent):
    """The last event; only Logger.write works.

    Order: once, after Terminating; nothing follows.
    """

    name: ClassVar[str] = "Application.Terminated"
    systemError: str | None = None
