"""Puts its caller on hold after two seconds and takes it off again, and tells what came of it."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call

    @call.on(CallEvents.ReInviteAccepted)
    def accepted(change: CallEvents.ReInviteAccepted) -> None:
        held = "a=recvonly" in change.body
        Logger.write(f"accepted {change.mimeType}, recvonly: {held}, {dict(change.headers)}")

    @call.on(CallEvents.ReInviteRejected)
    def rejected(change: CallEvents.ReInviteRejected) -> None:
        Logger.write(f"rejected {dict(change.headers)}")

    call.on(CallEvents.OnHold)(lambda: Logger.write("on hold"))
    call.handleTones(True)

    @call.on(CallEvents.ToneReceived)
    async def pressed(key: CallEvents.ToneReceived) -> None:
        wanted = {"1": "a=sendonly", "2": "a=inactive", "3": "a=sendrecv", "4": ""}[key.tone]
        await call.reInvite({"X-Key": key.tone}, "application/sdp", wanted)

    await call.answer()
    await call.startPlayback("440-loop.wav", loop=True)
