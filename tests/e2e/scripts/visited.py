"""Answers, records, and connects the call to whoever opens a WebSocket at the access URL."""

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine, WebSocketAudioEncoding

calls: list[Call] = []


@VoxEngine.on(AppEvents.Started)
def started(e: AppEvents.Started) -> None:
    VoxEngine.allowWebSocketConnections()
    Logger.write(f"visit {e.accessURL}")


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    calls.append(e.call)
    e.call.addEventListener(CallEvents.RecordStopped, VoxEngine.terminate)
    await e.call.answer()
    e.call.record(container="wav", stereo=True)
    Logger.write("the call is up")


@VoxEngine.on(AppEvents.WebSocket)
def visited(e: AppEvents.WebSocket) -> None:
    encoding = e.path.partition("?encoding=")[2] or WebSocketAudioEncoding.PCM16
    for call in calls:
        call.sendMediaTo(e.websocket, encoding=encoding)
        e.websocket.sendMediaTo(call)
    e.websocket.onmessage = lambda m: e.websocket.send(f"{e.headers['x-who']} said {m.text}")
