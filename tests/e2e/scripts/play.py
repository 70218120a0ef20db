"""Answers and plays the sound named in X-Sound; X-Again: over and over, X-Then: what then."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, then = e.call, e.headers.get("X-Then", "hangup")
    tell = Logger.write
    call.on(CallEvents.PlaybackStarted)(lambda p: tell(f"{call.number()} started {p.duration}"))
    call.on(CallEvents.PlaybackFinished)(lambda p: tell(f"{call.number()} finished {p.error}"))
    call.on(CallEvents.Disconnected)(lambda d: tell(f"disconnected {d.internalCode} {d.duration}"))
    await call.answer()
    outcome = await call.startPlayback(e.headers["X-Sound"], loop="X-Again" in e.headers)
    Logger.write(f"outcome {outcome}")
    if then == "tone":
        await call.startPlayback("880.wav")
    if then != "stay":
        call.hangup()
