"""Answers, says nothing, and tells how the call ended."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.on(CallEvents.Disconnected)(lambda d: Logger.write(f"quiet ended {d.internalCode}"))
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    Logger.write(f"quiet answered {call.callerid()}")
