"""Does what X-Steps says, in order: ring, early, play, answer, wait, reject-NNN, never."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, name = e.call, e.callerid
    call.on(CallEvents.Disconnected)(
        lambda d: Logger.write(f"{name} disconnected {d.internalCode}")
    )
    for step in e.headers["X-Steps"].split():
        Logger.write(f"{name} does {step}")
        if step == "ring":
            call.ring({"X-Step": "ring"})
        elif step == "early":
            call.startEarlyMedia()
        elif step == "play":
            await call.startPlayback("440.wav")
        elif step == "answer":
            await call.answer({"X-Step": "answer"})
        elif step == "wait":
            await VoxEngine.sleep(0.3)
        elif step.startswith("reject-"):
            call.reject(int(step.removeprefix("reject-")), {"X-Step": "reject"})
