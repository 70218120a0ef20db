"""WebSockets that come in at a session's access URL: who may, how many, and what the script hears.

None comes in before the script has called `VoxEngine.allowWebSocketConnections()`. One that is one
too many, or that cannot be opened, is NewWebSocketFailed to the script and a refusal to who came.
"""

from __future__ import annotations

from typing import Any

from runtime.decisions.access import AccessRefused, AccessRequest
from runtime.decisions.problems import Http
from runtime.session.access import RETRY_AFTER_S, shown_request
from runtime.session.context import SessionContext
from runtime.session.socket import WebSocket
from runtime.sockets import SocketArrival


class IncomingSockets:
    """Of one session."""

    def __init__(self, session: SessionContext) -> None:
        self._session = session

    async def knock(self, request: AccessRequest, arrival: SocketArrival) -> None:
        """Somebody wants to open a WebSocket; return when it is over. Raises AccessRefused."""
        session = self._session
        await session.access.let_in(request)
        opening = _opening(request)
        why = self._too_many()
        if why is not None:
            self._failed(opening, why)
            raise self._refused(request, why)
        socket = WebSocket(session)
        unit = session.units.own(socket)
        socket.take(unit, arrival, opening)
        await socket.gone.wait()
        if socket.failure:
            self._failed(opening, socket.failure)
            raise self._refused(request, socket.failure)

    def _too_many(self) -> str | None:
        session = self._session
        most = len(session.calls) + session.settings.limits.incoming_sockets
        if sum(each.came_in for each in session.units.of(WebSocket)) < most:
            return None
        return f"{most} WebSockets came in, the limit of a session with {len(session.calls)} calls"

    def _failed(self, opening: dict[str, Any], why: str) -> None:
        fields = {**opening, "reason": why}
        self._session.events.emit("Application.OnNewWebSocketFailed", fields=fields)

    def _refused(self, request: AccessRequest, why: str) -> AccessRefused:
        refused = AccessRefused(Http.ACCESS_BUSY, why, RETRY_AFTER_S)
        self._session.timeline.refuse(
            refused.kind,
            f"from outside: WebSocket {shown_request(request)}: {why}",
            remote=request.remote or None,
        )
        return refused


def _opening(request: AccessRequest) -> dict[str, Any]:
    """What events tell of the handshake."""
    return {
        "method": request.method,
        "path": request.path,
        "content": "",
        "headers": [list(header) for header in request.headers],
    }
