"""Answers, connects the call to the WebSocket named in X-Socket, and hangs up when that ends."""

from runtime import AppEvents, CallEvents, VoxEngine, WebSocketAudioEncoding, WebSocketEvents


def incoming(e: AppEvents.CallAlerting) -> None:
    e.call.answer()
    socket = VoxEngine.createWebSocket(e.headers["X-Socket"])
    e.call.sendMediaTo(socket, encoding=WebSocketAudioEncoding.PCM16)
    socket.sendMediaTo(e.call)
    socket.addEventListener(WebSocketEvents.CLOSE, lambda: e.call.hangup())
    e.call.addEventListener(CallEvents.Disconnected, lambda: VoxEngine.terminate())


VoxEngine.addEventListener(AppEvents.CallAlerting, incoming)
