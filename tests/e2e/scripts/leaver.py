"""Ends the session in the way X-How says."""

from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    how = e.headers["X-How"]
    VoxEngine.on(AppEvents.Terminating)(lambda t: Logger.write(f"{how} terminating"))
    VoxEngine.on(AppEvents.Terminated)(lambda t: Logger.write(f"{how} terminated"))
    if how == "unanswered":
        VoxEngine.terminate()
        Logger.write("unanswered goes on to its end")
        return
    await e.call.answer()
    if how == "answered":
        await VoxEngine.sleep(0.3)
        VoxEngine.terminate()
