"""Answers, and writes down when the caller's packets stop and come again."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    e.call.addEventListener(CallEvents.RtpStopped, lambda: Logger.write("watched stopped"))
    e.call.addEventListener(CallEvents.RtpResumed, lambda: Logger.write("watched resumed"))
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
