"""Somebody who has come to a session's access URL and wants to open a WebSocket."""

from __future__ import annotations

from runtime.sockets.client import LiveSocket, SocketClient
from runtime.sockets.handshake import Handshake, HandshakeFailed
from runtime.sockets.port import SocketGone, SocketListener


class Arrival:
    """The network's adapter (sockets/port.py)."""

    def __init__(self, handshake: Handshake, sockets: SocketClient) -> None:
        self._handshake = handshake
        self._sockets = sockets

    async def accept(self, listener: SocketListener) -> LiveSocket:
        socket = await self._sockets.speak(self._handshake.connection(), listener)
        try:
            await self._handshake.accept()
        except HandshakeFailed as exc:
            await socket.give_up()
            raise SocketGone(str(exc)) from exc
        except BaseException:  # cancelled: raised again
            await socket.give_up()
            raise
        return socket
