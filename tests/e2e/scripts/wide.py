"""Records in HD, plays the caller 6 kHz and says back what it says; X-With: in which container."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.on(CallEvents.RecordStopped)(lambda r: Logger.write(f"hd record stopped {r.duration}"))
    await call.answer()
    call.record(stereo=True, hd_audio=True, container=e.headers.get("X-With", "wav"))
    await call.startPlayback("6000.wav")
    Logger.write("hd played")
    call.sendMediaTo(call)
