"""Says who calls, calls the user in X-User (or the dialled one), and writes down what follows."""

from typing import Any

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    Logger.write(f"from {call.clientType()} {e.callerid} ({e.displayName}) {e.fromURI}")
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    if e.destination == "whoami":
        await call.answer()
        await call.startPlayback("440.wav")
        call.hangup()
        return
    name = e.headers.get("X-User", e.destination)
    headers: dict[str, str] = {}
    if "X-Timeout" in e.headers:
        headers["VI-CallTimeout"] = e.headers["X-Timeout"]
    options: dict[str, Any] = {"headers": headers} if headers else {}
    other = VoxEngine.callUser(username=name, callerid=e.callerid, **options)
    other.on(CallEvents.Ringing)(lambda: Logger.write(f"{name} rings"))
    other.on(CallEvents.Failed)(lambda f: Logger.write(f"{name} failed {f.code} {f.reason}"))
    other.on(CallEvents.Connected)(lambda: Logger.write(f"{name} connected"))
    other.on(CallEvents.Disconnected)(lambda: Logger.write(f"{name} gone"))
    if await other.answered():
        await call.answer()
        call.sendMediaTo(other)
        other.sendMediaTo(call)
    else:
        call.hangup()
