"""Answers, has what the caller says recognised, logs it, and hangs up."""

from runtime import AppEvents, ASREvents, Logger, VoxEngine


async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    asr = VoxEngine.createASR(profile="en-GB")
    e.call.sendMediaTo(asr)

    def understood(result: ASREvents.Result) -> None:
        Logger.write(f"understood: {result.text}")
        asr.stop()
        e.call.hangup()
        VoxEngine.terminate()

    asr.addEventListener(ASREvents.Result, understood)


VoxEngine.addEventListener(AppEvents.CallAlerting, incoming)
