"""Calls the address in every text message of its caller, and writes down what comes of it."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)

    @e.call.on(CallEvents.MessageReceived)
    async def wanted(message: CallEvents.MessageReceived) -> None:
        outcome = await VoxEngine.callSIP(message.text).answered()
        Logger.write(f"on demand: {outcome.code} {outcome.reason}")

    await e.call.answer()
    await e.call.startPlayback("440.wav", loop=True)
