"""For real peers: records the call in stereo, writes down keys and hold, and plays a tone."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, tell = e.call, Logger.write
    call.handleTones(True)
    call.on(CallEvents.ToneReceived)(lambda t: tell(f"noted key {t.tone} type {t.type}"))
    call.on(CallEvents.OnHold)(lambda: tell("noted on hold"))
    call.on(CallEvents.OffHold)(lambda: tell("noted off hold"))
    call.on(CallEvents.RecordStopped)(lambda r: tell(f"noted record stopped {r.url}"))
    await call.answer()
    call.record(stereo=True, container="wav")
    await call.startPlayback("440-loop.wav", loop=True)
