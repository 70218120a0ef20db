"""Records a message of the caller until a key, then plays the recording back by its URL."""

from runtime import AppEvents, CallEvents, Logger, RecorderEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, urls = e.call, []
    call.on(CallEvents.PlaybackFinished)(lambda p: Logger.write(f"replay finished {p.error}"))
    await call.answer()
    recorder = VoxEngine.createRecorder(container="wav")
    recorder.on(RecorderEvents.Started)(lambda r: urls.append(r.url))
    recorder.on(RecorderEvents.Stopped)(lambda: Logger.write("replay recorded"))
    call.sendMediaTo(recorder)
    await call.gather(maxDigits=1, timeout=10)
    recorder.stop()
    await VoxEngine.sleep(0.5)
    await call.startPlayback(urls[0])
    call.hangup()
