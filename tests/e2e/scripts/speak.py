"""Says a sentence and hangs up."""

from runtime import AppEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    await e.call.say("Good morning. This is a test of the telephone.")
    e.call.hangup()
