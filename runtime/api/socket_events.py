"""Events of a WebSocket. VoxEngine reference: WebSocketEvents.

Order: Created, Open, then messages and audio, then Close, once. A socket that cannot be opened has
Created, Error, Close.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.websocket import WebSocket


@attrs.frozen(kw_only=True)
class SocketEvent(Event):
    websocket: WebSocket

    @property
    def id(self) -> str:
        return self.websocket.id()


@attrs.frozen(kw_only=True)
class SocketCreated(SocketEvent):
    """It is being opened.

    Order: once, before all others of the socket, but for an Error because there are too many.
    """

    name: ClassVar[str] = "WebSocket.Created"


@attrs.frozen(kw_only=True)
class SocketOpen(SocketEvent):
    """It is open: messages can be sent, and audio flows.

    Order: once, after Created, before messages and audio.
    """

    name: ClassVar[str] = "WebSocket.Open"


@attrs.frozen(kw_only=True)
class SocketMessage(SocketEvent):
    """A text message of the peer's that is no audio.

    Order: between Open and Close, in the order in which the peer has sent them.
    """

    name: ClassVar[str] = "WebSocket.Message"
    text: str = ""


@attrs.frozen(kw_only=True)
class SocketError(SocketEvent):
    """It could not be opened (`reason`); Close follows.

    Order: instead of Open; Close follows at once.
    """

    name: ClassVar[str] = "WebSocket.Error"
    reason: str = ""


@attrs.frozen(kw_only=True)
class SocketClose(SocketEvent):
    """The end. `code` as in RFC 6455 7.4.1, 1006 when there was no goodbye; `wasClean` when both
    sides said goodbye.

    Order: the last event, once.
    """

    name: ClassVar[str] = "WebSocket.Close"
    code: int = 0
    reason: str = ""
    wasClean: bool = False


@attrs.frozen(kw_only=True)
class SocketMediaStarted(SocketEvent):
    """The peer's audio begins to be heard. `customParameters` as the peer sent them: what was JSON
    is a dict.

    Order: between Open and Close, in turn with MediaEventEnded.
    """

    name: ClassVar[str] = "WebSocket.MediaEventStarted"
    tag: str = ""
    encoding: str = ""
    customParameters: Any = None


@attrs.frozen(kw_only=True)
class MediaInfo:
    """`duration` of the peer's stream in whole seconds."""

    duration: int


def _media_info(value: MediaInfo | Mapping[str, Any]) -> MediaInfo:
    return value if isinstance(value, MediaInfo) else MediaInfo(**value)


@attrs.frozen(kw_only=True)
class SocketMediaEnded(SocketEvent):
    """No audio of the peer's came for a second, or clearMediaBuffer() dropped it.

    Order: after a MediaEventStarted, once for each, before Close.
    """

    name: ClassVar[str] = "WebSocket.MediaEventEnded"
    tag: str = ""
    mediaInfo: MediaInfo = attrs.field(
        default=MediaInfo(duration=0),
        converter=_media_info,
    )
