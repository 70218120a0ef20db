"""One sound replaces another, and the first one never comes back."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.on(CallEvents.PlaybackFinished)(lambda p: Logger.write(f"replace finished {p.error}"))
    await call.answer()
    first = call.startPlayback("440-long.wav")
    await VoxEngine.sleep(0.6)
    await call.startPlayback("880.wav")
    Logger.write(f"replace first {await first}")
    await VoxEngine.sleep(0.6)
    stopped = call.startPlayback("440-long.wav")
    await VoxEngine.sleep(0.6)
    call.stopPlayback()
    Logger.write(f"replace second {await stopped}")
    await VoxEngine.sleep(0.4)
    call.hangup()
