"""Asks which department it shall be, has the answer understood, tells it, and hangs up."""

from runtime import AppEvents, ASREvents, CallEvents, Logger, VoxEngine

DEPARTMENTS = ["sales", "support", "billing", "operator"]
QUESTION = "Please say which department you want to talk to. " * 6


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    await call.answer()
    if "X-Sentences" in e.headers:
        listen(e)
        return
    got = await call.gather(prompt=QUESTION, speech=True, hints=DEPARTMENTS, timeout=20)
    Logger.write(f"chosen: {got.speech!r} {got.reason} {got.error}")
    call.hangup()
    VoxEngine.terminate()


def listen(e: AppEvents.CallAlerting) -> None:
    """Write down one result after the other."""
    asr = VoxEngine.createASR(phraseHints=DEPARTMENTS, singleUtterance=True)
    for event in (ASREvents.Started, ASREvents.CaptureStarted, ASREvents.SpeechCaptured):
        asr.on(event)(lambda told: Logger.write(told.name))
    asr.on(ASREvents.Result)(lambda told: Logger.write(f"result: {told.text}"))
    asr.on(ASREvents.ASRError)(lambda told: Logger.write(f"error: {told.error}"))
    e.call.on(CallEvents.Disconnected)(lambda: VoxEngine.terminate())
    e.call.sendMediaTo(asr)
