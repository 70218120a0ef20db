"""Plays a long tone and tells when the caller holds and resumes."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, name = e.call, e.callerid

    @call.on(CallEvents.ReInviteReceived)
    def changed(change: CallEvents.ReInviteReceived) -> None:
        held = "a=sendonly" in change.body
        Logger.write(f"{name} changed: {change.mimeType}, sendonly: {held}, {dict(change.headers)}")

    call.on(CallEvents.OnHold)(lambda: Logger.write(f"{name} on hold"))
    call.on(CallEvents.OffHold)(lambda: Logger.write(f"{name} off hold"))
    await call.answer()
    await call.startPlayback("440-loop.wav", loop=True)
