"""Records the call as X-Container, plays the caller a tone, and tells what became of it."""

import trio

from runtime import AppEvents, CallEvents, Logger, RecordExpireTime, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, name = e.call, e.callerid
    tell, begun = Logger.write, trio.Event()
    call.on(CallEvents.RecordStarted)(lambda r: tell(f"{name} record started {r.url}"))
    call.on(CallEvents.RecordStopped)(lambda r: tell(f"{name} record stopped {r.duration}"))
    call.on(CallEvents.RecordError)(lambda r: tell(f"{name} record error {r.error}"))
    for outcome in (CallEvents.RecordStarted, CallEvents.RecordError):
        call.on(outcome)(begun.set)
    call.on(CallEvents.Disconnected)(lambda: tell(f"{name} disconnected"))
    await call.answer()
    named = {"recordNamePrefix": "grün ", "expire": RecordExpireTime.SIXMONTHS}
    call.record(
        stereo="X-Mono" not in e.headers,
        container=e.headers.get("X-Container", "mp3"),
        **(named if "X-Named" in e.headers else {}),
    )
    if "X-Twice" in e.headers:
        call.record()
    await begun.wait()
    await VoxEngine.sleep(0.3)
    await call.startPlayback("440.wav")
    tell(f"{name} played")
    if "X-Again" in e.headers:
        await call.startPlayback("440-loop.wav", loop=True)
