"""Answers and writes down every key; X-Digits are pressed for the caller once it is connected."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, name = e.call, e.callerid
    call.handleTones(True)
    call.on(CallEvents.ToneReceived)(lambda t: Logger.write(f"{name} key {t.tone} type {t.type}"))
    call.on(CallEvents.InfoReceived)(lambda i: Logger.write(f"{name} {i.mimeType}: {i.body}"))
    await call.answer()
    if "X-Digits" in e.headers:
        call.sendDigits(e.headers["X-Digits"])
        call.sendInfo("text/plain", "hello there", {"X-Note": "1"})
